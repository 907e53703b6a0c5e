"""The picture of what `stall.py` has measured: python -m benchmarks.stall_plot FIGURES.json PICTURE.png

Needs matplotlib: pip install -r benchmarks/requirements.txt
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from .stall_figures import AGAIN, OURS, PG_ZERO_DOWNTIME, STOCK, TITLES, Results, Run, blocked, longest

COLOURS = {STOCK: "#c93a3a", PG_ZERO_DOWNTIME: "#d9822b", AGAIN: "#d8b13c", OURS: "#3a9b62"}
INK, GRID, PAPER = "#1f2937", "#dfe3ea", "#f7f8fa"
LEAST = 0.001


def draw(results: Results, subtitle: str, path: Path) -> None:
    """Write a PNG: per operation the longest stall and the client-seconds blocked, with the report."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    report = any(run.report for run in results.runs)
    names = sorted(results.operations(report), key=lambda name: name not in results.short)
    figure, axes = pyplot.subplots(1, 2, figsize=(11, 0.36 * len(names) + 2), sharey=True, facecolor=PAPER)
    panels = [
        (axes[0], longest, "longest that one query took"),
        (axes[1], blocked, "client-seconds in stalled queries"),
    ]
    for axis, what, title in panels:
        panel(axis, results, report, names, what)
        axis.set_title(title, fontsize=10, color=INK)
    titles = [results.titles[name] + (" *" if name in results.short else "") for name in names]
    axes[0].set_yticks(range(len(names)), titles, fontsize=9)
    axes[0].invert_yaxis()
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(labels), fontsize=9, frameon=False)
    figure.suptitle("What clients notice of a migration" + (" that meets a report" if report else ""), color=INK)
    note = f"* only changes the catalogue; × was not applied\n{subtitle}"
    figure.text(0.5, 0.052, note, ha="center", va="bottom", fontsize=8, color=INK)
    figure.tight_layout(rect=(0, 0.1, 1, 1))
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def panel(axis: Any, results: Results, report: bool, names: list[str], what: Any) -> None:
    measured = [who for who in COLOURS if results.of(who, report)]
    height = 0.8 / max(len(measured), 1)
    axis.set_facecolor(PAPER)
    axis.set_xscale("log")
    axis.set_xlim(LEAST, 200 if what is blocked else 20)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g} s" if value >= 1 else f"{1000 * value:g} ms")
    axis.grid(axis="x", color=GRID)
    axis.set_axisbelow(True)
    axis.margins(y=0.01)
    axis.tick_params(colors=INK, labelsize=8)
    axis.tick_params(axis="y", length=0)
    for side in axis.spines.values():
        side.set_visible(False)
    for number, who in enumerate(measured):
        values = [results.median(who, report, name, what) or 0.0 for name in names]
        places = [place + (number + 0.5) * height - 0.4 for place in range(len(names))]
        widths = [max(value, LEAST) - LEAST for value in values]
        axis.barh(places, widths, height * 0.9, left=LEAST, color=COLOURS[who], label=TITLES[who])
        for name, place, value in zip(names, places, values, strict=True):
            if not all(run.applied for run in results.of(who, report, name)):
                axis.text(max(value, LEAST) * 1.1, place, "×", va="center", fontsize=9, color=COLOURS[who])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stall_plot", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("figures", type=Path)
    parser.add_argument("picture", type=Path)
    arguments = parser.parse_args()
    found = json.loads(arguments.figures.read_text())
    draw(read(found), found["subtitle"], arguments.picture)


def read(found: dict[str, Any]) -> Results:
    """The results that `stall.py` has written."""
    runs = [Run(**run) for run in found["runs"]]
    return Results(runs, found["titles"], frozenset(found["short"]), found["partitions"], found["lock_timeout"])


if __name__ == "__main__":
    main()
