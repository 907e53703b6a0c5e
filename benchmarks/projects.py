"""The projects whose migrations are measured."""

from __future__ import annotations

import compileall
from collections.abc import Callable
from pathlib import Path

from . import generated

CONTRIB = [f"django.contrib.{name}" for name in ("contenttypes", "auth", "admin", "sessions", "messages")]
WAGTAIL = [
    *(f"wagtail.contrib.{name}" for name in ("forms", "redirects", "settings", "search_promotions")),
    *(f"wagtail.{name}" for name in ("embeds", "sites", "users", "snippets", "documents", "images", "search", "admin")),
    "wagtail",
    "modelcluster",
    "taggit",
]

SETTINGS = """import json
import os

DATABASES = {{"default": json.loads(os.environ["DATABASE"])}}
INSTALLED_APPS = {apps!r}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "benchmark"
SITE_ID = 1
USE_TZ = True
STATIC_URL = "/static/"
WAGTAIL_SITE_NAME = "benchmark"
WAGTAILADMIN_BASE_URL = "http://localhost"
TEMPLATES = [{{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}}]
"""


def contrib(folder: Path) -> list[str]:
    return [*CONTRIB, *(f"django.contrib.{name}" for name in ("sites", "redirects", "flatpages"))]


def wagtail(folder: Path) -> list[str]:
    return [*WAGTAIL, *CONTRIB, "django.contrib.staticfiles"]


def made_up(folder: Path) -> list[str]:
    return ["django.contrib.contenttypes", "django.contrib.auth", *generated.write(folder)]


CASES: dict[str, Callable[[Path], list[str]]] = {"contrib": contrib, "wagtail": wagtail, "generated": made_up}
#: Rounds of a case for each round that is asked for.
REPEATS = {"contrib": 3}


def write(case: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "project_settings.py").write_text(SETTINGS.format(apps=CASES[case](folder)))
    compileall.compile_dir(folder, quiet=1)
