"""The work of ``check_migrations`` with its options."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from ..checks import unknown_acceptances
from ..django_types import Connection
from ..errors import CannotJudge
from ..findings import Severity
from ..record import Row
from ..reporting.report import Options, Report
from ..settings import MigrationSettings
from .choice.index import imported_from_index
from .choice.selection import Request, Start, select
from .configuration import ORDER, Configuration, completed
from .connect import connected, default_alias, unconnected
from .counted import baseline, sizes
from .entries import JudgingOptions
from .judge import Judgement
from .list_rules import listed

Given = Mapping[str, Any]


class Result(Row):
    """The result of a check.

    :param options: how the report counts.
    :param said: lines for the standard error.
    """

    report: Report
    options: Options
    fails: bool
    said: list[str]


def judge(given: Given) -> Result:
    """Judge the migrations.

    :param given: the command's options.
    :raises CannotJudge: with one line that says why.
    :raises ImproperlyConfigured: when a setting is wrong.
    """
    refuse_contradictions(given)
    options, configuration = completed(given)
    with imported_from_index() if given["staged"] else nullcontext():
        return _judge(options, configuration)


def _judge(given: Given, configuration: Configuration) -> Result:
    alias = given["database"] or default_alias()
    without = given["without_database"]
    connection = unconnected(alias) if without else connected(alias)
    settings = MigrationSettings.load(alias)
    known = baseline.read(given["baseline"]) if given["baseline"] else None
    selection = select(_request(given, settings), None if without else connection)
    for problem in unknown_acceptances(settings.accept, selection.loader):
        raise CannotJudge(f"{problem.message}. {problem.hint}")
    how = JudgingOptions(
        strict=given["strict"],
        configuration=configuration,
        one_deployment=selection.pending or bool(given["since"]) or given["staged"],
    )
    made = Judgement(selection, connection, _sizes(given, None if without else connection), how)
    report = made.report("" if without else alias)
    said = []
    if given["write_baseline"]:
        count = baseline.write(given["write_baseline"], report.entries)
        said.append(f"The baseline {given['write_baseline']} has {count} findings.")
    if known is not None:
        report = report.named(entries=baseline.marked(report.entries, known))
    counting = _counting(given["fail_on"] or ["refuse"])
    return Result(report, counting, not given["write_baseline"] and _fails(report, counting), said)


def list_rules(given: Given) -> str:
    """Return a line for each rule, as the project has it.

    :raises CannotJudge: for a wrong option of the project.
    """
    _, configuration = completed(given)
    return listed(configuration.ignore, configuration.severity)


def write_stats(given: Given) -> int:
    """Write the sizes of the database's tables.

    :returns: how many tables.
    :raises CannotJudge: as :func:`judge`.
    """
    options, _ = completed(given)
    if given["without_database"]:
        raise CannotJudge("--write-stats asks a database: it cannot be used with --without-database.")
    return sizes.write(connected(options["database"] or default_alias()), given["write_stats"])


def refuse_contradictions(given: Given) -> None:
    if given["since"] and given["staged"]:
        raise CannotJudge("--since and --staged choose different migrations: give one of them.")
    if given["baseline"] and given["write_baseline"]:
        raise CannotJudge("--baseline and --write-baseline exclude each other.")


def _request(given: Given, settings: MigrationSettings) -> Request:
    of_database = (Start(app, name, "CHECK_START") for app, name in (settings.check_start or {}).items())
    return Request(
        app=given["app"],
        migration=given["migration"],
        everything=given["all"],
        since=given["since"],
        staged=given["staged"],
        starts=(*of_database, *given["starts"]),
        exclude=tuple(given["exclude"]),
        third_party=given["include_third_party"],
    )


def _sizes(given: Given, connection: Connection | None) -> sizes.Sizes:
    if given["stats_file"]:
        return sizes.FileSizes(given["stats_file"])
    return sizes.Sizes() if connection is None else sizes.DatabaseSizes(connection)


def _counting(fail_on: list[str]) -> Options:
    """A check that fails on one severity fails on those before it."""
    lowest = max((ORDER.index(Severity(name)) for name in fail_on if name != "unanalysed"), default=0)
    return Options(failing=ORDER[: lowest + 1], unanalysed_fails="unanalysed" in fail_on)


def _fails(report: Report, options: Options) -> bool:
    counted = any(report.of(severity) for severity in options.failing)
    return counted or (options.unanalysed_fails and bool(report.unanalysed))
