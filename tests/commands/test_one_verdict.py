"""check_migrations, sqlmigrate, migrate and the git hook say the same of a migration, whatever eases a finding."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.core.management import call_command
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.errors import UnsafeOperationException, UnsafeOperationWarning
from tests.commands.project import BOOK, Project

ACCEPT = "ZERO_DOWNTIME_MIGRATIONS_ACCEPT"
NAME = "0002_step"
REASON = "the shop is closed"
#: An operation that rewrites the table under a lock, and one that breaks code that still runs.
LONGER = 'migrations.AlterField("Book", "pages", models.BigIntegerField(null=True))'
RENAMED = 'migrations.RenameField("Book", "pages", "sheets")'
CODES = {LONGER: "ALTER_COLUMN_TYPE", RENAMED: "ALTER_TABLE_RENAME_COLUMN"}
REFUSED, WARNED, ACCEPTED = ("refuse", ""), ("warn", ""), ("refuse", REASON)
Verdict = tuple[str, str]


class Easing(NamedTuple):
    """A setting that makes a finding count for less, and the verdicts on what locks and on what breaks code."""

    locks: Verdict
    breaks: Verdict
    accept: str = ""
    environment: str = ""
    own: bool = False
    limit: object = 0
    package: bool = False
    assured: bool = False


EASINGS = {
    "nothing": Easing(REFUSED, REFUSED),
    "small table": Easing(WARNED, REFUSED, limit="10MB"),
    "table at the limit": Easing(REFUSED, REFUSED, limit="its size"),
    "table below the limit": Easing(WARNED, REFUSED, limit="one byte more"),
    "installed package": Easing(REFUSED, REFUSED, package=True),
    "installed package, accepted": Easing(ACCEPTED, ACCEPTED, package=True, accept="{app}"),
    "SafetyAssured": Easing(ACCEPTED, ACCEPTED, assured=True),
    "app": Easing(ACCEPTED, ACCEPTED, accept="{app}"),
    "migration": Easing(ACCEPTED, ACCEPTED, accept="{app}.0002_step"),
    "app and code": Easing(ACCEPTED, REFUSED, accept="{app}:ALTER_COLUMN_TYPE"),
    "migration and code": Easing(REFUSED, ACCEPTED, accept="{app}.0002_step:ALTER_TABLE_RENAME_COLUMN"),
    "database": Easing(ACCEPTED, ACCEPTED, accept="{app}.0002_step", own=True),
    "environment": Easing(ACCEPTED, ACCEPTED, environment="{app}.0002_step"),
    "environment and code": Easing(ACCEPTED, REFUSED, environment="{app}:ALTER_COLUMN_TYPE"),
    "another migration": Easing(REFUSED, REFUSED, accept="{app}.0001_step"),
    "small table, accepted": Easing(("warn", REASON), ACCEPTED, limit="10MB", accept="{app}"),
}


class Programs:
    """The programs that judge.

    :ivar operation: the pending migration's operation.
    """

    def __init__(self, project: Project, operation: str, caplog: pytest.LogCaptureFixture) -> None:
        self.project = project
        self.code = CODES[operation]
        self.caplog = caplog

    def check(self, *arguments: str) -> tuple[Verdict, int]:
        """Run the check.

        :returns: the exit status as well.
        """
        done = self.project.check(*arguments, "--format", "json")
        (finding,) = [x for x in json.loads(done.out)["findings"] if x["code"] == self.code]
        return (finding["severity"], finding["accepted"] or ""), done.code

    def script(self) -> Verdict:
        out = StringIO()
        with self.project.installed():
            call_command("sqlmigrate", self.project.app, NAME, database=self.project.connection.alias, stdout=out)
        (said,) = [line for line in out.getvalue().splitlines() if f" {self.code}: " in line]
        return said.split()[1], said.partition("(accepted: ")[2].removesuffix(")")

    def migrate(self, name: str = "") -> Verdict:
        self.caplog.clear()
        self.caplog.set_level(logging.INFO, logger="django_zero_downtime_migrations")
        with self.project.installed(), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UnsafeOperationWarning)
            try:
                arguments = [self.project.app, *([name] if name else [])]
                call_command("migrate", *arguments, database=self.project.connection.alias, verbosity=0)
            except UnsafeOperationException as error:
                assert error.finding is not None
                return error.finding.severity.value, error.finding.assured
        findings = [warning.message.finding for warning in caught]  # type: ignore[union-attr]
        if findings:
            (finding,) = findings
            assert finding.code == self.code
            return finding.severity.value, finding.assured
        # If the app is installed, the whole plan is judged beforehand, and the log has it twice.
        ((level, logged),) = {(x.levelno, x.getMessage()) for x in self.caplog.records if self.code in x.getMessage()}
        assert level == logging.INFO
        return self._severity(logged), logged.partition("(accepted: ")[2].removesuffix(")")

    def _severity(self, message: str) -> str:
        return "warn" if "(not refused: " in message else "refuse"


@pytest.fixture
def strict(settings: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE = True


@pytest.fixture
def eased(
    tmp_path: Path,
    database: BaseDatabaseWrapper,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    strict: None,
) -> Callable[[Easing, str], Project]:
    """A project with rows in its table, and a migration of one operation that is staged in git and pending."""

    def make(easing: Easing, operation: str) -> Project:
        project = Project(tmp_path, database, below="lib/site-packages" if easing.package else "")
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(str(project.home))
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        project.git("init", "--quiet")
        project.migrate(project.add(BOOK))
        project.run(f"INSERT INTO {project.app}_book (pages) SELECT n FROM generate_series(1, 300) n")
        project.commit()
        assured = f"SafetyAssured([{operation}], reason={REASON!r})"
        assert project.add(f"[{assured if easing.assured else operation}]") == NAME
        project.git("add", "--all")
        limits = {"its size": 0, "one byte more": 1}
        limit = easing.limit
        if limit in limits:
            limit = project.run(f"SELECT pg_total_relation_size('{project.app}_book')")[0][0] + limits[str(limit)]
        settings.ZERO_DOWNTIME_MIGRATIONS_CHECK_SMALL_TABLE = limit
        accept = {easing.accept.format(app=project.app): REASON} if easing.accept else {}
        if easing.own:
            own = {"ZERO_DOWNTIME_MIGRATIONS": {"ACCEPT": accept}}
            monkeypatch.setitem(settings.DATABASES, database.alias, {**settings.DATABASES[database.alias], **own})
        else:
            setattr(settings, ACCEPT, accept)
        if easing.environment:
            monkeypatch.setenv(ACCEPT, f"{easing.environment.format(app=project.app)}: {REASON}")
        return project

    return make


@pytest.mark.parametrize("operation", CODES, ids=CODES.values())
@pytest.mark.parametrize("easing", EASINGS.values(), ids=EASINGS)
def test_verdict(
    easing: Easing, operation: str, eased: Callable[[Easing, str], Project], caplog: pytest.LogCaptureFixture
) -> None:
    expected = easing.locks if operation is LONGER else easing.breaks
    programs = Programs(eased(easing, operation), operation, caplog)
    fails = int(expected == REFUSED)

    assert programs.check() == (expected, fails)
    # The hook runs this.
    assert programs.check("--staged") == (expected, fails)
    assert programs.script() == expected
    assert programs.migrate() == expected
