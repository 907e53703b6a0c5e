"""Reports as text: one module per format, imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from ..places import Location
from .report import Entry, Options, Report, Unanalysed, UnusedAssurance

__all__ = ["FAIL_ON", "FORMATS", "Entry", "Location", "Options", "Report", "Unanalysed", "UnusedAssurance", "render"]

#: What a check may fail on: severities, and what could not be analysed.
FAIL_ON = ("refuse", "warn", "note", "unanalysed")
#: Format -> its module, which has ``render(report, options)``.
FORMATS: dict[str, str] = {
    "text": "text",
    "json": "as_json",
    "sarif": "sarif",
    "github": "github",
    "gitlab": "gitlab",
    "junit": "junit",
    "markdown": "markdown",
}


def render(form: str, report: Report, options: Options | None = None) -> str:
    """Render a report.

    :param form: a key of :data:`FORMATS`.
    :returns: the text, with a line feed at its end unless it is empty.
    """
    write: Callable[[Report, Options], str] = import_module(f".{FORMATS[form]}", __name__).render
    return write(report, options or Options())
