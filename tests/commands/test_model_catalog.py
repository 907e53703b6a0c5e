"""The models answer without a database as the catalogue does of the tables that Django has made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models

from django_zero_downtime_migrations.catalog.planned import PlannedCatalog
from django_zero_downtime_migrations.catalog.projection import Projection
from django_zero_downtime_migrations.catalog.protocol import Catalog
from django_zero_downtime_migrations.catalog.server import ServerCatalog
from django_zero_downtime_migrations.judging.counted.sizes import Sizes
from django_zero_downtime_migrations.judging.without_database.model_catalog import ModelCatalog
from django_zero_downtime_migrations.judging.without_database.offline import NotConnected, offline
from django_zero_downtime_migrations.judging.without_database.tables import Tables
from django_zero_downtime_migrations.type_changes import Effect, Gone
from tests.backends.project import Shop

TABLE = '"shop_book"'


def checks(name: str) -> Any:
    condition = models.Q(pages__gt=0)
    try:
        return models.CheckConstraint(condition=condition, name=name)
    except TypeError:
        return models.CheckConstraint(check=condition, name=name)


@pytest.fixture
def library(shop: Shop) -> Shop:
    """Tables with all that a model can say."""
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("title", models.CharField(max_length=20, db_index=True)),
        ("slug", models.SlugField(unique=True)),
        ("code", models.CharField(max_length=5, unique=True, null=True)),
        ("pages", models.IntegerField(null=True)),
        ("copies", models.PositiveIntegerField(default=1)),
        ("text", models.TextField()),
        ("price", models.DecimalField(max_digits=10, decimal_places=2, null=True)),
        ("author", models.ForeignKey("shop.Author", models.CASCADE)),
        ("second", models.OneToOneField("shop.Author", models.SET_NULL, null=True, related_name="+")),
        ("loose", models.ForeignKey("shop.Author", models.CASCADE, db_constraint=False, related_name="+")),
        ("made", models.DateTimeField(null=True)),
        ("tags", models.ManyToManyField("shop.Author", related_name="+")),
    ]
    options = {
        "unique_together": {("title", "pages")},
        "indexes": [
            models.Index(fields=["pages", "made"], name="plain"),
            models.Index(fields=["-made"], name="descending"),
            models.Index(fields=["made"], condition=models.Q(pages__gt=1), name="some"),
            models.Index(fields=["made"], include=["pages"], name="included"),
            models.Index(fields=["text"], opclasses=["text_pattern_ops"], name="opclass"),
            models.Index(models.functions.Lower("title"), name="expression"),
        ],
        "constraints": [
            checks("has_pages"),
            models.UniqueConstraint(fields=["title", "made"], name="once"),
            models.UniqueConstraint(fields=["title"], condition=models.Q(pages=None), name="once_where"),
            models.UniqueConstraint(fields=["pages"], deferrable=models.Deferrable.DEFERRED, name="late"),
        ],
    }
    author = [("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=9))]
    review = [("id", models.AutoField(primary_key=True)), ("book", models.ForeignKey("shop.Book", models.CASCADE))]
    shop.migrate(migrations.CreateModel("Author", author))
    shop.migrate(migrations.CreateModel("Book", fields, options), migrations.CreateModel("Review", review))
    return shop


@pytest.fixture
def both(library: Shop) -> tuple[PlannedCatalog, PlannedCatalog]:
    connection = offline(library.connection)
    scribe = connection.SchemaEditorClass(connection, collect_sql=True)
    tables = Tables(library.states[-1], scribe)
    today: list[Catalog] = [ServerCatalog(library.connection), ModelCatalog(connection, tables, Sizes())]
    live, told = (PlannedCatalog(each, Projection()) for each in today)
    return live, told


def columns(library: Shop, table: str) -> Iterator[str]:
    for (name,) in library.run(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY 1", table
    ):
        yield name


@pytest.mark.parametrize("table", [TABLE, '"shop_author"', '"shop_review"', '"shop_book_tags"'])
def test_columns(library: Shop, both: tuple[PlannedCatalog, PlannedCatalog], table: str) -> None:
    live, told = both

    for name in columns(library, table):
        asked, known = live.column(table, name), told.column(table, name)
        assert asked is not None and known is not None
        spelling = asked.type.replace("character varying", "varchar").replace("numeric(10,2)", "numeric(10, 2)")
        assert known == asked._replace(type=spelling), name


@pytest.mark.parametrize("table", [TABLE, '"shop_author"', '"shop_review"', '"shop_book_tags"'])
@pytest.mark.parametrize("side", ["constraints", "referencing"])
def test_constraints(both: tuple[PlannedCatalog, PlannedCatalog], table: str, side: str) -> None:
    asked, known = (
        {
            # A NOT NULL has a row of its own from PostgreSQL 18 on; columns of a check are a set.
            (x.name, x.kind, x.table, x.own, frozenset(x.columns), x.to_table, x.to_columns, x.deferrable, x.valid)
            for x in getattr(catalog, side)(table)
            if x.kind != "n"
        }
        for catalog in both
    )

    assert known == asked


@pytest.mark.parametrize("table", [TABLE, '"shop_author"', '"shop_review"', '"shop_book_tags"'])
def test_indexes(both: tuple[PlannedCatalog, PlannedCatalog], table: str) -> None:
    live, told = both
    asked, known = ({index.name: index for index in catalog.indexes(table)} for catalog in (live, told))

    assert known.keys() == asked.keys()
    for name, index in asked.items():
        if name in ("expression", "some", "once_where"):
            # The columns inside are not told apart: every one may be meant.
            assert known[name].touches >= index.touches
            continue
        assert known[name] == index


def test_what_is_there(both: tuple[PlannedCatalog, PlannedCatalog]) -> None:
    for catalog in both:
        assert catalog.exists(TABLE) and not catalog.exists('"shop_nothing"')
        assert catalog.column(TABLE, "nothing") is None
        assert catalog.name_taken(TABLE, "has_pages", relations=False)
        assert not catalog.name_taken(TABLE, "has_no_pages", relations=True)
        assert catalog.same_table(TABLE, TABLE) and not catalog.same_table(TABLE, '"shop_author"')
        assert catalog.constraints('"shop_nothing"') == catalog.indexes('"shop_nothing"') == []
        assert sorted(catalog.other_sides(TABLE, "author_id")) == ['"shop_author"']


def test_what_no_model_says_is_not_there(both: tuple[PlannedCatalog, PlannedCatalog]) -> None:
    for catalog in both:
        assert catalog.partitions(TABLE) == catalog.index_parts(TABLE, "plain") == []
        assert catalog.beside(TABLE, '"plain"') == '"plain"'
        assert not catalog.is_unfinished(TABLE, "plain")
        assert catalog.sequence_owner('"no_sequence"') is None
        assert catalog.triggers(TABLE, "pages", "") == {}
        assert catalog.nulls(TABLE, "pages") == 0


def test_question_that_only_a_database_answers(both: tuple[PlannedCatalog, PlannedCatalog]) -> None:
    with pytest.raises(NotConnected, match="without a database"), both[1].connection.cursor() as cursor:
        cursor.execute("SELECT 1")


ADDED = {
    "integer NULL": False,
    "integer DEFAULT 5 NOT NULL": False,
    "varchar(20) DEFAULT 'random()' NOT NULL": False,
    "timestamp with time zone DEFAULT (STATEMENT_TIMESTAMP()) NOT NULL": False,
    "double precision DEFAULT (RANDOM()) NOT NULL": True,
    "uuid DEFAULT (gen_random_uuid()) NOT NULL": True,
    "bigint NOT NULL GENERATED BY DEFAULT AS IDENTITY": True,
    "integer GENERATED ALWAYS AS (1) STORED": True,
    "integer[] NULL": False,
    "numeric(10, 2) NULL": False,
    "serial NOT NULL": True,
}


@pytest.mark.parametrize("definition", ADDED)
def test_column_that_writes_the_table_anew(both: tuple[PlannedCatalog, PlannedCatalog], definition: str) -> None:
    answers = [catalog.adding_rewrites(TABLE, '"new"', definition, None) for catalog in both]

    assert answers == [ADDED[definition]] * 2


@pytest.mark.parametrize("definition", ["citext NULL", "geometry(POINT,4326) NULL", "hstore NULL"])
def test_type_of_a_known_extension(both: tuple[PlannedCatalog, PlannedCatalog], definition: str) -> None:
    assert not both[1].adding_rewrites(TABLE, '"new"', definition, None)


def test_type_that_nobody_knows_is_taken_to_be_unsafe(both: tuple[PlannedCatalog, PlannedCatalog]) -> None:
    assert both[1].adding_rewrites(TABLE, '"new"', "mood NULL", None)


WANTED: dict[str, tuple[str, tuple[str, str | None, bool]]] = {
    "longer": ("title", ("varchar(30)", None, False)),
    "shorter": ("title", ("varchar(10)", None, False)),
    "text with a pattern index": ("title", ("text", None, False)),
    "another type": ("pages", ("bigint", None, True)),
    "the same": ("pages", ("integer", None, False)),
    "more digits": ("price", ("numeric(12, 2)", None, False)),
    "other digits": ("price", ("numeric(12, 3)", None, False)),
    "checked": ("copies", ("bigint", None, False)),
    "no way": ("text", ("integer", None, False)),
    "key": ("author_id", ("integer", None, False)),
    "identity": ("id", ("text", None, True)),
}


@pytest.mark.parametrize("name", WANTED)
def test_type_change(both: tuple[PlannedCatalog, PlannedCatalog], name: str) -> None:
    column, wanted = WANTED[name]
    # The expression and the predicates may be about any column; here they are not.
    gone = Gone(frozenset({"expression", "some", "once_where"}))
    asked, known = (catalog.type_change(TABLE, column, wanted, gone, "") for catalog in both)

    assert asked is not None and known is not None
    assert known.effect is asked.effect


def test_index_of_another_kind(library: Shop, make_connection: Callable[..., Any]) -> None:
    index = GinIndex(fields=["text"], opclasses=["gin_trgm_ops"], name="trigrams")
    library.run("CREATE EXTENSION pg_trgm")
    library.migrate(migrations.AddIndex("Book", index))
    connection = offline(library.connection)
    tables = Tables(library.states[-1], connection.SchemaEditorClass(connection, collect_sql=True))
    told = ModelCatalog(connection, tables, Sizes())

    change = told.type_change(
        TABLE, "text", ("varchar", None, False), Gone(frozenset({"expression", "some", "once_where"})), ""
    )

    assert change is not None
    assert (change.effect, len(change.because)) == (Effect.INDEX_REBUILD, 1)
    assert "trigrams" in change.because[0]
