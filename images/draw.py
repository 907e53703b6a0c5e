"""Draws the pictures of the README and the docs as SVG: python images/draw.py.

Plain Python, no dependency. Each picture has a background of its own, so it can be read on a light and on a dark page;
where the reader prefers dark pages, it is dark as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from pathlib import Path

FOLDER = Path(__file__).parent
WIDTH = 800
FONT = "font-family='DejaVu Sans, Verdana, Helvetica, Arial, sans-serif'"

PAPER = "#f7f8fa"
FRAME = "#cfd5de"
INK = "#1f2937"
MUTED = "#5b6675"
READ = "#3b82c4"
REPORT = "#7c6bb0"
ALTER = "#d9822b"
ALTER_INK = "#a85a0c"
STALL = "#c93a3a"
GOOD = "#3a9b62"
GRID = "#dfe3ea"
#: Where the reader prefers dark pages. The others stand on both.
DARK_GROUNDS = {
    PAPER: "#1a1d23",
    FRAME: "#3a404a",
    GRID: "#2c313a",
    "#ffffff": "#22262d",
    "#fbe7d0": "#4a3218",
    "#f6d5d5": "#4d2629",
    "#fbeaea": "#3a2023",
    "#e5e9f0": "#333944",
}
DARK_TEXTS = {INK: "#e5e9f0", MUTED: "#a3adbb", ALTER_INK: "#f0a35a", STALL: "#f08080", GOOD: "#5cc58a"}


@dataclass
class Picture:
    """A list of SVG elements with a title for those who cannot see it."""

    title: str
    description: str
    height: int
    parts: list[str] = field(default_factory=list)

    def text(
        self, x: float, y: float, text: str, size: int = 13, fill: str = INK, anchor: str = "start", bold: bool = False
    ) -> None:
        weight = " font-weight='bold'" if bold else ""
        self.parts.append(
            f"<text x='{x:g}' y='{y:g}' font-size='{size}' fill='{fill}' text-anchor='{anchor}'{weight}>"
            f"{escape(text)}</text>"
        )

    def box(
        self, x: float, y: float, width: float, height: float, fill: str, stroke: str = "none", radius: float = 4
    ) -> None:
        self.parts.append(
            f"<rect x='{x:g}' y='{y:g}' width='{width:g}' height='{height:g}' rx='{radius:g}' "
            f"fill='{fill}' stroke='{stroke}'/>"
        )

    def line(
        self, x1: float, y1: float, x2: float, y2: float, stroke: str = GRID, dash: str = "", width: float = 1
    ) -> None:
        dashed = f" stroke-dasharray='{dash}'" if dash else ""
        self.parts.append(
            f"<line x1='{x1:g}' y1='{y1:g}' x2='{x2:g}' y2='{y2:g}' "
            f"stroke='{stroke}' stroke-width='{width:g}'{dashed}/>"
        )

    def arrow(self, x1: float, y1: float, x2: float, y2: float, stroke: str = MUTED) -> None:
        """A line to the right or downwards with a head at its end."""
        self.line(x1, y1, x2, y2, stroke, width=1.5)
        points = ((-7, -4), (-7, 4)) if y1 == y2 else ((-4, -7), (4, -7))
        head = " ".join(f"{x2 + dx:g},{y2 + dy:g}" for dx, dy in [(0, 0), *points])
        self.parts.append(f"<polygon points='{head}' fill='{stroke}'/>")

    def pill(self, x: float, y: float, width: float, height: float, fill: str, text: str, size: int = 12) -> None:
        """A filled box with its text in white in the middle."""
        self.box(x, y, width, height, fill)
        self.text(x + width / 2, y + height / 2 + size * 0.36, text, size, "#ffffff", "middle", bold=True)

    def svg(self) -> str:
        head = (
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {self.height}' width='{WIDTH}' "
            f"height='{self.height}' role='img' {FONT}>\n<title>{escape(self.title)}</title>\n"
            f"<desc>{escape(self.description)}</desc>\n{dark()}"
            f"<rect x='0.5' y='0.5' width='{WIDTH - 1}' height='{self.height - 1}' rx='8' "
            f"fill='{PAPER}' stroke='{FRAME}'/>\n"
        )
        return head + "\n".join(self.parts) + "\n</svg>\n"


def dark() -> str:
    grounds = [
        f"{element}[{name}='{light}'] {{ {name}: {other}; }}"
        for light, other in DARK_GROUNDS.items()
        for element, name in (("rect", "fill"), ("rect", "stroke"), ("line", "stroke"))
    ]
    texts = [f"text[fill='{light}'] {{ fill: {other}; }}" for light, other in DARK_TEXTS.items()]
    return f"<style>@media (prefers-color-scheme: dark) {{ {' '.join(grounds + texts)} }}</style>\n"


LEFT = 150  # where time begins
SECOND = 100  # pixels of a second


def at(seconds: float) -> float:
    return LEFT + seconds * SECOND


def axis(picture: Picture, top: float, bottom: float) -> None:
    for second in range(7):
        picture.line(at(second), top, at(second), bottom)
        picture.text(at(second), bottom + 16, f"{second} s", 11, MUTED, "middle")


def lane(picture: Picture, y: float, name: str, note: str = "") -> None:
    picture.text(LEFT - 14, y + (10 if note else 17), name, 13, anchor="end", bold=True)
    if note:
        picture.text(LEFT - 14, y + 25, note, 11, MUTED, "end")


def dots(picture: Picture, y: float, begin: float, end: float, step: float = 0.12) -> None:
    """Queries of a few milliseconds each."""
    moment = begin
    while moment < end - step / 2:
        picture.box(at(moment), y + 3, 5, 18, READ, radius=2)
        moment += step


def lock_queue() -> Picture:
    picture = Picture(
        "The lock queue",
        "An ALTER TABLE of 4 ms waits 4 s for a report to end, and every query that comes after it waits behind it.",
        364,
    )
    picture.text(24, 34, "The lock queue: 4 ms of work, 4 seconds of standstill", 17, bold=True)
    axis(picture, 60, 290)
    lane(picture, 72, "a report", "SELECT, 5 s")
    picture.pill(at(0), 72, 5 * SECOND, 28, REPORT, "reads the table: ACCESS SHARE")
    lane(picture, 122, "ALTER TABLE", "ADD COLUMN")
    picture.box(at(1), 122, 4 * SECOND, 28, "#fbe7d0", ALTER)
    picture.text(at(3), 140, "waits for the report to let go", 12, ALTER_INK, "middle", bold=True)
    picture.box(at(5), 122, 6, 28, ALTER, radius=1)
    picture.text(at(5) + 12, 141, "4 ms of work", 12, ALTER_INK, bold=True)
    lane(picture, 176, "everybody else", "a few ms each")
    dots(picture, 172, 0, 1)
    for row in range(5):
        begin, y = 1.06 + row * 0.42, 172 + row * 21
        picture.box(at(begin), y, at(5.04) - at(begin), 17, "#f6d5d5", STALL, radius=3)
    picture.text(at(3.9), 226, "wait behind the ALTER", 12, STALL, "middle", bold=True)
    dots(picture, 172, 5.12, 6.3)
    picture.line(at(1), 64, at(1), 290, ALTER, "4 3", 1.5)
    picture.line(at(5.04), 64, at(5.04), 290, ALTER, "4 3", 1.5)
    picture.text(
        24,
        332,
        "ALTER TABLE needs ACCESS EXCLUSIVE. It must wait for the report, and PostgreSQL lets nobody",
        13,
        MUTED,
    )
    picture.text(
        24, 350, "overtake it: simple reads that would get along with the report queue up behind the ALTER.", 13, MUTED
    )
    return picture


def our_way() -> Picture:
    picture = Picture(
        "What we do instead",
        "While somebody holds the table, a short step looks and does not queue, so everybody goes on. "
        "The long work takes a lock that stops nobody.",
        384,
    )
    picture.text(24, 34, "Instead: wait outside the queue, and long work that stops nobody", 17, bold=True)
    axis(picture, 60, 304)
    lane(picture, 72, "a report", "SELECT, 3 s")
    picture.pill(at(0), 72, 3 * SECOND, 28, REPORT, "reads the table: ACCESS SHARE")
    lane(picture, 124, "short steps", "milliseconds")
    moment = 0.8
    while moment < 3:
        picture.line(at(moment), 130, at(moment), 146, ALTER, "", 2)
        moment += 0.15
    picture.text(at(2.95), 168, "looks who is in the way, asks for no lock", 11, ALTER_INK, "end", bold=True)
    picture.box(at(3.05), 124, 6, 28, ALTER, radius=1)
    picture.text(at(3.05) + 20, 168, "done", 11, ALTER_INK, "middle", bold=True)
    picture.box(at(5.6), 124, 6, 28, ALTER, radius=1)
    picture.text(at(5.6) + 3, 168, "done", 11, ALTER_INK, "middle", bold=True)
    lane(picture, 184, "long steps", "as long as it takes")
    picture.pill(at(3.3), 184, 2.2 * SECOND, 28, GOOD, "CREATE INDEX CONCURRENTLY")
    picture.text(at(4.4), 228, "VALIDATE CONSTRAINT, batches", 11, GOOD, "middle", bold=True)
    lane(picture, 258, "everybody else", "a few ms each")
    stalls = [(3.05, 3.11), (5.6, 5.66)]
    edge = 0.0
    for begin, end in stalls:
        dots(picture, 256, edge, begin)
        picture.box(at(begin), 259, max((end - begin) * SECOND, 6), 18, "#f6d5d5", STALL, radius=2)
        edge = end + 0.06
    dots(picture, 256, edge, 6.3)
    picture.text(at(3.08), 294, "milliseconds", 11, STALL, "middle", bold=True)
    picture.text(
        24,
        346,
        "What needs a strong lock is made a matter of the catalogue: milliseconds. What reads or writes the whole",
        13,
        MUTED,
    )
    picture.text(
        24,
        364,
        "table (an index, a check of all rows, a fill) runs under a lock that reads and writes get along with.",
        13,
        MUTED,
    )
    return picture


def deployment() -> Picture:
    picture = Picture(
        "Deployment",
        "Migrations that old code can live with run before the new code starts; "
        "those that take something away run after the old code is gone.",
        470,
    )
    picture.text(24, 34, "Deployment: old and new code run side by side", 17, bold=True)
    lane(picture, 74, "old code")
    lane(picture, 114, "new code")
    lane(picture, 155, "database")
    begin, first, start, gone, second, end = 150, 250, 330, 520, 600, 776
    picture.box(begin, 72, gone - begin, 28, "#64748b")
    picture.text((begin + start) / 2, 91, "version 1", 12, "#ffffff", "middle", bold=True)
    picture.box(start, 112, end - start, 28, READ)
    picture.text((gone + end) / 2, 131, "version 2", 12, "#ffffff", "middle", bold=True)
    picture.box(start, 66, gone - start, 80, "none", STALL, 6)
    picture.text((start + gone) / 2, 60, "both at once", 12, STALL, "middle", bold=True)
    picture.box(begin, 158, end - begin, 20, "#e5e9f0", FRAME)
    picture.text((begin + first) / 2, 172, "schema 1", 11, MUTED, "middle", bold=True)
    picture.text((first + second) / 2, 172, "schema that both versions can work with", 11, MUTED, "middle", bold=True)
    picture.text((second + end) / 2, 172, "schema 2", 11, MUTED, "middle", bold=True)
    for x in (first, second):
        picture.line(x, 152, x, 184, ALTER, width=2)
    picture.arrow(first, 184, first, 214, ALTER)
    picture.arrow(second, 184, second, 214, ALTER)
    column(
        picture,
        x=24,
        width=370,
        colour=GOOD,
        title="1. migrate before the new code starts",
        lines=[
            "What old code does not notice:",
            "• new tables; columns that are NULL or have",
            "   a default in the database (db_default)",
            "• indexes; longer varchar; NOT NULL to NULL",
            "• constraints that old code keeps already",
            "Then start the new code, node by node.",
        ],
    )
    column(
        picture,
        x=406,
        width=370,
        colour=REPORT,
        title="2. migrate after the old code is gone",
        lines=[
            "What old code still needed:",
            "• columns and tables that nobody uses now",
            "• NOT NULL and constraints that only the",
            "   new code keeps",
            "Django selects every column that it knows, so",
            "the code forgets it first, the database last.",
        ],
    )
    picture.box(24, 394, 752, 58, "#fbeaea", STALL)
    picture.text(40, 418, "Neither before nor after:", 13, STALL, bold=True)
    picture.text(230, 418, "a rename, another type. Old and new code cannot both work, so:", 13)
    picture.text(
        40, 440, "add the new column (1), write both, fill in batches, read the new one, remove the old column (2).", 13
    )
    return picture


def column(picture: Picture, x: float, width: float, colour: str, title: str, lines: list[str]) -> None:
    picture.box(x, 216, width, 164, "#ffffff", FRAME)
    picture.pill(x, 216, width, 30, colour, title, 13)
    for number, line in enumerate(lines):
        indent = 14 if line.startswith(" ") else 0
        picture.text(x + 16 + indent, 268 + number * 20, line.strip(), 13)


PICTURES = {"lock_queue": lock_queue, "our_way": our_way, "deployment": deployment}


def main() -> None:
    for name, draw in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(draw().svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
