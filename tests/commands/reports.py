"""Reports as check_migrations could make them, for the tests of the formats."""

from __future__ import annotations

from typing import Any

from django_zero_downtime_migrations.findings import Finding, Origin, Severity
from django_zero_downtime_migrations.locks import LockMode
from django_zero_downtime_migrations.reporting import Entry, Location, Report, Unanalysed, UnusedAssurance
from django_zero_downtime_migrations.rules.add_not_null_column import RULE

MESSAGE = 'column "pages" is added to "shop_book" NOT NULL without a database default'


def entry(**changes: Any) -> Entry:
    finding = Finding(
        code=RULE.code,
        text=RULE.text,
        severity=RULE.severity,
        kind=RULE.kind,
        message=changes.pop("message", MESSAGE),
        instead=RULE.instead,
        sql='ALTER TABLE "shop_book" ADD COLUMN "pages" integer DEFAULT 0 NOT NULL',
        table='"shop_book"',
        lock=LockMode.ACCESS_EXCLUSIVE,
        origin=Origin(app="shop", model="Book", field="pages", migration="0002_pages", operation=0),
        assured=changes.pop("assured", ""),
    )
    fixed = {"app": "shop", "migration": "0002_pages", "operation": "AddField", "severity": Severity.REFUSE}
    return Entry(finding=finding, **{**fixed, "location": at("shop/migrations/0002_pages.py", 7), **changes})


def at(path: str, line: int = 1) -> Location:
    return Location(path=path, line=line)


UNKNOWN = Unanalysed(app="shop", migration="0003_fill", operation="RunPython", why="it runs Python")
UNUSED = UnusedAssurance(app="shop", migration="0004_note", reason="The table is small.")
FULL = Report(
    entries=(
        entry(rows=1_234_567, size=300 * 1024**2, example="db_default=0"),
        entry(),
        entry(severity=Severity.WARN, migration="0005_more", location=None),
        entry(severity=Severity.NOTE, migration="0006_rest", eased="a small table"),
        entry(assured="Nothing writes it yet.", migration="0007_known"),
        entry(baselined=True, migration="0008_old"),
    ),
    unanalysed=(UNKNOWN,),
    unused_assurances=(UNUSED,),
    migrations=7,
    database="default",
)
EMPTY = Report(migrations=2)
