"""A role that may connect, and nothing else, neither stops `migrate` nor passes for another one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

from django_zero_downtime_migrations.errors import CannotMigrate
from django_zero_downtime_migrations.execution.one_migrate.advisory import KEY, find_place
from django_zero_downtime_migrations.execution.one_migrate.lease import LeaseTurn
from django_zero_downtime_migrations.execution.one_migrate.one_at_a_time import take_turn
from django_zero_downtime_migrations.execution.one_migrate.turn import Turn
from servers import launch
from tests import databases
from tests.backends.fixtures import observer
from tests.backends.sessions import Beside, run, wait_until

__all__ = ["observer"]

#: The usual key, as every version of this package takes it.
USUAL = f"{KEY}, hashtext('public')"
SPOOFS = {
    "session": f"SELECT pg_advisory_lock({USUAL})",
    "shared": f"SELECT pg_advisory_lock_shared({USUAL})",
    "transaction": f"BEGIN; SELECT pg_advisory_xact_lock({USUAL})",
    "shared in a transaction": f"BEGIN; SELECT pg_advisory_xact_lock_shared({USUAL})",
    "under our name": (
        f"SET application_name = 'django_zero_downtime_migrations: process 1 on web'; SELECT pg_advisory_lock({USUAL})"
    ),
}
FREE = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = %s"
HELD = """
SELECT a.usename FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND a.datname = current_database()
"""
NAMES = ("owner", "app", "staff")
#: What a role with CREATE on the schema may put in the way of a name that is not qualified or of types that do not fit.
PLANTED = """
CREATE FUNCTION public.boom() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'planted'; END $$;
CREATE FUNCTION public.hashtext(name) RETURNS int LANGUAGE sql AS 'SELECT public.boom()::int';
CREATE FUNCTION public.current_schema(text) RETURNS name LANGUAGE sql AS 'SELECT public.boom()::text::name';
CREATE FUNCTION public.pg_try_advisory_lock(int, bigint) RETURNS bool LANGUAGE sql AS 'SELECT public.boom()';
CREATE FUNCTION public.pg_try_advisory_lock(bigint, int) RETURNS bool LANGUAGE sql AS 'SELECT public.boom()';
CREATE FUNCTION public.pg_advisory_unlock(bigint, int) RETURNS bool LANGUAGE sql AS 'SELECT public.boom()';
CREATE FUNCTION public.pg_has_role(oid, oid, name) RETURNS bool LANGUAGE sql AS 'SELECT public.boom()';
CREATE FUNCTION public.date_trunc(name, timestamptz) RETURNS timestamptz LANGUAGE sql AS 'SELECT public.boom()::text::timestamptz';
CREATE FUNCTION public.left(text, bigint) RETURNS text LANGUAGE sql AS 'SELECT public.boom()::text';
CREATE FUNCTION public.same(text, name) RETURNS bool LANGUAGE sql AS 'SELECT public.boom()';
CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = name, FUNCTION = public.same);
CREATE FUNCTION public.same(name, text) RETURNS bool LANGUAGE sql AS 'SELECT public.boom()';
CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = text, FUNCTION = public.same);
CREATE FUNCTION public.same(oid, int) RETURNS bool LANGUAGE sql AS 'SELECT public.boom()';
CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = int, FUNCTION = public.same);
CREATE FUNCTION public.same(oid, bigint) RETURNS bool LANGUAGE sql AS 'SELECT public.boom()';
CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = bigint, FUNCTION = public.same);
CREATE FUNCTION public.same(smallint, int) RETURNS bool LANGUAGE sql AS 'SELECT public.boom()';
CREATE OPERATOR public.= (LEFTARG = smallint, RIGHTARG = int, FUNCTION = public.same);
CREATE FUNCTION public.times(double precision, int) RETURNS double precision LANGUAGE sql AS 'SELECT public.boom()::int::double precision';
CREATE OPERATOR public.* (LEFTARG = double precision, RIGHTARG = int, FUNCTION = public.times);
CREATE FUNCTION public.times(numeric, int) RETURNS numeric LANGUAGE sql AS 'SELECT public.boom()::int::numeric';
CREATE OPERATOR public.* (LEFTARG = numeric, RIGHTARG = int, FUNCTION = public.times);
CREATE TABLE public.pg_locks (pid int); CREATE TABLE public.pg_stat_activity (pid int);
CREATE TABLE public.pg_roles (oid oid); CREATE TABLE public.pg_database (oid oid);
"""  # noqa: E501


class Roles:
    """`owner` owns the database and migrates; `app` may connect; `staff` has what a test gives it."""

    def __init__(self, admin: Any, make_connection: Callable[..., BaseDatabaseWrapper], name: str) -> None:
        self.admin = admin
        self.names = {role: f'{role} "{os.getpid()}"\n\x1b[31m' for role in NAMES}
        self._make = make_connection
        self._database = name

    def quoted(self, role: str) -> str:
        return '"' + self.names[role].replace('"', '""') + '"'

    def run(self, sql: str) -> None:
        run(self.admin, sql.format(**{role: self.quoted(role) for role in NAMES}))

    def connect(self, role: str) -> BaseDatabaseWrapper:
        return self._make(name=self._database, USER=self.names[role], PASSWORD="tests")


@pytest.fixture
def roles(make_connection: Callable[..., BaseDatabaseWrapper]) -> Iterator[Roles]:
    with closing(databases.open_session(autocommit=True)) as server, databases.fresh_database() as name:
        with closing(databases.open_session(name, autocommit=True)) as admin:
            made = Roles(admin, make_connection, name)
            for role in NAMES:
                made.run(f"CREATE ROLE {{{role}}} LOGIN PASSWORD 'tests'")
            made.run(f'ALTER DATABASE "{name}" OWNER TO {{owner}}; GRANT ALL ON SCHEMA public TO {{owner}}')
            yield made
        with server.cursor() as cursor:
            databases.evict(name, cursor)
            cursor.execute(f'ALTER DATABASE "{name}" OWNER TO CURRENT_USER')
        with closing(databases.open_session(name, autocommit=True)) as admin:
            for role in NAMES:
                run(admin, f"DROP OWNED BY {made.quoted(role)} CASCADE; DROP ROLE {made.quoted(role)}")


def sql(connection: BaseDatabaseWrapper, text: str, *params: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(text, params or None)
        return list(cursor.fetchall()) if cursor.description else []


def pid_of(connection: BaseDatabaseWrapper) -> int:
    return int(sql(connection, "SELECT pg_backend_pid()")[0][0])


def by_session(connection: BaseDatabaseWrapper, timeout_ms: int | None = 0) -> Turn:
    return take_turn(connection, timeout_ms)


def by_lease(connection: BaseDatabaseWrapper, timeout_ms: int | None = 0) -> Turn:
    turn = LeaseTurn(connection, find_place(connection))
    try:
        turn.wait(timeout_ms)
    except BaseException:
        turn.release()
        raise
    return turn


both_ways = pytest.mark.parametrize("take", [by_session, by_lease], ids=["session", "lease"])


@both_ways
@pytest.mark.parametrize("spoof", SPOOFS)
def test_a_lock_of_a_role_that_cannot_migrate_stops_nothing_and_is_named(
    roles: Roles, spoof: str, take: Callable[..., Turn], caplog: Any
) -> None:
    app = roles.connect("app")
    sql(app, SPOOFS[spoof])
    turn = take(roles.connect("owner"))
    assert not turn.waited
    [said] = [record.getMessage() for record in caplog.records]
    assert f"pid {pid_of(app)} (" in said
    assert "is held, but not by a migrate" in said
    assert ("could not migrate here" in said) != ("shared" in spoof)
    assert f"SELECT pg_terminate_backend({pid_of(app)})" in said
    assert said.isprintable()
    turn.release()


@both_ways
def test_meanwhile_a_second_migrate_is_still_kept_out(roles: Roles, take: Callable[..., Turn]) -> None:
    app, first, second = (roles.connect(role) for role in ("app", "owner", "owner"))
    sql(app, SPOOFS["session"])
    turn = take(first)
    for another in (by_session, by_lease):
        with pytest.raises(CannotMigrate, match="Another migrate is at work"):
            another(second)
    # The usual key is free again, and is not what counts.
    app.close()
    wait_until(lambda: (roles.names["app"],) not in run(roles.admin, HELD), "the lock of the other role is gone")
    for another in (by_session, by_lease):
        with pytest.raises(CannotMigrate, match="Another migrate is at work"):
            another(second)
    turn.release()
    take(second).release()
    assert run(roles.admin, HELD) == []


@both_ways
def test_thousands_of_locks_are_no_obstacle(roles: Roles, take: Callable[..., Turn]) -> None:
    app, owner = roles.connect("app"), roles.connect("owner")
    others = find_place(owner).another().high
    sql(
        app,
        f"SELECT pg_advisory_lock({KEY}, n), pg_advisory_lock(n, hashtext('public')) FROM generate_series(1, 1000) n",
    )
    sql(app, SPOOFS["session"])
    sql(app, "SELECT pg_advisory_lock((%s::bigint << 32) | n) FROM generate_series(1, 3000) n", others)
    turn = take(owner)
    with pytest.raises(CannotMigrate):
        take(roles.connect("owner"))
    turn.release()


def test_in_a_transaction_of_the_callers_too(roles: Roles) -> None:
    sql(roles.connect("app"), SPOOFS["session"])
    first, second = roles.connect("owner"), roles.connect("owner")
    with transaction.atomic(first.alias):
        turn = take_turn(first, 0)
        with transaction.atomic(second.alias), pytest.raises(CannotMigrate):
            take_turn(second, 0)
        turn.release()
    assert sql(second, FREE, pid_of(first)) == [(0,)]


def test_of_many_that_come_at_the_same_time_one_has_its_turn(roles: Roles) -> None:
    sql(roles.connect("app"), SPOOFS["session"])
    aliases = [roles.connect("owner").alias for _ in range(4)]
    at_work: list[str] = []
    seen: list[int] = []

    def migrate(alias: str, take: Callable[..., Turn]) -> None:
        for _ in range(5):
            turn = take(connections[alias], None)
            at_work.append(alias)
            seen.append(len(at_work))
            sql(connections[alias], "SELECT pg_sleep(0.01)")
            seen.append(len(at_work))
            at_work.remove(alias)
            turn.release()

    work = [Beside(lambda a=a, t=t: migrate(a, t)) for a, t in zip(aliases, [by_session, by_lease] * 2, strict=True)]
    for each in work:
        each.thread.start()
    for each in work:
        each.result()
    assert set(seen) == {1}
    assert len(seen) == 4 * 5 * 2


# Who is believed


MIGRATES = {
    "the same role": "",
    "a member of it": "GRANT {owner} TO {staff}",
    "a member that does not inherit": "ALTER ROLE {staff} NOINHERIT; GRANT {owner} TO {staff}",
    "a superuser": "ALTER ROLE {staff} SUPERUSER",
    "the owner of the schema": "ALTER SCHEMA public OWNER TO {staff}",
    "the owner of the record of migrations": "ALTER TABLE public.django_migrations OWNER TO {staff}",
}
DOES_NOT = {
    "no relation": "SELECT 1",
    "a role that the one that migrates is a member of": "GRANT {staff} TO {owner}",
    "one that may write everywhere": "GRANT ALL ON ALL TABLES IN SCHEMA public TO {staff}",
    "one that may create": "GRANT CREATE, USAGE ON SCHEMA public TO {staff}",
    "the owner of another record": "CREATE SCHEMA other AUTHORIZATION {staff} CREATE TABLE django_migrations (id int)",
    "one that may see everything": "GRANT pg_read_all_data, pg_monitor TO {staff}",
}


def staff_with(roles: Roles, granted: str) -> BaseDatabaseWrapper:
    MigrationRecorder(roles.connect("owner")).ensure_schema()
    roles.run(granted or "SELECT 1")
    staff = roles.connect("staff" if granted else "owner")
    sql(staff, SPOOFS["session"])
    return staff


@both_ways
@pytest.mark.parametrize("granted", MIGRATES)
def test_a_role_that_could_migrate_here_is_waited_for(roles: Roles, take: Callable[..., Turn], granted: str) -> None:
    staff = staff_with(roles, MIGRATES[granted])
    with pytest.raises(CannotMigrate, match=f"pid {pid_of(staff)} ") as refused:
        take(roles.connect("owner"))
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("granted", DOES_NOT)
def test_a_role_that_could_not_is_not_waited_for(roles: Roles, granted: str) -> None:
    staff_with(roles, DOES_NOT[granted])
    take_turn(roles.connect("owner"), 0).release()


@pytest.mark.parametrize("disguise", ["SET ROLE", "SET SESSION AUTHORIZATION"])
def test_a_superuser_in_disguise_is_waited_for(roles: Roles, disguise: str) -> None:
    run(roles.admin, f"{disguise} {roles.quoted('app')}")
    run(roles.admin, SPOOFS["session"])
    with pytest.raises(CannotMigrate, match="Another migrate is at work"):
        take_turn(roles.connect("owner"), 0)
    run(roles.admin, "RESET SESSION AUTHORIZATION; RESET ROLE")
    run(roles.admin, "SELECT pg_advisory_unlock_all()")


def test_members_of_the_role_that_they_migrate_as_keep_each_other_out(roles: Roles) -> None:
    roles.run("GRANT {owner} TO {staff}; GRANT {owner} TO {app}")
    first, second = roles.connect("staff"), roles.connect("app")
    for each in (first, second):
        sql(each, f"SET ROLE {roles.quoted('owner')}")
    turn = take_turn(first, 0)
    with pytest.raises(CannotMigrate):
        take_turn(second, 0)
    turn.release()


@both_ways
def test_a_shared_lock_of_a_role_that_could_migrate_is_no_migrate(roles: Roles, take: Callable[..., Turn], caplog: Any):
    sql(roles.connect("owner"), SPOOFS["shared"])
    take(roles.connect("owner")).release()
    assert "the lock is a shared one" in caplog.text


def test_a_prepared_transaction_is_no_migrate(server_major: int, make_connection: Any, caplog: Any) -> None:
    with launch.server(server_major, options={"max_prepared_transactions": "2"}) as server:
        port = server.url.rpartition(":")[2].partition("/")[0]
        connection = make_connection(name="postgres", HOST="127.0.0.1", PORT=port, USER="postgres", PASSWORD="")
        sql(connection, f"BEGIN; SELECT pg_advisory_xact_lock({USUAL}); PREPARE TRANSACTION 'it''s left'")
        turn = take_turn(connection, 0)
        assert not turn.waited
        turn.release()
        [said] = [record.getMessage() for record in caplog.records]
        assert "a prepared transaction is not a migrate" in said
        assert "ROLLBACK PREPARED 'it''s left'" in said
        sql(connection, "ROLLBACK PREPARED 'it''s left'")
        connection.close()


# Names that are not qualified


@both_ways
def test_planted_functions_and_operators_are_not_called(roles: Roles, take: Callable[..., Turn]) -> None:
    roles.run("GRANT CREATE, USAGE ON SCHEMA public TO {app}")
    sql(roles.connect("app"), PLANTED)
    sql(roles.connect("app"), SPOOFS["session"])
    turn = take(roles.connect("owner"))
    with pytest.raises(CannotMigrate):
        take(roles.connect("owner"))
    turn.renew()
    turn.release()
    assert run(roles.admin, HELD) == [(roles.names["app"],)]
