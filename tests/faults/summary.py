"""The number of interruptions, at the end of the report: pytest asks the conftest of all tests for it."""

from __future__ import annotations

from typing import Any

INTRUSIONS = ("intrusions", "went on", "refused and mended")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write the numbers, which come with the reports, also from the workers of pytest-xdist."""
    sums = dict.fromkeys(("interruptions", "not recovered", "without a journal", "refused", *INTRUSIONS), 0)
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name in sums and report.when == "call":
                    sums[name] += value
    if sums["interruptions"]:
        lost = sums["not recovered"]
        end = "all recovered" if not lost else f"{lost:,} of them not recovered"
        terminalreporter.write_line(f"{sums['interruptions']:,} interruptions, {end}")
    if sums["without a journal"]:
        without = f"{sums['without a journal']:,} interruptions without a journal afterwards"
        terminalreporter.write_line(f"{without}, {sums['refused']:,} of them refused")
    if sums["intrusions"]:
        ends = ", ".join(f"{sums[name]:,} {name}" for name in INTRUSIONS)
        terminalreporter.write_line(f"{ends}, the others denied by the server")
