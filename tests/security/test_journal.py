"""Only the role that migrates, or a superuser, writes into a journal what the next ``migrate`` carries out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from django.db import ProgrammingError
from django.db.migrations.recorder import MigrationRecorder

from django_zero_downtime_migrations.errors import CannotMigrate
from django_zero_downtime_migrations.execution.journal.call_under_way import CallUnderWay
from django_zero_downtime_migrations.execution.journal.journal import Journal
from django_zero_downtime_migrations.execution.journal.store import NAME, Identity, Store
from tests import databases
from tests.backends.sessions import run

from .test_turn_published import Replication, replication

__all__ = ["replication"]

WHO = Identity("app", "0002_change", False, ("a", "b"))
THEIRS = """[["0.0 add_field", ["CREATE TABLE taken AS SELECT * FROM secret"]]]"""
# Roles are the whole server's.
OWNER, OTHER = f"zdm_owner % {os.getpid()}", f'zdm "other"\n{os.getpid()}'


def quoted(role: str) -> str:
    return '"' + role.replace('"', '""') + '"'


@pytest.fixture
def admin(database: Any) -> Iterator[Any]:
    """A superuser's session; the roles OWNER, who has the schema and migrates, and OTHER are there meanwhile."""
    with closing(databases.open_session(database.settings_dict["NAME"], autocommit=True)) as session:
        for role in (OWNER, OTHER):
            run(session, f"CREATE ROLE {quoted(role)}")
        run(session, f"ALTER SCHEMA public OWNER TO {quoted(OWNER)}")
        yield session
        database.close()
        for role in (OWNER, OTHER):
            run(session, f"REASSIGN OWNED BY {quoted(role)} TO CURRENT_USER")
            run(session, f"DROP OWNED BY {quoted(role)} CASCADE")
            run(session, f"DROP ROLE {quoted(role)}")


@pytest.fixture
def owner(database: Any, admin: Any) -> Any:
    """The connection that migrates."""
    run(database, f"SET ROLE {quoted(OWNER)}")
    return database


def written(connection: Any) -> str:
    """A journal with one call in it, and the name of its type as in SQL."""
    store = Store(connection)
    Journal(store, lambda: WHO).mark("0.0 RunPython")
    return store.path(WHO.type_name)


def acting(session: Any, role: str, sql: str) -> None:
    run(session, f"SET ROLE {quoted(role)}")
    try:
        run(session, sql)
    finally:
        run(session, "RESET ROLE")


def entries(connection: Any) -> Any:
    return Store(connection).entries()


def test_what_was_written_is_read(owner: Any) -> None:
    written(owner)
    [entry] = entries(owner)
    assert (entry.identity, entry.complete, entry.call, entry.done) == (WHO, ("0.0 RunPython",), "", 0)


@pytest.mark.parametrize("on", ["TYPE {}", "COLUMN {}.progress", "COLUMN {}.steps", "COLUMN {}.log0"])
def test_privileges_of_every_kind_do_not_let_anybody_write(owner: Any, admin: Any, on: str) -> None:
    rights = f"ALTER DEFAULT PRIVILEGES FOR ROLE {quoted(OWNER)} GRANT ALL ON"
    for kind in ("TABLES", "TYPES", "SEQUENCES", "FUNCTIONS"):
        run(admin, f"{rights} {kind} TO {quoted(OTHER)}")
    run(admin, f"GRANT ALL ON SCHEMA public TO {quoted(OTHER)}")
    run(admin, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {quoted(OTHER)}")
    name = written(owner)
    with pytest.raises(databases.driver.Error) as refused:
        acting(admin, OTHER, f"COMMENT ON {on.format(name)} IS '{THEIRS}'")
    assert "must be owner" in str(refused.value)


@pytest.mark.parametrize("where", ["", "IN SCHEMA public"])
@pytest.mark.parametrize("grantee", ["PUBLIC", quoted(OTHER)], ids=["everybody", "the other"])
def test_a_column_of_the_type_is_refused_to_others(owner: Any, admin: Any, grantee: str, where: str) -> None:
    """The column would prevent changes and the drop of the type."""
    run(admin, f"GRANT ALL ON SCHEMA public TO {quoted(OTHER)}")
    run(admin, f"ALTER DEFAULT PRIVILEGES FOR ROLE {quoted(OWNER)} {where} GRANT ALL ON TYPES TO {grantee}")
    name = written(owner)
    with pytest.raises(databases.driver.Error) as refused:
        acting(admin, OTHER, f"CREATE TABLE in_the_way (a {name})")
    assert "permission denied" in str(refused.value)


# What the server lets others make of the type. Older servers (18.4, not 18.6) ask for no privilege on a type in an
# expression; the superuser grants it to them here.

HANGS = "CREATE VIEW public.hangs AS SELECT NULL::{} IS NULL AS a"


@pytest.fixture
def hung(owner: Any, admin: Any) -> str:
    """Return the name of a journal's type on which a view of another role depends."""
    name = written(owner)
    run(admin, f"GRANT CREATE, USAGE ON SCHEMA public TO {quoted(OTHER)}")
    run(admin, f"GRANT USAGE ON TYPE {name} TO {quoted(OTHER)}")
    acting(admin, OTHER, HANGS.format(name))
    return name


def test_a_view_of_somebody_else_is_named_and_stays(owner: Any, admin: Any, hung: str) -> None:
    store = Store(owner)
    another = WHO._replace(name="0003_more")
    Journal(store, lambda: another).mark("0.0 RunPython")
    [(identity, why)] = store.remove([WHO, another]).items()
    assert identity == WHO
    assert "view hangs depends on type" in why
    assert [entry.identity for entry in entries(owner)] == [WHO]
    assert run(admin, "SELECT a FROM hangs") == [(True,)]
    run(admin, "DROP VIEW hangs")
    assert store.remove([WHO]) == {}


def test_nobody_waits_for_who_holds_such_a_view(owner: Any, admin: Any, hung: str) -> None:
    with closing(databases.open_session(owner.settings_dict["NAME"])) as holding:
        run(holding, "LOCK TABLE hangs IN ACCESS SHARE MODE")
        assert list(Store(owner).remove([WHO])) == [WHO]
        assert run(owner, "SHOW lock_timeout") == [("0",)]


def test_a_journal_that_cannot_be_dropped_says_that_nothing_has_been_done(owner: Any, admin: Any) -> None:
    """And there is room in it for another beginning."""
    run(admin, f"GRANT CREATE, USAGE ON SCHEMA public TO {quoted(OTHER)}")
    journal, keys = Journal(Store(owner), lambda: WHO), [f"{number}.0 {'x' * 900}" for number in range(5)]
    for key in keys:
        journal.mark(key)
    run(admin, f"GRANT USAGE ON TYPE {Store(owner).path(WHO.type_name)} TO {quoted(OTHER)}")
    acting(admin, OTHER, HANGS.format(Store(owner).path(WHO.type_name)))
    CallUnderWay(journal, "5.0", ()).taken_back(0, whole=True)
    [entry] = entries(owner)
    assert (entry.complete, entry.call, entry.done) == ((), "", 0)
    journal = Journal(Store(owner), lambda: WHO, entry)
    for key in keys:
        journal.mark(key)
    [entry] = entries(owner)
    assert entry.complete == tuple(keys)
    assert len(entry.log) > 1


MADE_BEFORE = {
    "type": "CREATE TYPE public.{0} AS (progress text, steps text, log0 text)",
    "table": "CREATE TABLE public.{0} (progress text, steps text, log0 text)",
    "view": "CREATE VIEW public.{0} AS SELECT 1 AS progress",
    "enum": "CREATE TYPE public.{0} AS ENUM ('a')",
    "domain": "CREATE DOMAIN public.{0} AS text",
    # These have no type, and the name of one that is made is theirs all the same.
    "sequence": "CREATE SEQUENCE public.{0}",
    "index": "CREATE TABLE public.mine (a int); CREATE INDEX {0} ON public.mine (a)",
}


@pytest.mark.parametrize("sql", MADE_BEFORE.values(), ids=list(MADE_BEFORE))
def test_what_another_role_has_made_under_the_name_is_refused_and_named(owner: Any, admin: Any, sql: str) -> None:
    run(admin, f"GRANT CREATE ON SCHEMA public TO {quoted(OTHER)}")
    acting(admin, OTHER, sql.format(WHO.type_name))
    with pytest.raises(CannotMigrate) as refused:
        entries(owner)
    said = str(refused.value)
    assert re.search(r'belongs to the role "zdm ""other""(\n|\\n)\d+"', said), said
    assert "REVOKE CREATE ON SCHEMA" in said
    assert "nothing was changed" in said


def test_what_another_role_makes_under_the_name_meanwhile_is_named(owner: Any, admin: Any) -> None:
    run(admin, f"GRANT CREATE ON SCHEMA public TO {quoted(OTHER)}")
    journal = Journal(Store(owner), lambda: WHO)
    assert journal.store.entries() == []
    acting(admin, OTHER, MADE_BEFORE["type"].format(WHO.type_name))
    with pytest.raises(CannotMigrate, match=rf'made "public"."{WHO.type_name}" meanwhile .*Drop or rename it'):
        journal.mark("0.0 RunPython")


def test_the_owner_of_the_tables_does_not_write_for_a_superuser(owner: Any, database: Any) -> None:
    written(owner)
    run(database, "RESET ROLE")
    with pytest.raises(CannotMigrate, match="belongs to the role"):
        entries(database)


def test_a_member_of_the_owners_group_is_not_the_owner(owner: Any, database: Any, admin: Any) -> None:
    """Another role of the same group may have fewer rights than the one that migrates now."""
    run(admin, f"GRANT CREATE ON SCHEMA public TO {quoted(OTHER)}")
    written(owner)
    run(admin, f"GRANT {quoted(OWNER)} TO {quoted(OTHER)}")
    run(database, "RESET ROLE")
    run(database, f"SET ROLE {quoted(OTHER)}")
    with pytest.raises(CannotMigrate, match="belongs to the role"):
        entries(database)


def test_what_is_left_where_the_records_are_is_found_from_another_schema(owner: Any, admin: Any) -> None:
    MigrationRecorder(owner).ensure_schema()
    written(owner)
    run(admin, f"CREATE SCHEMA before AUTHORIZATION {quoted(OWNER)}")
    run(owner, "SET search_path = before, public")
    store = Store(owner)
    assert store.entries() == []
    [entry] = store.elsewhere()
    assert entry.identity == WHO
    said = str(store.not_here(entry))
    assert 'began with the schema "public", where its journal is; now it begins with "before"' in said
    run(owner, said[said.index("DROP TYPE") :])
    assert Store(owner).elsewhere() == []


def test_what_somebody_else_has_made_there_is_no_matter(owner: Any, admin: Any) -> None:
    MigrationRecorder(owner).ensure_schema()
    run(admin, f"GRANT CREATE ON SCHEMA public TO {quoted(OTHER)}; CREATE SCHEMA before AUTHORIZATION {quoted(OWNER)}")
    acting(admin, OTHER, MADE_BEFORE["type"].format(WHO.type_name))
    run(owner, "SET search_path = before, public")
    assert (Store(owner).entries(), Store(owner).elsewhere()) == ([], [])


# Where it cannot be kept


def test_a_role_that_may_not_create_is_told_the_grant(owner: Any, admin: Any) -> None:
    run(admin, f"ALTER SCHEMA public OWNER TO CURRENT_USER; REVOKE ALL ON SCHEMA public FROM {quoted(OWNER)}, PUBLIC")
    run(admin, f"GRANT USAGE ON SCHEMA public TO {quoted(OWNER)}")
    why = Store(owner).why_not()
    grant = re.search(r"\((GRANT .*?)\)", why)
    assert grant, why
    run(admin, grant[1])
    assert Store(owner).why_not() == ""
    written(owner)


def test_an_event_trigger_that_forbids_it_is_found_out_and_nothing_is_left(owner: Any, admin: Any) -> None:
    run(
        admin,
        "CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE 'types are made by the platform team'; END $$; "
        "CREATE EVENT TRIGGER forbid ON ddl_command_start WHEN TAG IN ('CREATE TYPE') EXECUTE FUNCTION forbid()",
    )
    why = Store(owner).why_not()
    assert "types are made by the platform team" in why
    assert "or set IDEMPOTENT_SQL to False" in why
    run(admin, "DROP EVENT TRIGGER forbid")
    assert Store(owner).why_not() == ""
    assert run(admin, f"SELECT typname FROM pg_type WHERE typname LIKE '{NAME}%'") == []


def test_no_schema(owner: Any) -> None:
    run(owner, "SET search_path = nowhere")
    assert "the first schema of the search_path, and there is none" in Store(owner).why_not()


@pytest.mark.parametrize("schema", ["100%", 'a"b', "%s", "{prefix}", "ümläut", "'; DROP TABLE x; --", "with\nline"])
def test_schemas_with_odd_names(owner: Any, admin: Any, schema: str) -> None:
    run(admin, f"CREATE SCHEMA {quoted(schema)} AUTHORIZATION {quoted(OWNER)}")
    run(owner, f"SET search_path = {quoted(schema)}".replace("%", "%%") % ())
    assert Store(owner).why_not() == ""
    written(owner)
    [entry] = entries(owner)
    assert entry.identity == WHO
    Store(owner).run(Store(owner).drop([WHO]))
    assert entries(owner) == []


def test_what_other_migrations_are_called_is_no_matter(owner: Any) -> None:
    odd = Identity("app", "0002_'\"%s\\;\n -- ü", True, ("'", "\\"))
    store = Store(owner)
    journal = Journal(store, lambda: odd)
    journal.mark("0.0 execute '\\\" %s ü")
    [entry] = entries(owner)
    assert (entry.identity, entry.complete) == (odd, ("0.0 execute '\\\" %s ü",))


def test_a_subscriber_to_all_tables_gets_nothing_of_a_journal(replication: Replication) -> None:
    replication.publish("FOR ALL TABLES")
    connection = replication.connect()
    name = written(connection)
    replication.arrives(2)
    Store(connection).run(f"DROP TYPE {name}")
    replication.arrives(3)
    connection.close()


def test_a_closed_transaction_takes_the_journal_back(owner: Any) -> None:
    run(owner, "BEGIN")
    written(owner)
    run(owner, "ROLLBACK")
    assert entries(owner) == []
    with pytest.raises(ProgrammingError):
        run(owner, f"DROP TYPE {Store(owner).path(WHO.type_name)}")
