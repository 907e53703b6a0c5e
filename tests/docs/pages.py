"""The parts of the project's Markdown pages: headings, links, tables, and blocks of code."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
SITE = ROOT / "docs"
PAGES = sorted([README, ROOT / "CHANGES.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *SITE.rglob("*.md")])
#: What people read who use it, each block of which is tried. The rules' pages have tests of their own.
ROOMS = ("start", "how-to", "run-it", "runbook", "reference", "explanation", "project")
GUIDE = [README, *(page for room in ROOMS for page in sorted((SITE / room).glob("[!_]*.md")))]
FIVE_MINUTES = SITE / "start" / "five-minutes.md"
STATEMENTS = SITE / "reference" / "statements.md"

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[^\s`]*)[^\n`]*\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)
_HEADING = re.compile(r"^#+ (.+)$", re.M)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
#: Where a section begins again from the same database.
_OR = "<!-- or -->"


@dataclass(frozen=True)
class Block:
    """A block of code.

    :ivar language: ``python``, ``sql`` or ``sh`` for a block that is run; ``text`` for output.
    :ivar finding: the rule that its first line names as what it shows; empty in a block that is to be copied.
    :ivar way: the number of its alternative in the section, from 0.
    """

    page: Path
    section: str
    way: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}, {self.section}"

    @property
    def finding(self) -> str:
        match = re.match(r"# ([A-Z_]+)\n", self.text)
        return match[1] if match else ""


def blocks(page: Path, language: str = "") -> list[Block]:
    """Return the blocks of a page.

    :param language: the language of the wanted blocks; without it, all of them.
    """
    text = page.read_text("utf-8")
    found = []
    for match in _FENCE.finditer(text):
        before = without_blocks(text[: match.start()])
        section = next(iter(_HEADING.findall(before)[-1:]), "")
        way = before[before.rindex(section) :].count(_OR)
        found.append(Block(page, section, way, match["language"], textwrap.dedent(match["text"])))
    return [block for block in found if not language or block.language == language]


def everywhere(language: str) -> list[Block]:
    return [block for page in GUIDE for block in blocks(page, language)]


def anchors(page: Path) -> set[str]:
    """Return the targets of `#…`: GitHub's slugs of the headings."""
    return {_slug(heading) for heading in _HEADING.findall(without_blocks(page.read_text("utf-8")))}


def links(page: Path) -> list[str]:
    return _LINK.findall(without_blocks(page.read_text("utf-8")))


def rows(page: Path, first: str) -> list[list[str]]:
    """The cells of the table whose first heading is this."""
    table = page.read_text("utf-8").split(f"\n| {first} |", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def without_blocks(text: str) -> str:
    """A page's text without what stands between fences."""
    return _FENCE.sub("", text)


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
