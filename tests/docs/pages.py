"""The parts of the project's Markdown pages: headings, links, tables, and blocks of code."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = sorted([README, ROOT / "CHANGES.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)
_HEADING = re.compile(r"^#+ (.+)$", re.M)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
#: Where a section begins again from the same database.
_OR = "<!-- or -->"


@dataclass(frozen=True)
class Block:
    """A block of code.

    :ivar finding: the rule that its first line names as what it shows; empty in a block that is to be copied.
    :ivar way: the number of its alternative in the section, from 0.
    """

    section: str
    way: int
    language: str
    text: str

    @property
    def finding(self) -> str:
        match = re.match(r"# ([A-Z_]+)\n", self.text)
        return match[1] if match else ""


def blocks(page: Path, language: str) -> list[Block]:
    text = page.read_text("utf-8")
    found = []
    for match in _FENCE.finditer(text):
        before = _without_blocks(text[: match.start()])
        section = _HEADING.findall(before)[-1]
        way = before[before.rindex(section) :].count(_OR)
        found.append(Block(section, way, match["language"], textwrap.dedent(match["text"])))
    return [block for block in found if block.language == language]


def anchors(page: Path) -> set[str]:
    """Return the targets of `#…`: GitHub's slugs of the headings."""
    return {_slug(heading) for heading in _HEADING.findall(_without_blocks(page.read_text("utf-8")))}


def links(page: Path) -> list[str]:
    return _LINK.findall(_without_blocks(page.read_text("utf-8")))


def rows(page: Path, first: str) -> list[list[str]]:
    """The cells of the table whose first heading is this."""
    table = page.read_text("utf-8").split(f"\n| {first} |", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def _without_blocks(text: str) -> str:
    return _FENCE.sub("", text)


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
