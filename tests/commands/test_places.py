"""File and line of an operation, told from the migration's source."""

from __future__ import annotations

import json

import pytest

from tests.commands.project import Project

RENAME = 'migrations.RenameField("Book", "pages", "sheets")'
NULL = "models.IntegerField(null=True)"
#: The operations of a migration, and the line of the rename; the list begins in line 7, the class in line 5.
SOURCES = {
    f"[\n    {RENAME},\n]": 8,
    f'[\n    migrations.AddField("Book", "a", {NULL}),\n    {RENAME},\n]': 9,
    f'(\n    migrations.AddField("Book", "a", {NULL}),\n    {RENAME},\n)': 9,
    f'[\n    migrations.AddField("Book", "a", {NULL}),\n] + [\n    {RENAME},\n]': 10,
    f'[\n    SafetyAssured([\n        {RENAME},\n    ], reason="fine"),\n]': 9,
    f'[\n    SafetyAssured(reason="fine", operations=[\n        {RENAME},\n    ]),\n]': 9,
    f"[\n    migrations.SeparateDatabaseAndState([\n        {RENAME},\n    ]),\n]": 9,
    f"[\n    migrations.SeparateDatabaseAndState(\n        state_operations=[{RENAME}],\n"
    f"        database_operations=[\n            {RENAME},\n        ],\n    ),\n]": 11,
    f'[\n    SafetyAssured([migrations.SeparateDatabaseAndState([\n        {RENAME}])], reason="fine"),\n]': 9,
    # Put together while the module runs: the class is as near as it gets.
    f"[*[{RENAME}]]": 5,
    f"list([\n    {RENAME}\n])": 5,
    f"[\n    {RENAME} for _ in range(1)\n]": 5,
    # Inside of an operation whose own place is known.
    f'[\n    SafetyAssured([*[{RENAME}]], reason="fine"),\n]': 8,
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("options", [(), ("--without-database",)], ids=["database", "none"])
def test_line(used: Project, source: str, options: tuple[str, ...]) -> None:
    name = used.add(source)

    found = json.loads(used.check("--format", "json", *options).out)["findings"]

    (finding,) = [each for each in found if each["code"] == "ALTER_TABLE_RENAME_COLUMN"]
    assert (finding["path"], finding["line"]) == (f"{used.app}/migrations/{name}.py", SOURCES[source])
    assert finding["operation"] == "RenameField"


def test_squashed_migration(used: Project) -> None:
    name = used.add(f"[\n    {RENAME},\n]", "0002_squashed_0003")
    used.file(name).write_text(
        used.file(name)
        .read_text()
        .replace("    operations", f"    replaces = [('{used.app}', '0002_gone')]\n    operations")
    )

    (finding,) = json.loads(used.check("--format", "json").out)["findings"]

    assert (finding["migration"], finding["line"]) == (name, 9)


def test_statement_that_django_puts_off_to_the_end_of_the_migration(used: Project) -> None:
    used.add(
        f'[\n    migrations.AddField("Book", "a", {NULL}),\n    migrations.AlterField("Book", "pages", {NULL[:-10]}'
        "null=True, unique=True)),\n]"
    )

    (finding,) = json.loads(used.check("--format", "json").out)["findings"]

    assert (finding["code"], finding["line"]) == ("ADD_CONSTRAINT", 9)
