"""Editors that were written for django-pg-zero-downtime-migrations, whose import paths and names are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.exceptions import ImproperlyConfigured
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.ddl_references import Statement, Table
from django.db.backends.postgresql.schema import DatabaseSchemaEditor as PostgresSchemaEditor

from django_zero_downtime_migrations.backends.postgres.schema import (
    DUMMY_SQL,
    Condition,
    DatabaseSchemaEditor,
    DatabaseSchemaEditorMixin,
    MultiStatementSQL,
    PGAccessExclusive,
    PGLock,
    PGShareUpdateExclusive,
    Unsafe,
    UnsafeOperationException,
    UnsafeOperationWarning,
)
from tests.backends.fixtures import Twins
from tests.backends.project import Shop
from tests.backends.test_mixin import AUTHOR, BOOK, BY_TITLE, CHANGES, NOT_NULL

CONVERTED = migrations.AlterField("book", "author", models.IntegerField(null=True))
UNIQUE = migrations.AlterField("book", "title", models.CharField(max_length=20, null=True, unique=True))
SHORTER = migrations.AlterField("book", "title", models.CharField(max_length=5, null=True))


def in_other_words(method: Callable[..., None]) -> Callable[..., None]:
    def call(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            method(self, *args, **kwargs)
        except UnsafeOperationException as refused:
            raise UnsafeOperationException(f"House rule: {str(refused).splitlines()[0]}") from refused

    return call


class Proxied(DatabaseSchemaEditorMixin, PostgresSchemaEditor):
    """The shape of the largest public user: methods of Django's bound past the mixin, and an `execute` that sends by
    Django's own, under timeouts that it sets itself.
    """

    add_field = in_other_words(PostgresSchemaEditor.add_field)
    alter_field = in_other_words(PostgresSchemaEditor.alter_field)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.LOCK_TIMEOUT_FORCE = False

    def delete_model(self, model: Any, is_safe: bool = False) -> None:
        if not is_safe:
            raise UnsafeOperationException("House rule: models stay")
        super(DatabaseSchemaEditorMixin, self).delete_model(model)

    def execute(self, sql: Any, params: Any = ()) -> None:
        if sql is DUMMY_SQL:
            return
        parts = [sql]
        if isinstance(sql, MultiStatementSQL):
            parts = list(sql)
        elif isinstance(sql, Statement) and isinstance(sql.template, MultiStatementSQL):
            parts = [Statement(part, **sql.parts) for part in sql.template]
        for part in parts:
            lock = part.template if isinstance(part, Statement) else part
            timed = isinstance(lock, PGLock) and lock.use_timeouts
            condition = lock.idempotent_condition if isinstance(lock, PGLock) else None
            if isinstance(part, PGLock):
                part = part.sql
            if self._skip_applied(condition):
                continue
            with self.under(self.LOCK_TIMEOUT if timed or self.LOCK_TIMEOUT_FORCE else None):
                PostgresSchemaEditor.execute(self, part, params)

    @contextmanager
    def under(self, timeout: Any) -> Iterator[None]:
        before = self.ZERO_TIMEOUT
        if not self.collect_sql:
            with self.connection.cursor() as cursor:
                cursor.execute(self._sql_get_lock_timeout)
                (before,) = cursor.fetchone()
                cursor.execute(self._sql_get_statement_timeout)
        if timeout is not None:
            PostgresSchemaEditor.execute(self, self._sql_set_lock_timeout % {"lock_timeout": timeout})
        yield
        if timeout is not None:
            PostgresSchemaEditor.execute(self, self._sql_set_lock_timeout % {"lock_timeout": before})


class Commenting(DatabaseSchemaEditorMixin, PostgresSchemaEditor):
    """An editor that marks each statement, and sends it past the mixin."""

    def execute(self, sql: Any, params: Any = ()) -> None:
        PostgresSchemaEditor.execute(self, f"/* by us */ {sql}", params)


class Twice(Proxied):
    """One override over another."""

    def execute(self, sql: Any, params: Any = ()) -> None:
        super().execute(sql, params)


class Lazy:
    """A proxy of an editor, which it makes and enters when it is first asked for something."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.arguments = args, kwargs

    def __getattr__(self, name: str) -> Any:
        if "editor" not in self.__dict__:
            self.editor = Proxied(*self.arguments[0], **self.arguments[1])
            self.editor.__enter__()
        return getattr(self.editor, name)

    def __enter__(self) -> Lazy:
        return self

    def __exit__(self, *error: Any) -> None:
        self.editor.__exit__(*error)


class Own(DatabaseSchemaEditorMixin, PostgresSchemaEditor):
    """An editor that sends with a cursor."""

    def execute(self, sql: Any, params: Any = ()) -> None:
        if self.collect_sql:
            super().execute(sql, params)
            return
        with self.connection.cursor() as cursor:
            cursor.execute(str(sql), params or None)


EDITORS = [Proxied, Lazy, Commenting, Twice, Own]


@pytest.fixture
def connect(make_connection: Callable[..., BaseDatabaseWrapper]) -> Callable[[type], Any]:
    def make(editor: type, **zero_downtime: Any) -> Any:
        connection: Any = make_connection(configured.STOCK_ENGINE, ZERO_DOWNTIME_MIGRATIONS=zero_downtime)
        connection.SchemaEditorClass = editor
        return connection

    return make


@pytest.fixture
def twins_with(
    connect: Callable[..., Any], stock_database: BaseDatabaseWrapper, dump: Callable[..., str]
) -> Callable[..., Twins]:
    def make(editor: type, **zero_downtime: Any) -> Twins:
        twins = Twins(Shop(connect(editor, **zero_downtime)), Shop(stock_database), dump)
        twins.migrate(AUTHOR, BOOK)
        twins.run("INSERT INTO shop_author VALUES (1); INSERT INTO shop_book (title, author_id) VALUES ('a', 1)")
        return twins

    return make


@contextmanager
def seen(connection: Any) -> Iterator[list[str]]:
    sent: list[str] = []

    def record(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        sent.append(str(sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(record):
        yield sent


# Statements that an override sends past ours


@pytest.mark.parametrize("editor", EDITORS)
def test_override_that_sends_past_ours_is_planned_all_the_same(twins_with: Callable[..., Twins], editor: type) -> None:
    twins = twins_with(editor, LOCK_TIMEOUT="2s")
    changes = [change for change in CHANGES if not isinstance(change, migrations.DeleteModel)]
    with seen(twins.ours.connection) as sent:
        for change in changes:
            twins.migrate(change)
    built = [sql for sql in sent if "CREATE" in sql and " INDEX " in sql and '"shop_book"' in sql]
    assert len(built) >= 3
    assert all("CONCURRENTLY" in sql for sql in built)
    added = [sql for sql in sent if 'ADD COLUMN "isbn"' in sql]
    assert [sql.startswith("SET LOCAL lock_timeout = 2000") for sql in added] == [True]


@pytest.mark.parametrize("editor", EDITORS)
def test_what_sqlmigrate_collects_has_the_same_effect(
    twins_with: Callable[..., Twins], editor: type, django_db_blocker: Any
) -> None:
    twins = twins_with(editor)
    change = migrations.AddIndex("book", BY_TITLE)
    lines = twins.ours.collected(change)
    (created,) = [line for line in lines if "CREATE" in line]
    assert "CONCURRENTLY" in created
    twins.ours.run(created)
    twins.stock.migrate(change)
    twins.compare()


@pytest.mark.parametrize("editor", EDITORS)
@pytest.mark.parametrize("operation", [NOT_NULL, CONVERTED, SHORTER], ids=["add", "foreign key", "type"])
def test_override_that_sends_past_ours_is_refused_before_anything_has_changed(
    twins_with: Callable[..., Twins], editor: type, operation: Any
) -> None:
    twins = twins_with(editor, RAISE_FOR_UNSAFE=True)
    before = twins.dump(twins.ours.connection)
    with pytest.raises(UnsafeOperationException) as caught:
        twins.ours.migrate(operation)
    assert str(caught.value).startswith("House rule: ") is issubclass(editor, (Proxied, Lazy))
    assert twins.dump(twins.ours.connection) == before


@pytest.mark.parametrize("editor", EDITORS)
def test_runsql_through_an_override_runs_once(twins_with: Callable[..., Twins], editor: type) -> None:
    twins = twins_with(editor)
    insert = "INSERT INTO shop_book (title) VALUES "
    twins.migrate(migrations.RunSQL([f"{insert}('100 %')", (f"{insert}(%s)", ["100 %"])]))
    for shop in (twins.ours, twins.stock):
        assert shop.run("SELECT count(*) FROM shop_book WHERE title = '100 %'") == [(2,)]


def test_what_an_override_leaves_out_is_not_sent(twins_with: Callable[..., Twins]) -> None:
    class Leaving(DatabaseSchemaEditor):
        def execute(self, sql: Any, params: Any = ()) -> None:
            if "COMMENT ON" not in str(sql):
                super().execute(sql, params)

    twins = twins_with(Leaving)
    twins.ours.migrate(migrations.AddField("book", "x", models.IntegerField(null=True, db_comment="kept out")))
    twins.stock.migrate(migrations.AddField("book", "x", models.IntegerField(null=True)))
    twins.compare()


def test_flush_of_a_subclass_is_called_after_each_call(twins_with: Callable[..., Twins]) -> None:
    flushed: list[int] = []

    class Flushing(DatabaseSchemaEditor):
        def _flush_deferred_sql(self) -> None:
            flushed.append(len(self.deferred_sql))
            super()._flush_deferred_sql()

    twins = twins_with(Flushing)
    flushed.clear()
    twins.migrate(migrations.AddIndex("book", BY_TITLE), CHANGES[0])
    assert len(flushed) >= 2


# The names


def test_statements_of_a_subclass_in_the_old_names_are_run(twins_with: Callable[..., Twins]) -> None:
    class Listing(DatabaseSchemaEditor):
        sql_delete_index = PGShareUpdateExclusive("DROP INDEX IF EXISTS %(name)s")
        sql_create_index = MultiStatementSQL(
            PGAccessExclusive("COMMENT ON TABLE %(table)s IS 'indexed'"),
            PGShareUpdateExclusive(
                "CREATE INDEX CONCURRENTLY %(name)s ON %(table)s%(using)s "
                "(%(columns)s)%(include)s%(extra)s%(condition)s",
                idempotent_condition=Condition("SELECT %(name)s", True),
            ),
        )

    twins = twins_with(DatabaseSchemaEditor)
    twins.ours.connection.SchemaEditorClass = Listing  # type: ignore[assignment]
    index = migrations.AddIndex("book", BY_TITLE)
    twins.ours.migrate(index)
    twins.stock.migrate(index, migrations.RunSQL("COMMENT ON TABLE shop_book IS 'indexed'"))
    twins.compare()
    for shop in (twins.ours, twins.stock):
        shop.migrate(migrations.RemoveIndex("book", "by_title"))
    twins.compare()


def test_execute_takes_the_old_names(twins_with: Callable[..., Twins]) -> None:
    twins = twins_with(DatabaseSchemaEditor)
    with twins.ours.connection.schema_editor() as editor:
        editor.execute(DUMMY_SQL)
        editor.execute(PGAccessExclusive("CREATE TABLE one (x integer)"))
        editor.execute(MultiStatementSQL("CREATE TABLE two (x integer)", "CREATE TABLE three (x integer);"))
        table = Table("shop_book", editor.quote_name)
        editor.execute(Statement(MultiStatementSQL("COMMENT ON TABLE %(table)s IS 'mine'"), table=table), None)
        editor.execute(Statement(DUMMY_SQL, table=table))
    for sql in ("TABLE one (x integer)", "TABLE two (x integer)", "TABLE three (x integer)"):
        twins.stock.run(f"CREATE {sql}")
    twins.stock.run("COMMENT ON TABLE shop_book IS 'mine'")
    twins.compare()


def test_old_names_are_filled_in_as_they_were() -> None:
    condition = Condition("SELECT %(name)s", False, idempotent_mode_only=True)
    lock = PGLock("DROP TABLE %(name)s", use_timeouts=True, idempotent_condition=condition)
    filled = lock % {"name": "t"}
    assert (type(filled), filled.sql, str(filled), filled.use_timeouts) == (
        PGLock,
        "DROP TABLE t",
        "DROP TABLE t",
        True,
    )
    assert str(filled.idempotent_condition) == "SELECT t"
    assert filled.idempotent_condition.idempotent_mode_only
    assert PGLock("{x}").format(x=1).sql == "1"
    many = MultiStatementSQL("A %(x)s;", PGAccessExclusive("B %(x)s"))
    assert str(many % {"x": 2}) == "A 2;\nB 2;"
    assert [type(x) for x in many % {"x": 2}] == [str, PGAccessExclusive]
    assert list(MultiStatementSQL(["a", "b"])) == ["a", "b"]
    assert str(MultiStatementSQL("{x}").format(x=3)) == "3;"
    assert (PGAccessExclusive("x").use_timeouts, PGAccessExclusive("x").disable_statement_timeout) == (True, False)
    assert PGShareUpdateExclusive("x").disable_statement_timeout
    for nothing in (
        DUMMY_SQL % {"x": 1},
        DUMMY_SQL.format(x=1),
        lock % {"name": DUMMY_SQL},
        lock % DUMMY_SQL,
        many % {"x": DUMMY_SQL},
        many.format(DUMMY_SQL),
        lock.format(name=DUMMY_SQL),
    ):
        assert nothing is DUMMY_SQL
    with pytest.raises(ValueError):
        PGLock("x", use_timeouts=True, disable_statement_timeout=True)


# Settings as attributes


def set_on_class(name: str, value: Any) -> type:
    return type("Editor", (DatabaseSchemaEditorMixin, PostgresSchemaEditor), {name: value})


def set_on_base(name: str, value: Any) -> type:
    return type("Editor", (type("Base", (), {name: value}), DatabaseSchemaEditor), {})


def set_later_on_class(name: str, value: Any) -> type:
    made = type("Editor", (DatabaseSchemaEditor,), {})
    setattr(made, name, value)
    return made


def set_on_instance(name: str, value: Any) -> type:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        super(made, self).__init__(*args, **kwargs)
        setattr(self, name, value)

    made: Any = type("Editor", (DatabaseSchemaEditor,), {"__init__": init})
    return made


def set_before_init(name: str, value: Any) -> type:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        setattr(self, name, value)
        super(made, self).__init__(*args, **kwargs)

    made: Any = type("Editor", (DatabaseSchemaEditor,), {"__init__": init})
    return made


WAYS = [set_on_class, set_on_base, set_later_on_class, set_on_instance, set_before_init]


@pytest.mark.parametrize("way", WAYS)
def test_raise_for_unsafe_of_the_editor_counts(connect: Callable[..., Any], way: Any) -> None:
    for of_project, of_editor in ((True, False), (False, True)):
        shop = Shop(connect(way("RAISE_FOR_UNSAFE", of_editor), RAISE_FOR_UNSAFE=of_project))
        shop.migrate(AUTHOR, BOOK)
        expected = UnsafeOperationException if of_editor else UnsafeOperationWarning
        with pytest.raises(expected, match=Unsafe.ADD_COLUMN_NOT_NULL.splitlines()[0]):
            shop.migrate(NOT_NULL)


@pytest.mark.parametrize("way", WAYS)
def test_timeouts_of_the_editor_count(connect: Callable[..., Any], way: Any) -> None:
    shop = Shop(connect(way("LOCK_TIMEOUT", "1.5s"), LOCK_TIMEOUT="9s"))
    shop.migrate(AUTHOR, BOOK)
    with seen(shop.connection) as sent:
        editor = shop.migrate(CHANGES[0])
    assert editor.LOCK_TIMEOUT == 1500
    assert any(sql.startswith("SET LOCAL lock_timeout = 1500; ") for sql in sent)
    assert "SET LOCAL lock_timeout = 1500;" in shop.collected(CHANGES[1])


def test_editor_may_change_a_setting_between_two_calls(connect: Callable[..., Any]) -> None:
    shop = Shop(connect(DatabaseSchemaEditor, RAISE_FOR_UNSAFE=True))
    shop.migrate(AUTHOR, BOOK)
    number = models.IntegerField(default=0)
    number.set_attributes_from_name("number")
    with shop.connection.schema_editor() as editor:
        editor.RAISE_FOR_UNSAFE = False
        with pytest.warns(UnsafeOperationWarning):
            editor.add_field(shop.model("book"), number)


def test_editor_reads_the_settings_of_the_project(connect: Callable[..., Any]) -> None:
    editor = DatabaseSchemaEditor(connect(DatabaseSchemaEditor, LOCK_TIMEOUT="2s", RAISE_FOR_UNSAFE=True))
    assert (editor.LOCK_TIMEOUT, editor.STATEMENT_TIMEOUT, editor.RAISE_FOR_UNSAFE) == (2000, None, True)
    assert not hasattr(DatabaseSchemaEditor, "LOCK_TIMEOUT")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LOCK_TIMEOUT", "soon", "Editor.LOCK_TIMEOUT = 'soon'"),
        ("RAISE_FOR_UNSAFE", "no", "Editor.RAISE_FOR_UNSAFE = 'no'"),
        ("IDEMPOTENT_SQL", True, "Write ZERO_DOWNTIME_MIGRATIONS_IDEMPOTENT_SQL = True"),
    ],
)
def test_what_an_editor_cannot_have_is_an_error(
    connect: Callable[..., Any], way: Any, name: str, value: Any, said: str
) -> None:
    connection = connect(way(name, value), IDEMPOTENT_SQL=False)
    with pytest.raises(ImproperlyConfigured) as caught:
        connection.schema_editor()
    assert said in str(caught.value)


@pytest.mark.parametrize("way", WAYS)
def test_setting_that_has_gone_is_a_warning(connect: Callable[..., Any], way: Any) -> None:
    connection = connect(way("USE_NOT_NULL", 10))
    with pytest.warns(DeprecationWarning, match="Editor.USE_NOT_NULL is a setting of an earlier version"):
        connection.schema_editor()
