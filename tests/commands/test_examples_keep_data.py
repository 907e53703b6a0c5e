"""Examples to paste lose nothing: old and new code write between their migrations, through the ORM."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from django_zero_downtime_migrations.compat import has_db_default
from django_zero_downtime_migrations.judging.examples.writers import WRITERS
from tests.backends.project import Shop
from tests.commands.judged import check
from tests.commands.test_examples_to_paste import blocks

Make = Callable[..., BaseDatabaseWrapper]
NEW = datetime.datetime(2001, 2, 3, tzinfo=datetime.timezone.utc)
CHOICES = [(1, "one"), (2, "two")]
BIG = models.BigIntegerField


def fk(to: str = "Author", **options: Any) -> models.ForeignKey:
    return models.ForeignKey(f"shop.{to}", options.pop("on_delete", models.CASCADE), **options)


def shop_with(make: Make, *operations: Operation, key: Any = None) -> Shop:
    """Make an author and books in use.

    :param key: the primary key of a book, if not a number.
    """
    shop = Shop(make(ZERO_DOWNTIME_MIGRATIONS={"RAISE_FOR_UNSAFE": False}))
    author = migrations.CreateModel("Author", [("id", models.BigAutoField(primary_key=True))])
    book = migrations.CreateModel("Book", [("id", key or models.BigAutoField(primary_key=True))])
    shop.migrate(author, book, *operations)
    code(shop, "Author").objects.using(shop.alias).create(id=1)
    return shop


def printed(shop: Shop, operation: Operation, code: str) -> list[list[Operation]]:
    shown = {entry.finding.code: entry.example for entry in check(shop, [operation]).entries}
    return blocks(shown[code])


def code(shop: Shop, name: str) -> Any:
    """Return a model as the code of this moment has it: rendered again, since an older one keeps its relations."""
    models = {key: state.clone() for key, state in shop.states[-1].models.items()}
    return ProjectState(models).apps.get_model("shop", name)


def written(shop: Shop, model: Any, **values: Any) -> Any:
    """Write a new row, and return its key."""
    row = model._base_manager.using(shop.alias).create(**values)
    # auto_now and auto_now_add have written the time whatever the code says.
    model._base_manager.using(shop.alias).filter(pk=row.pk).update(**values)
    return row.pk


def rows(shop: Shop, *names: str) -> dict[Any, Any]:
    found = code(shop, "Book")._base_manager.using(shop.alias).values_list("pk", *names)
    return {key: values[0] if len(values) == 1 else values for key, *values in found}


class Column(NamedTuple):
    """A column that gets another type.

    :param value: what code writes; another one each time.
    :param became: the same as a value of the new type.
    """

    old: models.Field
    new: models.Field
    value: Callable[[int], Any] = lambda number: 1000 + number
    became: Callable[[Any], Any] = lambda value: value
    key: models.Field | None = None


def day(number: int) -> datetime.datetime:
    return NEW + datetime.timedelta(days=number)


TYPES = {
    "plain": Column(models.IntegerField(), BIG()),
    "null": Column(models.IntegerField(null=True), BIG(null=True)),
    "default": Column(models.IntegerField(default=0), BIG(default=0)),
    "default and null": Column(models.IntegerField(default=0, null=True), BIG(default=0, null=True)),
    "callable default": Column(models.IntegerField(default=int), BIG(default=int)),
    "unique": Column(models.IntegerField(unique=True), BIG(unique=True)),
    "unique default": Column(models.IntegerField(unique=True, default=0), BIG(unique=True, default=0)),
    "indexed": Column(models.IntegerField(db_index=True), BIG(db_index=True)),
    "choices": Column(models.IntegerField(choices=CHOICES, default=1), BIG(choices=CHOICES, default=1)),
    "column": Column(models.IntegerField(db_column="total"), BIG(db_column="total", default=0)),
    "text from a number": Column(models.IntegerField(), models.CharField(max_length=20, default="x"), became=str),
    "text that may be empty": Column(
        models.IntegerField(), models.CharField(max_length=20, blank=True), became=str
    ),
    "number from a text": Column(models.CharField(max_length=9), BIG(default=0), lambda n: str(n + 7), int),
    "decimal": Column(
        models.IntegerField(default=0),
        models.DecimalField(max_digits=12, decimal_places=2, default=decimal.Decimal("0.5")),
        became=decimal.Decimal,
    ),
    "moment of the row": Column(
        models.DateField(), models.DateTimeField(auto_now_add=True), lambda n: day(n).date(),
        lambda value: datetime.datetime.combine(value, datetime.time(), datetime.timezone.utc),
    ),
    "moment of a change": Column(
        models.DateField(), models.DateTimeField(auto_now=True), lambda n: day(n).date(),
        lambda value: datetime.datetime.combine(value, datetime.time(), datetime.timezone.utc),
    ),
    "foreign key": Column(models.IntegerField(default=1), fk(default=1), lambda n: 1),
    "no foreign key": Column(fk(), models.IntegerField(default=0), lambda n: 1),
    "text key": Column(
        models.IntegerField(default=0), BIG(default=0), key=models.UUIDField(primary_key=True, default=uuid.uuid4)
    ),
}  # fmt: skip
if has_db_default:
    TYPES |= {
        "database default": Column(models.IntegerField(db_default=0), BIG(db_default=0)),
        "both defaults": Column(models.IntegerField(default=1, db_default=0), BIG(default=1, db_default=0)),
        "default that varies": Column(
            models.IntegerField(), models.FloatField(db_default=models.functions.Random()), became=float
        ),
    }


@pytest.mark.parametrize("name", TYPES)
def test_another_type(name: str, make_connection: Make) -> None:
    case = TYPES[name]
    shop = shop_with(make_connection, migrations.AddField("Book", "total", case.old), key=case.key)
    source, target = attname("total", case.old), attname("total_new", case.new)
    values: dict[Any, Any] = {}
    made = map(case.value, range(1000))

    def write(model: Any, *names: str) -> None:
        value = next(made)
        values[written(shop, model, **{x: case.became(value) if x == target else value for x in names})] = value

    def change(model: Any) -> None:
        """Code of the old release changes a row that the new one has written."""
        key = next(reversed(values))
        values[key] = next(made)
        model._base_manager.using(shop.alias).filter(pk=key).update(**{source: values[key]})

    old = code(shop, "Book")
    write(old, source)
    first, copy, *last = printed(shop, migrations.AlterField("Book", "total", case.new), "ALTER_COLUMN_TYPE")

    shop.migrate(*first)
    both = code(shop, "Book")
    for _ in range(2):
        write(old, source)
        write(both, source, target)
        change(old)
    shop.migrate(*copy, atomic=False)
    write(both, source, target)
    for each in last:
        shop.migrate(*each)
        write(both, source, target)
        write(code(shop, "Book"), source, target)

    assert rows(shop, target) == {key: case.became(value) for key, value in values.items()}
    assert alike(code(shop, "Book")._meta.get_field("total_new"), case.new)


def attname(name: str, field: models.Field) -> str:
    return f"{name}_id" if field.remote_field else name


def alike(field: models.Field, other: models.Field) -> bool:
    """Return whether a field has become what the operation wants, in a column of its own."""
    apart = ("db_column", "related_name")
    both = [{k: v for k, v in x.deconstruct()[3].items() if k not in apart} for x in (field, other)]
    return type(field) is type(other) and both[0] == both[1]


def test_nothing_is_shown_for_a_primary_key(make_connection: Make) -> None:
    """Other tables point to it, and a table has one: no other column can take its place."""
    shop = shop_with(make_connection, key=models.SmallAutoField(primary_key=True))
    entries = check(shop, [migrations.AlterField("Book", "id", models.BigAutoField(primary_key=True))]).entries
    assert [entry.example for entry in entries if entry.finding.code == "ALTER_COLUMN_TYPE"] == [""]


class Added(NamedTuple):
    """An added column.

    :param value: what the code writes.
    :param filled: the values of other rows in the end.
    """

    field: models.Field
    value: Any = 5
    filled: Any = None
    code: str = "ADD_COLUMN_NOT_NULL"


VARIES = "what another row does not have"
ADDED = {
    "default": Added(models.IntegerField(default=7), filled=7),
    "text": Added(models.TextField(default="it's"), "5", "it's"),
    "callable default": Added(models.IntegerField(default=int), filled=0),
    "choices": Added(models.IntegerField(choices=CHOICES, default=1), filled=1),
    "empty text": Added(models.CharField(max_length=9, blank=True), "5", ""),
    "unique": Added(models.UUIDField(default=uuid.uuid4, unique=True), uuid.UUID(int=5), VARIES),
    "moment": Added(models.DateTimeField(default=NEW), day(5), NEW),
    "moment of the row": Added(models.DateTimeField(auto_now_add=True), None, VARIES),
    "decimal": Added(
        models.DecimalField(max_digits=5, decimal_places=2, default=decimal.Decimal("0.5")),
        decimal.Decimal(5),
        decimal.Decimal("0.5"),
    ),
    "json": Added(models.JSONField(default=dict), {"a": 1}, {}),
    "foreign key": Added(fk(default=1, related_name="+"), 1, 1),
}
if has_db_default:
    ADDED |= {
        "rewrite": Added(models.UUIDField(db_default=RandomUUID()), uuid.UUID(int=5), VARIES, "ADD_COLUMN_REWRITE"),
        "rewrite with NULL": Added(
            models.UUIDField(db_default=RandomUUID(), null=True), uuid.UUID(int=5), VARIES, "ADD_COLUMN_REWRITE"
        ),
        "rewrite, unique": Added(
            models.UUIDField(db_default=RandomUUID(), unique=True), uuid.UUID(int=5), VARIES, "ADD_COLUMN_REWRITE"
        ),
        "generated": Added(
            models.GeneratedField(  # type: ignore[attr-defined]
                expression=models.F("pages") * 2, output_field=models.IntegerField(), db_persist=True
            ),
            value=22,
            filled=22,
            code="ADD_COLUMN_GENERATED_STORED",
        ),
    }


@pytest.mark.parametrize("name", ADDED)
def test_a_new_column(name: str, make_connection: Make) -> None:
    case = ADDED[name]
    shop = shop_with(make_connection, migrations.AddField("Book", "pages", models.IntegerField(default=11)))
    old, column = code(shop, "Book"), attname("extra", case.field)
    without, given = [written(shop, old), written(shop, old)], []

    def write() -> None:
        value = {} if case.value is None or (case.field.unique and given) else {column: case.value}
        (given if value else without).append(written(shop, code(shop, "Book"), **value))

    first, *later = printed(shop, migrations.AddField("Book", "extra", case.field), case.code)
    shop.migrate(*first)
    without.append(written(shop, old))
    write()
    for each in later:
        shop.migrate(*each, atomic=False)
        write()

    found = rows(shop, column)
    assert {key: found[key] for key in given} == dict.fromkeys(given, case.value)
    others = [found[key] for key in without]
    if case.filled is not VARIES:
        assert others == [case.filled] * len(others)
    elif case.value is not None:
        assert None not in others and len(set(others)) == len(others)
    else:
        assert None not in others


class Kept(NamedTuple):
    """A column that becomes NOT NULL.

    :param filled: the final values of rows that had NULL.
    """

    new: models.Field
    filled: Any
    code: str


KEPT = {
    "default": Kept(models.IntegerField(default=7), 7, "SET_NOT_NULL"),
    "empty text": Kept(models.CharField(max_length=9, blank=True), "", "SET_NOT_NULL"),
    "callable default": Kept(models.IntegerField(default=int), 0, "SET_NOT_NULL"),
    "large table": Kept(models.IntegerField(default=7), 7, "FILL_LARGE_TABLE"),
}


@pytest.mark.parametrize("name", KEPT)
def test_not_null(name: str, make_connection: Make) -> None:
    case = KEPT[name]
    options = {name: value for name, value in case.new.deconstruct()[3].items() if name != "default"}
    nullable = type(case.new)(**options, null=True)
    shop = shop_with(make_connection, migrations.AddField("Book", "extra", nullable))
    old = code(shop, "Book")
    empty = [written(shop, old), written(shop, old, extra=None)]
    given = [written(shop, old, extra="5")]
    if name == "large table":
        shop.run("UPDATE pg_class SET reltuples = 9000000 WHERE oid = 'shop_book'::regclass")

    first, *later = printed(shop, migrations.AlterField("Book", "extra", case.new), case.code)
    shop.migrate(*first, atomic=False)
    if case.code == "SET_NOT_NULL":
        empty.append(written(shop, old, extra=None))
    given.append(written(shop, code(shop, "Book"), extra="6"))
    shop.run("ANALYZE shop_book")
    for each in later:
        shop.migrate(*each, atomic=False)
        given.append(written(shop, code(shop, "Book"), extra="6"))

    found = rows(shop, "extra")
    assert [found[key] for key in empty] == [case.filled] * len(empty)
    assert [str(found[key]) for key in given] == ["5", *"6" * (len(given) - 1)]
    (column,) = shop.run(
        "SELECT attnotnull FROM pg_attribute WHERE attrelid = 'shop_book'::regclass AND attname = 'extra'"
    )
    assert column == (True,)


def test_value_that_nobody_knows_is_an_error_before_a_row_is_written(make_connection: Make) -> None:
    shop = shop_with(make_connection, migrations.AddField("Book", "extra", models.TextField(null=True)))
    key = written(shop, code(shop, "Book"))
    with pytest.raises(NameError, match="value_of_older_rows"):
        printed(shop, migrations.AlterField("Book", "extra", models.TextField()), "SET_NOT_NULL")
    assert rows(shop, "extra") == {key: None}


class Removed(NamedTuple):
    """A removed field.

    :param value: what old code writes.
    """

    field: models.Field
    value: Any = 5


REMOVED = {
    "null": Removed(models.IntegerField(null=True)),
    "not null": Removed(models.IntegerField()),
    "default": Removed(models.IntegerField(default=7)),
    "unique": Removed(models.IntegerField(unique=True), None),
    "text": Removed(models.CharField(max_length=9), "5"),
    "choices": Removed(models.IntegerField(choices=CHOICES, default=1), 2),
    "moment of the row": Removed(models.DateTimeField(auto_now_add=True), NEW),
    "foreign key": Removed(fk(), 1),
    "foreign key that may be NULL": Removed(fk(null=True, on_delete=models.SET_NULL), 1),
    "protected": Removed(fk(on_delete=models.PROTECT), 1),
    "foreign key without constraint": Removed(fk(db_constraint=False), 1),
    "one to one": Removed(models.OneToOneField("shop.Author", models.CASCADE), None),
    "to itself": Removed(fk("Book", null=True), None),
    "many to many": Removed(models.ManyToManyField("shop.Author"), None),
}
if has_db_default:
    REMOVED["database default"] = Removed(models.IntegerField(db_default=7))


@pytest.mark.parametrize("name", REMOVED)
def test_a_field_that_goes(name: str, make_connection: Make) -> None:
    case = REMOVED[name]
    shop = shop_with(make_connection, migrations.AddField("Book", "gone", case.field))
    old, old_author, column = code(shop, "Book"), code(shop, "Author"), attname("gone", case.field)
    numbers = iter(range(100, 200))
    keys: list[Any] = []

    def write(model: Any) -> None:
        """Write a book with an author of its own, if it has one."""
        author = written(shop, old_author, id=next(numbers))
        values = {}
        if model is old and not case.field.many_to_many:
            target = case.field.remote_field and case.field.remote_field.model == "shop.Author"
            values = {column: author if target or (case.value is None and name == "unique") else case.value}
        keys.append(written(shop, model, **{x: value for x, value in values.items() if name != "to itself"}))
        if model is old and case.field.many_to_many:
            model._base_manager.using(shop.alias).get(pk=keys[-1]).gone.add(author)

    write(old)
    *prepared, forgotten, dropped = printed(shop, migrations.RemoveField("Book", "gone"), _code_of(case.field))
    for each in prepared:
        shop.migrate(*each)
        write(old)
    shop.migrate(*forgotten)
    new, new_author = code(shop, "Book"), code(shop, "Author")
    for _ in range(2):
        write(old)
        write(new)
    # New code deletes the author of a book of old code's; that book has to stay, and may be read and written by both.
    gone = keys[-2]
    new_author._base_manager.using(shop.alias).exclude(id=1).delete()
    if name == "to itself":
        old._base_manager.using(shop.alias).filter(pk=keys[0]).update(gone=gone)
        new._base_manager.using(shop.alias).filter(pk=gone).delete()
        keys.remove(gone)
    assert old._base_manager.using(shop.alias).filter(pk__in=keys).update(id=models.F("id")) == len(keys)
    shop.migrate(*dropped)
    write(new)

    assert sorted(rows(shop, "id")) == sorted(keys)


def _code_of(field: models.Field) -> str:
    return "DROP_TABLE" if field.many_to_many else "DROP_COLUMN"


@pytest.mark.parametrize(
    ("name", "finding"), [("not null", "FORGOTTEN_NOT_NULL"), ("foreign key that may be NULL", "FORGOTTEN_FOREIGN_KEY")]
)
def test_a_field_that_is_forgotten(name: str, finding: str, make_connection: Make) -> None:
    case = REMOVED[name]
    shop = shop_with(make_connection, migrations.AddField("Book", "gone", case.field))
    old, column, author = code(shop, "Book"), attname("gone", case.field), code(shop, "Author")
    key = written(shop, author, id=7)
    expected = {written(shop, old, **{column: key}): key}
    forget = migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("Book", "gone")])

    (operations,) = printed(shop, forget, finding)
    shop.migrate(*operations)

    new = code(shop, "Book")
    expected |= {written(shop, old, **{column: key}): key, written(shop, new): None}
    code(shop, "Author")._base_manager.using(shop.alias).filter(id=key).delete()
    assert dict(shop.run(f"SELECT id, {column} FROM shop_book")) == expected


def test_a_default_that_goes(make_connection: Make) -> None:
    """The default of a key is dropped: the code writes it before the database stops to."""
    shop = shop_with(make_connection)
    old = code(shop, "Book")
    keys = [written(shop, old)]
    first, last = printed(
        shop, migrations.AlterField("Book", "id", models.BigIntegerField(primary_key=True)), "DROP_DEFAULT"
    )
    shop.migrate(*first)
    new = code(shop, "Book")
    keys += [written(shop, old), written(shop, new, id=99)]
    shop.migrate(*last)
    keys.append(written(shop, code(shop, "Book"), id=100))
    assert sorted(rows(shop, "id")) == sorted(keys)
    assert shop.run(
        "SELECT attidentity FROM pg_attribute WHERE attrelid = 'shop_book'::regclass AND attname = 'id'"
    ) == [("",)]


POINTS = {
    "nothing": {},
    "foreign key": {"author": fk()},
    "foreign key that may be NULL": {"author": fk(null=True)},
    "one to one": {"author": models.OneToOneField("shop.Author", models.CASCADE)},
    "to itself": {"author": fk(), "parent": fk("Book", null=True)},
    "many to many": {"authors": models.ManyToManyField("shop.Author")},
    "key is a foreign key": {"author": fk(unique=True)},
}


@pytest.mark.parametrize("name", POINTS)
def test_a_model_that_goes(name: str, make_connection: Make) -> None:
    added = [migrations.AddField("Book", each, field) for each, field in POINTS[name].items()]
    shop = shop_with(make_connection, *added)
    old, author = code(shop, "Book"), code(shop, "Author")
    numbers = iter(range(100, 200))

    def write() -> None:
        key = written(shop, author, id=next(numbers))
        book = written(shop, old, **({"author_id": key} if "author" in POINTS[name] else {}))
        if "authors" in POINTS[name]:
            old._base_manager.using(shop.alias).get(pk=book).authors.add(key)

    write()
    *prepared, forgotten, dropped = printed(shop, migrations.DeleteModel("Book"), "DROP_TABLE")
    for each in prepared:
        shop.migrate(*each)
        write()
    shop.migrate(*forgotten)
    write()
    code(shop, "Author")._base_manager.using(shop.alias).filter(id__gte=100).delete()
    assert old._base_manager.using(shop.alias).count() == 2 + len(prepared)
    write()
    shop.migrate(*dropped)
    assert shop.run("SELECT count(*) FROM shop_author") == [(2,)]
    assert shop.run("SELECT to_regclass('shop_book')") == [(None,)]


@pytest.mark.parametrize("name", ["field", "foreign key", "primary key", "model"])
def test_another_name(name: str, make_connection: Make) -> None:
    operation, finding = {
        "field": (migrations.RenameField("Book", "total", "sum"), "ALTER_TABLE_RENAME_COLUMN"),
        "foreign key": (migrations.RenameField("Book", "author", "writer"), "ALTER_TABLE_RENAME_COLUMN"),
        "primary key": (migrations.RenameField("Author", "id", "key"), "ALTER_TABLE_RENAME_COLUMN"),
        "model": (migrations.RenameModel("Book", "Volume"), "ALTER_TABLE_RENAME"),
    }[name]
    fields = {"total": models.IntegerField(default=1), "author": fk()}
    shop = shop_with(make_connection, *(migrations.AddField("Book", each, field) for each, field in fields.items()))
    old, renamed = code(shop, "Book"), "sum" if name == "field" else "total"
    key = "writer_id" if name == "foreign key" else "author_id"
    expected = {written(shop, old, total=1, author_id=1): (1, 1)}

    for number, each in enumerate(printed(shop, operation, finding), 2):
        shop.migrate(*each)
        expected[written(shop, old, total=number, author_id=1)] = (number, 1)
    new = code(shop, "Volume" if name == "model" else "Book")
    expected[written(shop, new, **{renamed: 9, key: 1})] = (9, 1)

    for model, names in ((old, ("total", "author_id")), (new, (renamed, key))):
        found = model._base_manager.using(shop.alias).values_list("pk", *names)
        assert {pk: tuple(values) for pk, *values in found} == expected


def test_nothing_is_shown_for_a_model_whose_name_is_that_of_a_column(make_connection: Make) -> None:
    shop = shop_with(make_connection, migrations.AddField("Book", "authors", models.ManyToManyField("shop.Author")))
    for name in ("Book", "Author"):
        entries = check(shop, [migrations.RenameModel(name, "Other")]).entries
        assert {entry.example for entry in entries if entry.finding.code == "ALTER_TABLE_RENAME"} == {""}


def test_constraint(make_connection: Make) -> None:
    shop = shop_with(make_connection, migrations.AddField("Book", "total", models.IntegerField(default=1)))
    keys = [written(shop, code(shop, "Book"), total=number) for number in range(3)]
    once = migrations.AddConstraint("Book", models.UniqueConstraint(fields=["total"], name="once"))
    for each in printed(shop, once, "ADD_CONSTRAINT"):
        shop.migrate(*each)
        keys.append(written(shop, code(shop, "Book"), total=9))
    assert rows(shop, "total") == dict(zip(keys, (0, 1, 2, 9), strict=True))


def test_a_model_with_a_parent_goes(make_connection: Make) -> None:
    """Its key is the foreign key to the parent, which makemigrations writes."""
    options = {"auto_created": True, "parent_link": True, "primary_key": True, "serialize": False}
    parent = models.OneToOneField("shop.Author", models.CASCADE, **options)
    fields = [("author_ptr", parent), ("text", models.TextField())]
    shop = shop_with(make_connection, migrations.CreateModel("Note", fields, bases=("shop.author",)))
    old = code(shop, "Note")
    for number in (7, 8):
        old._base_manager.using(shop.alias).create(id=number, text="x")
    *prepared, forgotten, dropped = printed(shop, migrations.DeleteModel("Note"), "DROP_TABLE")
    for each in (*prepared, forgotten):
        shop.migrate(*each)
    old._base_manager.using(shop.alias).create(id=9, text="y")
    code(shop, "Author")._base_manager.using(shop.alias).filter(id=7).delete()
    assert sorted(shop.run("SELECT author_ptr_id, text FROM shop_note")) == [(7, "x"), (8, "x"), (9, "y")]
    shop.migrate(*dropped)
    assert sorted(shop.run("SELECT id FROM shop_author")) == [(1,), (8,), (9,)]


def test_everything_that_is_printed_is_tried_here() -> None:
    tried = {case.code for case in (*ADDED.values(), *KEPT.values())}
    others = {"ALTER_COLUMN_TYPE", "DROP_COLUMN", "DROP_TABLE", "ALTER_TABLE_RENAME_COLUMN", "ALTER_TABLE_RENAME"}
    others |= {"DROP_DEFAULT", "FORGOTTEN_NOT_NULL", "FORGOTTEN_FOREIGN_KEY"}
    # Without db_default there is nothing to print of these.
    newer = set() if has_db_default else {"ADD_COLUMN_REWRITE", "ADD_COLUMN_GENERATED_STORED"}
    assert tried | others | newer | {"ADD_CONSTRAINT"} == set(WRITERS)
