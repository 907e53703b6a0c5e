"""Writes the pages of the rules from their records and examples, for the site and for `check_migrations --explain`:
`python -m docs.rules.generate`.

An example is a file in examples/, named for the module of its rule, of parts that begin with a comment:

    # given: what the reader has to know of the state before    (`operations`, SQL `statements`, or `settings`)
    # unsafe                                                    (`operations` of one migration)
    # safe: a title                                             (the same, beginning again from the state before)
    # then: a title                                             (the migration after the one before)

What stands before the first part belongs to each. tests/docs/test_rules.py runs them all.
"""

from __future__ import annotations

import linecache
import re
import sys
import textwrap
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, NamedTuple
from unittest.mock import patch

from django.db import models

from django_zero_downtime_migrations import rules
from django_zero_downtime_migrations.findings import Severity
from django_zero_downtime_migrations.judging.explain import PAGES
from django_zero_downtime_migrations.planning.rule import Rule

FOLDER = Path(__file__).parent
PART = re.compile(r"^# (given|unsafe|safe|then)(?:: (.+))?\n", re.M)
SEVERITIES = {
    Severity.REFUSE: "refused with RAISE_FOR_UNSAFE, else a warning",
    Severity.WARN: "a warning",
    Severity.NOTE: "a note",
}
INTRODUCTION = """\
# Rules

What `migrate` and `check_migrations` report, with examples that the tests run. These pages are generated:
`python -m docs.rules.generate`.

| rule | found | what becomes of it |
|---|---|---|
"""
TOCTREE = """
```{toctree}
:hidden:
:glob:

*-*
```
"""
EXAMPLES = """\

The examples are of an app `shop` with the models `Order` and `Customer`, whose tables are in use; each block is of one
migration.
"""


class Part(NamedTuple):
    """:ivar kind: given, unsafe, safe or then. :ivar code: what is shown. :ivar header: what runs before it."""

    kind: str
    title: str
    code: str
    header: str

    def run(self) -> dict[str, Any]:
        """The names that it defines."""
        names: dict[str, Any] = {}
        source, file = self.header + self.code, f"<{self.kind} {self.title} {id(self)}>"
        with patch.dict(sys.modules, shop()):
            exec(compile(source, file, "exec"), names)
        # check_migrations reads the source of functions, as it finds it in a migration.
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        return names


@cache
def shop() -> dict[str, ModuleType]:
    """The app of the examples, as far as one imports it."""
    meta = type("Meta", (), {"app_label": "shop_of_today", "db_table": "shop_order"})
    module = ModuleType("shop.models")
    vars(module)["Order"] = type("Order", (models.Model,), {"Meta": meta, "__module__": "shop.models"})
    return {"shop": ModuleType("shop"), "shop.models": module}


def parts(name: str) -> list[Part]:
    """:param name: of the rule's module."""
    text = (FOLDER / "examples" / f"{name}.py").read_text("utf-8")
    header, *rest = PART.split(text)
    groups = zip(*[iter(rest)] * 3, strict=True)
    return [Part(kind, title or "", code.strip() + "\n", header) for kind, title, code in groups]


def modules() -> dict[str, Rule]:
    """The rules by the names of their modules."""
    names = [module.name for module in iter_modules(rules.__path__)]
    return {name: import_module(f"{rules.__name__}.{name}").RULE for name in names}


def page_name(rule: Rule) -> str:
    return f"{rule.code.lower().replace('_', '-')}.md"


def pages() -> dict[str, str]:
    """File names and texts of all pages."""
    found = sorted(modules().items(), key=lambda item: item[1].code)
    index = "".join(f"| [{rule.code}]({page_name(rule)}) | {rule.when} | {_severity(rule)} |\n" for _, rule in found)
    return {"index.md": INTRODUCTION + index + TOCTREE} | {
        page_name(rule): page(name, rule, sections()[page_name(rule)]) for name, rule in found
    }


@cache
def sections() -> dict[str, str]:
    """Where the reference says more, by the slug of the heading."""
    found = {}
    for path in sorted((FOLDER.parent / "reference").glob("f*.md")):
        for heading in re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.M):
            slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            found[f"{slug}.md"] = f"\nMore: [{heading}](../reference/{path.name}#{slug}).\n"
    return found


def page(name: str, rule: Rule, more: str = "") -> str:
    """:param more: what stands behind the facts."""
    facts = {
        "Found": f"{rule.when}.",
        "Effect": f"{rule.effect}.",
        "Instead": f"{rule.instead}.",
        "Kind": rule.kind.value,
        "What becomes of it": f"{_severity(rule)}.",
    }
    text = f"# {rule.code}\n\n" + "".join(f"- **{title}:** {fact}\n" for title, fact in facts.items())
    text += more + EXAMPLES
    shown = set()
    for part in parts(name):
        if part.kind in ("unsafe", "safe"):
            text += "\n<!-- or -->\n" if part.kind in shown else f"\n## {part.kind.capitalize()}\n"
            shown.add(part.kind)
        text += f"\nGiven: {part.title}.\n" if part.kind == "given" else f"\n{_title(part)}```python\n{part.code}```\n"
    return text


def texts() -> dict[str, str]:
    """The same for a terminal: file names and texts."""
    return {f"{rule.code}.txt": _plain(page(name, rule)) for name, rule in modules().items()}


def _plain(text: str) -> str:
    """Markdown of these pages, without its marks."""
    lines = []
    for number, piece in enumerate(re.split(r"```python\n(.*?)```", text, flags=re.S)):
        if number % 2:
            lines.append(textwrap.indent(piece.rstrip(), "    "))
        else:
            lines += [_plain_paragraph(each) for each in piece.strip("\n").split("\n\n")]
    return "\n\n".join(filter(None, lines)) + "\n"


def _plain_paragraph(text: str) -> str:
    text = re.sub(r"\*\*(.+?)\*\*", r"\1", text.replace("<!-- or -->", "Or"))
    if text.startswith("- "):
        return "\n".join(textwrap.fill(line[2:], 100, subsequent_indent="  ") for line in text.splitlines())
    return textwrap.fill(text.lstrip("# "), 100)


def _title(part: Part) -> str:
    then = "then, " if part.kind == "then" else ""
    title = f"{then}{part.title}" if part.title else ""
    return f"{title[:1].upper()}{title[1:]}:\n\n" if title else ""


def _severity(rule: Rule) -> str:
    where = ", from `check_migrations` only" if rule.only_checked else ""
    return SEVERITIES[rule.severity] + where


def main() -> None:
    for folder, kind, wanted in ((FOLDER, "*.md", pages()), (PAGES, "*.txt", texts())):
        folder.mkdir(exist_ok=True)
        for path in folder.glob(kind):
            if path.name not in wanted:
                path.unlink()
        for name, text in wanted.items():
            (folder / name).write_text(text, "utf-8")
        print(f"{len(wanted)} pages in {folder}")


if __name__ == "__main__":
    main()
