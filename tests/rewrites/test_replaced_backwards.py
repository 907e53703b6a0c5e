"""A change of type that is done online is taken back online: the column gets a type with fewer values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DataError, IntegrityError, migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.backends.postgres.schema import UnsafeOperationException
from tests.backends.project import Shop, Site
from tests.backends.sessions import Beside, run, wait_until

from .online import BIG, LEFT, ROWS, TYPE, assert_rows, clients

pytestmark = pytest.mark.slow

FAR = 2**31
KEY = models.BigAutoField(primary_key=True)
NOTE = models.CharField(max_length=20, default="")


@pytest.fixture
def widened(books: Shop) -> Shop:
    """A table whose column has become a bigint."""
    books.migrate(BIG)
    return books


def test_what_was_changed_is_taken_back_while_clients_write(widened: Shop, open_session: Callable[..., Any]) -> None:
    with clients(open_session) as writing:
        wait_until(lambda: all(client.written for client in writing), "every client has written")
        editor = widened.unapply()

    assert [found.code for found in editor.findings] == ["ONLINE_TYPE_CHANGE"]
    assert "a value that integer does not take is refused" in editor.findings[0].message
    assert_rows(widened, writing)
    assert widened.run(TYPE) == [("integer",)]
    assert widened.run("SELECT id FROM shop_book WHERE pages IS DISTINCT FROM beside") == []
    assert widened.run(LEFT) == []


def test_a_key_and_what_refers_to_it(books: Shop) -> None:
    auto = models.AutoField(primary_key=True)
    above = models.ForeignKey("shop.node", models.CASCADE, null=True)
    books.migrate(migrations.CreateModel("node", [("id", auto), ("above", above)]))
    books.run("INSERT INTO shop_node (above_id) SELECT nullif(n - 1, 0) FROM generate_series(1, 500) n")
    types = (
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = 'shop_node'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    before = books.run(types)

    books.migrate(migrations.AlterField("node", "id", models.BigAutoField(primary_key=True)))
    assert books.run(types) == [("bigint",)] * 2
    books.unapply()

    assert books.run(types) == before == [("integer",)] * 2
    assert books.run("INSERT INTO shop_node (above_id) VALUES (7) RETURNING id") == [(501,)]
    sequence = "SELECT data_type::text, max_value FROM pg_sequences WHERE sequencename = 'shop_node_id_seq'"
    assert books.run(sequence) == [("integer", FAR - 1)]
    assert books.run(LEFT) == []


def test_values_that_do_not_fit_are_named_before_anything_is_sent(widened: Shop) -> None:
    widened.run("UPDATE shop_book SET pages = %s WHERE id IN (3, 7)", FAR)

    with pytest.raises(UnsafeOperationException) as caught:
        widened.unapply()

    said = str(caught.value.finding)
    assert 'rows whose "pages" is not the same value as integer: id 3, 7. To see all: SELECT id FROM' in said
    assert str(FAR) not in said.partition("To see all")[0]
    assert widened.run(TYPE) == [("bigint",)]
    assert widened.run(LEFT) == []


def test_the_values_themselves_are_shown_where_it_is_wanted(widened: Shop, settings: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_SHOW_OFFENDING_VALUES = True
    widened.run("ALTER TABLE shop_book DROP CONSTRAINT shop_book_pkey; ALTER TABLE shop_book ADD PRIMARY KEY (pages)")
    widened.run("UPDATE shop_book SET pages = %s WHERE id = 3", FAR)

    with pytest.raises(UnsafeOperationException) as caught:
        widened.unapply()

    assert f"pages '{FAR}'" in str(caught.value.finding) or f"pages {FAR}" in str(caught.value.finding)


def test_the_query_that_is_printed_finds_them(widened: Shop) -> None:
    widened.run("UPDATE shop_book SET pages = %s WHERE id > %s", FAR, ROWS - 20)

    with pytest.raises(UnsafeOperationException) as caught:
        widened.unapply()

    assert caught.value.finding is not None
    said, _, query = caught.value.finding.message.partition(". To see all: ")
    assert said.endswith(" and more")
    assert len(widened.run(query)) == 20


@pytest.mark.parametrize("kind", ["identity", "serial"])
def test_a_sequence_that_is_beyond_the_type_is_named(books: Shop, kind: str) -> None:
    books.migrate(migrations.CreateModel("line", [("id", models.AutoField(primary_key=True))]))
    if kind == "serial":
        books.run("ALTER TABLE shop_line ALTER COLUMN id DROP IDENTITY")
        books.run("CREATE SEQUENCE shop_line_id_seq AS integer OWNED BY shop_line.id")
        books.run("ALTER TABLE shop_line ALTER COLUMN id SET DEFAULT nextval('shop_line_id_seq')")
    books.run("INSERT INTO shop_line SELECT FROM generate_series(1, 50)")
    books.migrate(migrations.AlterField("line", "id", models.BigAutoField(primary_key=True)))
    books.run("SELECT setval('shop_line_id_seq', %s)", FAR)

    with pytest.raises(UnsafeOperationException) as caught:
        books.unapply()
    assert "sequence shop_line_id_seq has, or may give, a value that does not fit" in str(caught.value.finding)

    books.run("SELECT setval('shop_line_id_seq', 50)")
    books.unapply()
    assert books.run("INSERT INTO shop_line DEFAULT VALUES RETURNING id, pg_typeof(id)::text") == [(51, "integer")]


def test_meanwhile_a_client_gets_the_error_that_it_gets_afterwards(
    widened: Shop, settings: Any, other_session: Any
) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_BACKFILL_LOAD = 0.05
    writes = f"INSERT INTO shop_book (pages, beside) VALUES ({FAR}, 1)", f"UPDATE shop_book SET pages = {FAR}"

    def errors() -> list[str]:
        said = []
        for sql in writes:
            with pytest.raises(Exception) as caught:
                run(other_session, sql)
            other_session.rollback()
            said.append(str(caught.value).partition("\n")[0])
        return said

    widened.run("INSERT INTO shop_book (pages, beside) SELECT n, n FROM generate_series(1, 30000) n")
    with Beside(lambda: widened.unapply()) as work:
        wait_until(lambda: widened.run(LEFT), "the column is there", work)
        meanwhile = errors()
        assert widened.run(TYPE) == [("bigint",)]
        work.result()

    assert widened.run(TYPE) == [("integer",)]
    assert meanwhile == ["integer out of range"] * 2 == errors()


def test_what_was_written_after_the_search_is_found_by_the_proof(
    widened: Shop, other_session: Any, monkeypatch: Any
) -> None:
    """A client writes a value that does not fit between the search and the first step: nothing of it is lost."""
    from django_zero_downtime_migrations.backends.postgres import recording

    monkeypatch.setattr(recording, "rows_where", lambda *asked: "")
    widened.run("UPDATE shop_book SET pages = %s, beside = 0 WHERE id = 5", FAR)

    with pytest.raises(IntegrityError, match="is violated by some row") as caught:
        widened.unapply()

    notes = str(caught.value) + str(getattr(caught.value, "__notes__", ""))
    assert 'whose "pages" is not the same value as integer: id 5' in notes
    assert widened.run("SELECT pages FROM shop_book WHERE id = 5") == [(FAR,)]
    assert widened.run(TYPE) == [("bigint",)]
    assert widened.run(LEFT) == []


#: Of a field before and after: what it holds, what stops the way back, and what is written meanwhile.
NARROWED: dict[str, tuple[Any, Any, str, str]] = {
    "shorter": (models.CharField(max_length=5), models.TextField(), "'abcde'", "'abcdef'"),
    "digits": (
        models.DecimalField(max_digits=5, decimal_places=2),
        models.DecimalField(max_digits=7, decimal_places=3),
        "'999.99'",
        "'999.991'",
    ),
    "double": (models.IntegerField(), models.FloatField(), "'-7'", "'0.5'"),
    "decimal": (
        models.SmallIntegerField(),
        models.DecimalField(max_digits=9, decimal_places=2),
        "'32767'",
        "'32767.5'",
    ),
}


@pytest.mark.parametrize(("old", "new", "same", "other"), NARROWED.values(), ids=NARROWED)
def test_other_types(books: Shop, old: Any, new: Any, same: str, other: str) -> None:
    books.migrate(migrations.CreateModel("x", [("id", models.BigAutoField(primary_key=True)), ("v", old)]))
    books.run("CREATE INDEX of_expression ON shop_x ((v::text || 'x'))" if "abc" in same else "SELECT 1")
    books.run(f"INSERT INTO shop_x (v) SELECT {same} FROM generate_series(1, 9)")
    kind = (
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = 'shop_x'::regclass AND attname = 'v'"
    )
    before = books.run(kind)
    books.migrate(migrations.AlterField("x", "v", new))
    books.run(f"UPDATE shop_x SET v = {other} WHERE id = 4")

    with pytest.raises(UnsafeOperationException) as caught:
        books.unapply()
    assert "id 4. To see all" in str(caught.value.finding)

    books.run(f"UPDATE shop_x SET v = {same} WHERE id = 4")
    books.unapply()
    assert books.run(kind) == before
    assert books.run(f"SELECT count(*) FROM shop_x WHERE v = {same}") == [(9,)]
    assert books.run(LEFT) == []


@pytest.fixture
def deployed(site: Site, database: BaseDatabaseWrapper) -> Site:
    """A table in use whose column has become a bigint, and another migration after that."""
    site.settings["INSTALLED_APPS"] = ["django_zero_downtime_migrations", "shop"]
    wanted = {"ONLINE_TYPE_CHANGES": True, "RAISE_FOR_UNSAFE": True}
    site.settings |= {f"ZERO_DOWNTIME_MIGRATIONS_{name}": value for name, value in wanted.items()}
    site.add(migrations.CreateModel("order", [("id", KEY), ("n", models.IntegerField()), ("note", NOTE)]))
    site.migrate()
    run(database, "INSERT INTO shop_order (n, note) SELECT g, repeat('x', 20) FROM generate_series(1, 30000) g")
    site.add(migrations.AlterField("order", "n", models.BigIntegerField()))
    site.add(migrations.AddField("order", "later", models.IntegerField(null=True)))
    site.migrate()
    return site


def test_nothing_of_the_whole_run_is_done_where_a_value_does_not_fit(
    deployed: Site, database: BaseDatabaseWrapper
) -> None:
    run(database, "UPDATE shop_order SET n = %s WHERE id = 8", FAR)

    said = deployed.refused("migrate", "shop", "0001")

    assert 'rows whose "n" is not the same value as integer: id 8. To see all:' in said
    assert run(database, "SELECT count(later) FROM shop_order") == [(0,)]
    run(database, "UPDATE shop_order SET n = 8 WHERE id = 8")
    deployed.migrate("shop", "0001")
    assert run(database, "SELECT pg_typeof(n)::text, count(*) FROM shop_order GROUP BY 1") == [("integer", 30000)]


def test_what_was_interrupted_on_the_way_back_goes_on(deployed: Site, database: BaseDatabaseWrapper) -> None:
    deployed.settings["ZERO_DOWNTIME_MIGRATIONS_BACKFILL_MAX_DURATION"] = "1ms"
    assert deployed.manage("migrate", "shop", "0001").returncode == 3
    assert run(database, "SELECT pg_typeof(n)::text FROM shop_order LIMIT 1") == [("bigint",)]

    del deployed.settings["ZERO_DOWNTIME_MIGRATIONS_BACKFILL_MAX_DURATION"]
    deployed.migrate("shop", "0001")

    assert run(database, "SELECT pg_typeof(n)::text FROM shop_order LIMIT 1") == [("integer",)]
    assert run(database, "SELECT count(*) FROM shop_order WHERE n <> id") == [(0,)]


def test_forwards_it_stays_refused(widened: Shop) -> None:
    with pytest.raises(UnsafeOperationException) as caught:
        widened.migrate(migrations.AlterField("book", "pages", models.IntegerField(db_index=True)))

    assert "not every bigint is the same value as integer" in str(caught.value.finding)


def test_in_place_the_server_says_what_stock_says(widened: Shop, settings: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE = False
    widened.run("UPDATE shop_book SET pages = %s WHERE id = 3", FAR)

    with pytest.warns(match="id 3"), pytest.raises(DataError, match="integer out of range"):
        widened.unapply()

    assert widened.run(TYPE) == [("bigint",)]


def test_the_script_does_it_as_well(widened: Shop) -> None:
    script = widened.script_back()

    assert "CASE WHEN" in script and "DROP COLUMN" in script
