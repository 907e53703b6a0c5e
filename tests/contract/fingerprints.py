"""Fingerprints of the Django functions and templates that we lean on.

python -m tests.contract.fingerprints            what differs from the accepted ones
python -m tests.contract.fingerprints --show     the same, with a diff against the Django that was accepted last
python -m tests.contract.fingerprints --write    accept what the installed Django has
"""

from __future__ import annotations

import argparse
import difflib
import fnmatch
import functools
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import django

from tests.contract import django_source

STORE = Path(__file__).parent / "fingerprints"
ABSENT = "absent"
ACCEPT = "python -m tests.contract.fingerprints --show, and --write to accept"
# Module -> which of its functions. A class or a function that is not here may change as it likes.
LEANED_ON = {
    "contrib/gis/db/backends/postgis/schema.py": ["*"],
    "contrib/postgres/constraints.py": ["*_sql", "*._get_expressions"],
    "contrib/postgres/indexes.py": ["*"],
    "contrib/postgres/operations.py": ["*"],
    "core/management/commands/migrate.py": ["Command.sync_apps"],
    "core/management/commands/sqlmigrate.py": ["*"],
    "core/management/sql.py": ["emit_pre_migrate_signal"],
    "db/backends/base/base.py": ["BaseDatabaseWrapper.schema_editor"],
    "db/backends/base/operations.py": ["*.prepare_sql_script", "*.fk_on_delete_sql", "*.tablespace_sql"],
    "db/backends/base/schema.py": ["*"],
    "db/backends/ddl_references.py": ["*"],
    "db/backends/postgresql/introspection.py": ["*.get_constraints", "*.get_sequences"],
    "db/backends/postgresql/operations.py": ["*.compose_sql", "*.prepare_sql_script", "*.quote_name"],
    "db/backends/postgresql/psycopg_any.py": ["mogrify*"],
    "db/backends/postgresql/schema.py": ["*"],
    "db/migrations/executor.py": [
        "*._create_project_state",
        "*.apply_migration",
        "*.migrate",
        "*.record_migration",
        "*.unapply_migration",
    ],
    "db/migrations/loader.py": ["MigrationLoader.collect_sql"],
    "db/migrations/migration.py": ["Migration.apply", "Migration.unapply"],
    "db/migrations/operations/base.py": ["*.allow_migrate_model", "*.database_*wards"],
    "db/migrations/operations/fields.py": ["*.database_*wards"],
    "db/migrations/operations/models.py": ["*.database_*wards"],
    "db/migrations/operations/special.py": ["*.database_*wards", "RunSQL._run_sql"],
    "db/migrations/recorder.py": ["*.ensure_schema", "*.record_applied", "*.record_unapplied"],
    # States that render only what an operation looks at, in the room states/.
    "db/migrations/state.py": ["*"],
    # What the digests of operations are made of, in migrate_run/run_python_once.py.
    "db/migrations/writer.py": ["OperationWriter.*"],
    "db/models/constraints.py": ["*_sql", "*._get_index_expressions"],
    "db/models/indexes.py": ["*_sql", "IndexExpression.*"],
}

Fingerprints = dict[str, str]
Accepted = dict[str, list[str]]


def minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def sources(root: Path) -> dict[str, str]:
    """The text of every function that we lean on, for a diff."""
    return {name: text for name, text, _ in _functions(root)}


@functools.cache
def current() -> Fingerprints:
    """Function -> hash, and template -> text, of the installed Django."""
    from django.db.backends.postgresql.schema import DatabaseSchemaEditor as Editor

    hashes = {name: digest for name, _, digest in _functions(django_source.installed())}
    templates = {name: str(getattr(Editor, name)) for name in dir(Editor) if name.startswith("sql_")}
    return hashes | templates


def _functions(root: Path) -> Iterator[tuple[str, str, str]]:
    for module, patterns in LEANED_ON.items():
        text = (root / module).read_text(encoding="utf-8").splitlines(keepends=True)
        for name, node in django_source.functions(root / module):
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
                yield f"{module}:{name}", "".join(text[node.lineno - 1 : node.end_lineno]), django_source.digest(node)


@functools.cache
def stored() -> tuple[str, list[str], Accepted]:
    """Return what is accepted for this minor version, or for the newest before it: minor, versions, fingerprints."""
    files = {tuple(map(int, path.stem.split("."))): path for path in STORE.glob("*.json")}
    mine = tuple(map(int, minor(django.get_version()).split(".")))
    older = [version for version in files if version <= mine]
    if not older:
        return "", [], {}
    path = files[max(older)]
    content: dict[str, Any] = json.loads(path.read_text())
    return path.stem, content["versions"], content["accepted"]


def changes(now: Mapping[str, str], accepted: Mapping[str, list[str]]) -> list[str]:
    """Names whose fingerprint is not among the accepted ones."""
    return sorted(name for name in now.keys() | accepted.keys() if not is_accepted(name, now, accepted))


def is_accepted(name: str, now: Mapping[str, str], accepted: Mapping[str, list[str]]) -> bool:
    return now.get(name, ABSENT) in accepted.get(name, [ABSENT])


def write() -> None:
    """Accept the installed Django: other patch releases of the same minor stay accepted."""
    version, now = django.get_version(), current()
    of_minor, versions, accepted = stored()
    if of_minor != minor(version):
        versions, accepted = [], {}
    before = [ABSENT] if versions else []
    names = sorted(now.keys() | accepted.keys())
    merged = {name: sorted({*accepted.get(name, before), now.get(name, ABSENT)}) for name in names}
    content = {"versions": sorted({*versions, version}, key=_numbers), "accepted": merged}
    STORE.mkdir(exist_ok=True)
    (STORE / f"{minor(version)}.json").write_text(_render(content))
    stored.cache_clear()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else -1 for part in version.split("."))


def _render(content: dict[str, Any]) -> str:
    # One line for each name, so that a change reads well in version control.
    lines = [f"  {json.dumps(name)}: {json.dumps(hashes)}" for name, hashes in content["accepted"].items()]
    return f'{{"versions": {json.dumps(content["versions"])}, "accepted": {{\n' + ",\n".join(lines) + "\n}}\n"


def diff(names: list[str]) -> Iterator[str]:
    """Yield what changed in these functions since the Django that was accepted last."""
    from tests.django_suite.source import package_folder

    _, versions, _ = stored()
    if not versions:
        return
    now, before = sources(django_source.installed()), sources(package_folder(versions[-1]))
    for name in names:
        old, new = (texts.get(name, "").splitlines() for texts in (before, now))
        title_before, title_now = f"{versions[-1]} {name}", f"{django.get_version()} {name}"
        yield from difflib.unified_diff(old, new, title_before, title_now, lineterm="")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.contract.fingerprints")
    parser.add_argument("--show", action="store_true", help="with a diff against the Django that was accepted last")
    parser.add_argument("--write", action="store_true", help="accept what the installed Django has")
    options = parser.parse_args()
    of_minor, _, accepted = stored()
    names = changes(current(), accepted)
    print(
        f"Django {django.get_version()}: {len(names)} of {len(current())} are not as accepted for {of_minor or 'any'}"
    )
    print("\n".join(diff(names) if options.show else names))
    if options.write:
        write()
    return 1 if names and not options.write else 0


if __name__ == "__main__":
    sys.exit(main())
