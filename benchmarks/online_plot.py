"""The picture of what the clients of `online.py` saw: python -m benchmarks.online_plot FIGURES.json PICTURE.svg

One panel for each way: every transaction of a client, when it began and how long it took. Needs matplotlib: pip install
-r benchmarks/requirements.txt
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from .online import BY_HAND, ONLINE, STOCK, Round

TITLES = {STOCK: "stock Django", BY_HAND: "by hand: loops and a swap", ONLINE: "ONLINE_TYPE_CHANGES"}
COLOURS = {"readers": "#2f81c9", "writers": "#d9822b"}
#: Readable on a light and on a dark page.
INK, GRID = "#7d8590", "#7d859055"
LEAST, MOST = 0.0001, 20


def draw(rounds: dict[str, Round], rows: int, path: Path) -> None:
    """Write the picture.

    :param rounds: one round of each way.
    :param rows: the rows of the table.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(TITLES), 1, figsize=(9, 6.5), sharey=True)
    for axis, (name, title) in zip(axes, TITLES.items(), strict=True):
        panel(axis, rounds[name])
        axis.set_title(title, fontsize=10, color=INK, loc="left")
    axes[-1].set_xlabel("seconds since the beginning of the migration", fontsize=9, color=INK)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper right", ncols=2, fontsize=9, frameon=False, labelcolor=INK)
    figure.suptitle(
        f"integer key becomes bigint: {rows:,} rows, three tables refer to it", fontsize=11, color=INK, x=0.3
    )
    figure.tight_layout()
    figure.savefig(path, transparent=True)
    pyplot.close(figure)


def panel(axis: Any, one: Round) -> None:
    axis.set_yscale("log")
    axis.set_ylim(LEAST, MOST)
    axis.set_xlim(-0.5, one["time"] + 0.5)
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:g} s" if value >= 1 else f"{1000 * value:g} ms")
    axis.grid(axis="y", color=GRID)
    axis.tick_params(colors=INK, labelsize=8)
    for side in axis.spines.values():
        side.set_visible(False)
    for kind, colour in COLOURS.items():
        seen = [(at, max(wait, LEAST)) for at, wait in one["seen"][kind] if -0.5 <= at <= one["time"] + 0.5]
        at, waits = zip(*seen, strict=True)
        axis.scatter(at, waits, s=3, color=colour, label=kind, linewidths=0, rasterized=len(seen) > 3000)


def middle_round(rounds: list[Round]) -> Round:
    """The round whose longest transaction is the median of all."""
    return sorted(rounds, key=lambda one: float(one["longest"]))[len(rounds) // 2]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.online_plot", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("figures", type=Path, help="written by benchmarks.online --json")
    parser.add_argument("picture", type=Path)
    arguments = parser.parse_args()
    found: dict[str, dict[str, list[Round]]] = json.loads(arguments.figures.read_text())
    rows = max(map(int, found))
    draw({name: middle_round(rounds) for name, rounds in found[str(rows)].items()}, rows, arguments.picture)


if __name__ == "__main__":
    main()
