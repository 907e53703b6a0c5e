"""`SafetyAssured`: the author of a migration accepts what the rules find in its operations."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connections, migrations, models
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.optimizer import MigrationOptimizer
from django.db.migrations.state import ProjectState
from django.db.migrations.writer import MigrationWriter
from django.test import override_settings

from django_zero_downtime_migrations.backends.postgres.schema import UnsafeOperationException
from django_zero_downtime_migrations.operations import SafetyAssured
from tests.backends.project import Shop

REASON = "the shop is closed on Sunday night"
BOOK = migrations.CreateModel(
    "book",
    [("id", models.BigAutoField(primary_key=True)), ("pages", models.IntegerField(null=True))],
)
RENAMED = migrations.RenameField("book", "pages", "sheets")
ADDED = migrations.AddField("book", "rank", models.IntegerField(null=True))
LOGGER = "django_zero_downtime_migrations"


@pytest.fixture(autouse=True)
def raising():
    with override_settings(ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE=True):
        yield


@pytest.fixture
def books(shop):
    shop.migrate(BOOK)
    shop.run("INSERT INTO shop_book (pages) VALUES (1), (2)")
    return shop


def assured(*operations):
    return SafetyAssured(list(operations), reason=REASON)


def columns(shop):
    return column_names(shop.connection)


def column_names(connection):
    with connection.cursor() as cursor:
        return {column.name for column in connection.introspection.get_table_description(cursor, "shop_book")}


# What it does


def test_refused_operation_runs(books):
    with pytest.raises(UnsafeOperationException):
        books.migrate(RENAMED)
    books.migrate(assured(RENAMED))
    assert columns(books) == {"id", "sheets"}


def test_refused_operation_is_taken_back(books):
    books.migrate(assured(RENAMED))
    books.unapply()
    assert columns(books) == {"id", "pages"}


def test_reverse_that_is_refused_needs_the_assurance_too(books):
    with override_settings(ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE=False), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        books.migrate(RENAMED)
    with pytest.raises(UnsafeOperationException):
        books.unapply()


def test_nobody_is_warned(books):
    with override_settings(ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE=False):
        books.migrate(assured(RENAMED))


def test_several_operations_build_on_each_other(books):
    books.migrate(assured(RENAMED, migrations.RenameField("book", "sheets", "leaves"), ADDED))
    assert columns(books) == {"id", "leaves", "rank"}
    books.unapply()
    assert columns(books) == {"id", "pages"}


def test_operation_after_it_is_judged_again(books):
    with pytest.raises(UnsafeOperationException):
        books.migrate(assured(RENAMED), migrations.RenameField("book", "sheets", "leaves"))


def test_operation_before_it_is_judged(books):
    with pytest.raises(UnsafeOperationException):
        books.migrate(migrations.RenameField("book", "pages", "leaves"), assured(ADDED))
    assert columns(books) == {"id", "pages"}


def test_operation_is_still_done_safely(books):
    editor = books.migrate(assured(RENAMED, migrations.AlterField("book", "sheets", models.IntegerField())))
    assert [finding.code for finding in editor.findings] == ["ALTER_TABLE_RENAME_COLUMN"]
    assert books.run("SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = 'shop_book'::regclass") == []


def test_operation_that_fails_ends_the_assurance(books):
    with pytest.raises(DatabaseError), books.connection.schema_editor() as editor:
        with pytest.raises(DatabaseError):
            assured(migrations.RunSQL("SELECT 1/0")).database_forwards(
                "shop", editor, books.states[-1], books.states[-1].clone()
            )
        assert editor._assured == ""
        raise DatabaseError


def test_findings_have_the_reason(books):
    (found,) = books.migrate(assured(RENAMED)).findings
    assert (found.code, found.assured) == ("ALTER_TABLE_RENAME_COLUMN", REASON)


def test_findings_have_the_place_of_the_whole(books):
    second = assured(ADDED, RENAMED)
    (found,) = books.migrate(migrations.AddField("book", "a", models.IntegerField(null=True)), second).findings
    assert found.origin.operation == 1


def test_nested_assurance_gives_its_own_reason(books):
    inner = SafetyAssured([RENAMED], reason="inside")
    outer = SafetyAssured([inner, migrations.RenameField("book", "sheets", "leaves")], reason="outside")
    findings = books.migrate(outer).findings
    assert [finding.assured for finding in findings] == ["inside", "outside"]


# Its reason


@pytest.mark.parametrize("reason", ["", " ", "\n\t"])
def test_empty_reason_is_refused(reason):
    with pytest.raises(ValueError, match="SafetyAssured needs a reason"):
        SafetyAssured([RENAMED], reason=reason)


def test_missing_reason_is_refused():
    with pytest.raises(TypeError):
        SafetyAssured([RENAMED])


def test_reason_is_logged(books, caplog):
    with caplog.at_level(logging.INFO, LOGGER):
        books.migrate(assured(RENAMED))
    (line,) = (record.getMessage() for record in caplog.records if "ALTER_TABLE_RENAME_COLUMN" in record.getMessage())
    assert f"(accepted: {REASON})" in line
    assert not any("was not needed" in record.getMessage() for record in caplog.records)


def test_assurance_that_nothing_needed_is_logged(books, caplog):
    with caplog.at_level(logging.INFO, LOGGER):
        books.migrate(assured(ADDED))
    assert f"SafetyAssured was not needed ({REASON}): no rule found anything" in caplog.messages


# RunPython


def in_transaction(apps, schema_editor):
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO shop_book (pages) VALUES (%s)", [int(connection.in_atomic_block)])


def failing(apps, schema_editor):
    in_transaction(apps, schema_editor)
    raise ValueError("half done")


@pytest.mark.parametrize(
    "atomic_migration, atomic_operation, expected",
    [(True, None, 1), (False, None, 0), (True, False, 0), (False, True, 1), (True, True, 1)],
)
def test_python_runs_in_a_transaction_exactly_when_it_would_by_itself(
    books, atomic_migration, atomic_operation, expected
):
    for number, wrap in enumerate((lambda operation: operation, assured)):
        operation = migrations.RunPython(in_transaction, migrations.RunPython.noop, atomic=atomic_operation)
        books.migrate(wrap(operation), atomic=atomic_migration)
        assert books.run("SELECT pages FROM shop_book ORDER BY id")[2:] == [(expected,)] * (number + 1)


def test_python_that_fails_leaves_nothing(books):
    with pytest.raises(ValueError, match="half done"):
        books.migrate(assured(migrations.RunPython(failing)))
    assert books.run("SELECT count(*) FROM shop_book") == [(2,)]


def test_python_sees_the_models_of_its_place(books):
    seen = []

    def look(apps, schema_editor):
        seen.append({field.name for field in apps.get_model("shop", "book")._meta.fields})

    books.migrate(assured(RENAMED, migrations.RunPython(look, look), ADDED))
    books.unapply()
    assert seen == [{"id", "sheets"}, {"id", "sheets"}]


def test_operation_that_cannot_be_taken_back(books):
    operation = assured(migrations.RunSQL("SELECT 1"))
    assert not operation.reversible
    books.migrate(operation)
    with pytest.raises(IrreversibleError):
        books.unapply()


# What is only written down


def test_script_has_the_accepted_finding(books):
    lines = books.collected(assured(RENAMED))
    assert 'ALTER TABLE "shop_book" RENAME COLUMN "pages" TO "sheets";' in lines
    assert any(line.startswith("-- refuse ALTER_TABLE_RENAME_COLUMN") and REASON in line for line in lines)


def test_script_goes_on_after_python(books):
    lines = books.collected(
        assured(migrations.RunPython(failing), RENAMED),
        migrations.AlterField("book", "sheets", models.BigIntegerField(null=True)),
    )
    text = "\n".join(lines)
    assert (
        text.index("THIS OPERATION CANNOT BE WRITTEN AS SQL") < text.index("RENAME COLUMN") < text.index("TYPE bigint")
    )


def test_script_of_python_alone(books):
    lines = books.collected(assured(migrations.RunPython(failing)))
    assert "-- THIS OPERATION CANNOT BE WRITTEN AS SQL" in lines
    assert books.run("SELECT count(*) FROM shop_book") == [(2,)]


def test_script_of_the_way_back(books):
    books.migrate(assured(RENAMED, migrations.RunPython(migrations.RunPython.noop, failing)))
    migration = books.migrations[-1]
    with books.connection.schema_editor(collect_sql=True) as editor:
        migration.unapply(books.states[-2].clone(), editor, collect_sql=True)
    text = "\n".join(editor.collected_sql)
    assert text.index("THIS OPERATION CANNOT BE WRITTEN AS SQL") < text.index('RENAME COLUMN "sheets" TO "pages"')


# Another database


def test_another_postgresql_engine_runs_the_operations(stock_database):
    stock = Shop(stock_database)
    stock.migrate(BOOK)
    stock.migrate(assured(RENAMED))
    assert columns(stock) == {"id", "sheets"}
    stock.unapply()
    assert columns(stock) == {"id", "pages"}


@pytest.mark.parametrize("atomic, expected", [(True, 1), (False, 0)])
def test_python_on_another_engine_runs_in_a_transaction_exactly_when_it_would_by_itself(
    stock_database, atomic, expected
):
    stock = Shop(stock_database)
    stock.migrate(BOOK)
    stock.migrate(assured(migrations.RunPython(in_transaction)), atomic=atomic)
    assert stock.run("SELECT pages FROM shop_book") == [(expected,)]


def test_another_vendor_runs_the_operations(make_sqlite):
    with make_sqlite() as connection:
        state, operation = ProjectState(), assured(RENAMED)
        BOOK.state_forwards("shop", state)
        with connection.schema_editor() as editor:
            BOOK.database_forwards("shop", editor, ProjectState(), state)
            after = state.clone()
            operation.state_forwards("shop", after)
            operation.database_forwards("shop", editor, state, after)
        assert column_names(connection) == {"id", "sheets"}


@pytest.fixture
def make_sqlite(django_db_blocker):
    @contextmanager
    def make():
        connections.settings["lite"] = connections.settings["default"] | {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": ":memory:",
            "OPTIONS": {},
        }
        try:
            with django_db_blocker.unblock():
                yield connections["lite"]
                # A database in memory does not end with Django's close().
                connections["lite"].connection.close()
        finally:
            del connections["lite"], connections.settings["lite"]

    return make


# As a migration file


def written(operation, tmp_path):
    """The operation of a migration that was written to a file and imported."""
    migration = type("Migration", (migrations.Migration,), {"operations": [operation]})("0001", "shop")
    path = tmp_path / "written_migration.py"
    path.write_text(MigrationWriter(migration).as_string())
    spec = importlib.util.spec_from_file_location("written_migration", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (found,) = module.Migration.operations
    return found


def test_file_has_the_operations_and_the_reason(tmp_path):
    again = written(assured(RENAMED, migrations.AddField("book", "rank", models.IntegerField(default=1))), tmp_path)
    assert type(again) is SafetyAssured
    assert again.reason == REASON
    assert again.describe() == assured(RENAMED, ADDED).describe()
    assert again.operations[1].field.default == 1


def test_file_of_a_nested_assurance(tmp_path):
    again = written(SafetyAssured([assured(RENAMED)], reason='with "quotes" and \\'), tmp_path)
    assert again.reason == 'with "quotes" and \\'
    assert again.operations[0].reason == REASON


def test_deconstruct_makes_an_equal_operation():
    operation = assured(RENAMED)
    name, args, options = operation.deconstruct()
    again = SafetyAssured(*args, **options)
    assert (name, again.operations, again.reason) == ("SafetyAssured", operation.operations, REASON)


# What Django asks of it


def test_state_is_that_of_the_operations_themselves():
    plain, wrapped = ProjectState(), ProjectState()
    for operation in (BOOK, RENAMED, ADDED):
        operation.state_forwards("shop", plain)
    assured(BOOK, RENAMED, ADDED).state_forwards("shop", wrapped)
    assert plain == wrapped
    assert MigrationAutodetector(wrapped, plain)._detect_changes() == {}


def test_description():
    assert assured(RENAMED, ADDED).describe() == (
        f"Safety assured ({REASON}): Rename field pages on book to sheets, Add field rank to book"
    )
    assert repr(assured(RENAMED)).startswith("<SafetyAssured")


def test_name_of_the_migration_comes_from_the_first_operation():
    assert assured(RENAMED, ADDED).migration_name_fragment == RENAMED.migration_name_fragment
    assert assured().migration_name_fragment is None


def test_references_are_those_of_the_operations():
    operation = assured(RENAMED, ADDED)
    assert operation.references_model("book", "shop")
    assert not operation.references_model("author", "shop")
    assert operation.references_field("book", "rank", "shop")
    assert not operation.references_field("book", "title", "shop")


def test_optimizer_does_not_move_a_change_of_its_model_across_it():
    removed = migrations.RemoveField("book", "rank")
    operations = [ADDED, assured(migrations.RenameField("book", "rank", "place")), removed]
    assert MigrationOptimizer().optimize(operations, "shop") == operations
