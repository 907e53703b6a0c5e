"""The findings of an editor -> the entries of a report."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..acceptances import Acceptances, acceptance
from ..catalog.records import Size
from ..ddl.raw_sql import meaning
from ..errors import CannotMigrate
from ..findings import Finding, Origin
from ..operation_facts import runs_code, touches_no_table
from ..operations import SafetyAssured
from ..places import Place, every, location
from ..planning.verdict import accepted
from ..record import Record
from ..reporting.report import Entry, Unanalysed, UnusedAssurance
from ..rules.cannot_migrate import RULE as CANNOT_MIGRATE
from . import whole_deployment
from .choice.selection import one_line
from .configuration import Configuration
from .counted.sizes import Sizes
from .examples.writers import example
from .run_python import of_functions
from .whole_deployment import Judged, Result, assured
from .without_database.offline import NotConnected
from .without_database.state_only import left_behind, made_up


class JudgingOptions(Record):
    """The mode of the judgement.

    :param strict: only additive operations pass.
    :param one_deployment: the migrations will run together.
    :param configuration: the rules as the project has them.
    """

    strict: bool = False
    configuration: Configuration = Configuration()
    one_deployment: bool = False


class Entries:
    """The entries of a report.

    :param accept: what the settings and the environment accept.
    """

    def __init__(self, sizes: Sizes, how: JudgingOptions, accept: Acceptances) -> None:
        self.sizes = sizes
        self.how = how
        self.accept = accept
        self._used: set[str] = set()

    def results(self, judged: Judged) -> Iterator[Result]:
        """Yield the findings of a migration, without those of rules that the project has turned off."""
        return (result for result in self._results(judged) if not self.how.configuration.ignores(result[1]))

    def _results(self, judged: Judged) -> Iterator[Result]:
        for found in judged.editor.found:
            yield found.place, found.finding
        for error, place in judged.editor.failed:
            if isinstance(error, CannotMigrate):
                origin = Origin(app=judged.migration.app_label, operation=place.path[0])
                yield place, CANNOT_MIGRATE.found(one_line(error), origin=origin)
        yield from whole_deployment.changes_rows_and_table(judged)
        yield from left_behind(judged)
        if self.how.one_deployment:
            # One by one, from the models alone, it is not known what SQL of earlier migrations has made.
            yield from made_up(judged)
        yield from of_functions(judged)
        if self.how.strict:
            yield from whole_deployment.not_additive(judged)

    def entry(self, judged: Judged, place: Place | None, finding: Finding) -> Entry:
        migration = judged.migration
        origin = finding.origin.named(
            migration=migration.name,
            app=finding.origin.app or migration.app_label,
            operation=place.path[0] if place else None,
        )
        size = self.sizes.of(judged.editor.live_names.get(finding.table, finding.table)) if finding.table else Size()
        if not finding.assured and finding.code != CANNOT_MIGRATE.code:
            # The findings of check_migrations alone did not exist when the plan was made.
            finding = accepted(finding, self.accept, migration.app_label, migration.name)
        finding = self.how.configuration.counted(finding)
        return Entry(
            finding=finding.named(origin=origin),
            app=migration.app_label,
            migration=migration.name,
            operation=type(place.operation).__name__ if place else "",
            severity=finding.severity,
            eased=finding.eased,
            location=location(migration, place.path if place else ()),
            rows=size.rows,
            size=size.bytes,
            example=example(finding, place, migration.app_label),
        )

    def unanalysed(self, judged: Judged) -> Iterator[Unanalysed]:
        migration = judged.migration
        covering = acceptance(self.accept, migration.app_label, migration.name, "")
        for place, why in _not_read(judged):
            if place is not None and assured(judged, place):
                continue
            if covering is not None:
                self._used.add(covering.key)
            else:
                yield Unanalysed(
                    app=migration.app_label,
                    migration=migration.name,
                    operation=type(place.operation).__name__ if place else "",
                    why=why,
                    location=location(migration, place.path if place else ()),
                )

    def unused(self, judged: Judged, results: Iterable[Result]) -> Iterator[UnusedAssurance]:
        used = [place.path for place, _ in results if place] + [place.path for place, _ in _not_read(judged) if place]
        for place in every(judged.migration.operations):
            if isinstance(place.operation, SafetyAssured) and not any(
                path[: len(place.path)] == place.path for path in used
            ):
                migration = judged.migration
                yield UnusedAssurance(
                    app=migration.app_label,
                    migration=migration.name,
                    reason=place.operation.reason,
                    location=location(migration, place.path),
                )

    def unused_acceptances(self, migrations: Sequence[Any], entries: Iterable[Entry]) -> Iterator[UnusedAssurance]:
        """Yield the acceptances that could have covered something judged, and were not needed. Call it at the end."""
        used = self._used | {entry.finding.accept for entry in entries}
        for one in self.accept.values():
            about = [x for x in migrations if one.app == x.app_label and one.migration in ("", x.name)]
            if about and one.key not in used:
                yield UnusedAssurance(
                    app=one.app,
                    migration=about[-1].name,
                    reason=one.reason,
                    location=location(about[-1]),
                    accept=one.key,
                )


def _not_read(judged: Judged) -> Iterator[tuple[Place | None, str]]:
    """Yield the operations whose effect is unknown, and why."""
    for place in every(judged.migration.operations):
        if runs_code(place.operation):
            yield place, f"what {type(place.operation).__name__} does is not known before it runs"
    for statement, where in judged.editor.raw:
        why = "" if where and touches_no_table(where.operation) else meaning(statement).unread
        if why:
            yield where, why
    for error, place in judged.editor.failed:
        asked = isinstance(error, NotConnected) and touches_no_table(place.operation)
        if not asked and not isinstance(error, CannotMigrate):
            yield place, f"it raised {type(error).__name__}: {one_line(error)}"


def order(result: Result) -> tuple[int, ...]:
    place = result[0]
    return place.path if place else (sys.maxsize,)
