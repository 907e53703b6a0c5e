"""The site: `tox -e docs`, or `python -m sphinx -W --keep-going -n docs .tox/site` where Sphinx, MyST and furo are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from sphinx.util import inspect

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
settings.configure()

import django_zero_downtime_migrations  # noqa: E402

project = "Django online migrations"
copyright = "2026, its contributors"
version = release = django_zero_downtime_migrations.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
# What begins with a line is the source of another page.
exclude_patterns = ["**/__pycache__", "**/_*.md"]
templates_path: list[str] = []

# The slugs of GitHub, so that a link leads to the same heading there and here.
myst_heading_anchors = 4
myst_links_external_new_tab = False

autodoc_typehints = "signature"
maximum_signature_line_length = 80
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
nitpicky = True
# Types of others, and those that stand for several of them: no inventory is fetched from a network to build the site.
nitpick_ignore_regex = [
    ("py:.*", r"(django|collections|enum|typing)\..*"),
    ("py:.*", r"[A-Za-z]+|calls\.Calls"),
]


def signature(app: Any, what: str, name: str, of: Any, options: Any, text: str | None, returns: Any) -> Any:
    """Of a class, that of its own ``__init__``: Django's operations have a ``__new__`` that takes everything."""
    if what not in ("class", "exception") or "__init__" not in vars(of) or issubclass(of, tuple):
        return None
    whole = inspect.signature(of.__init__, bound_method=True)
    return inspect.stringify_signature(whole, unqualified_typehints=True, show_return_annotation=False), None


def setup(app: Any) -> None:
    app.connect("autodoc-process-signature", signature)


html_theme = "furo"
html_title = f"{project} {version}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_theme_options = {"navigation_with_keys": True}
html_show_sphinx = False
html_copy_source = False
