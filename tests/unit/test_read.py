"""The statements that the running Django passes to ``execute()``, read with the right fields."""

from __future__ import annotations

import pytest
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    BtreeGistExtension,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Lower

from django_zero_downtime_migrations.backends.postgres.schema import DatabaseSchemaEditor
from django_zero_downtime_migrations.ddl import statements as s
from django_zero_downtime_migrations.ddl.read import read
from django_zero_downtime_migrations.ddl.template import Template
from django_zero_downtime_migrations.locks import Lock, LockMode
from tests.operations import features
from tests.operations.case import check

DEFERRED = " DEFERRABLE INITIALLY DEFERRED"
AUTHOR = migrations.CreateModel("author", [("id", models.BigAutoField(primary_key=True))])
BOOK = migrations.CreateModel(
    "book",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("pages", models.IntegerField(null=True)),
        ("isbn", models.CharField(max_length=13, unique=True)),
        ("title", models.CharField(max_length=20, db_index=True)),
        ("rank", models.PositiveIntegerField(default=0)),
        ("author", models.ForeignKey("shop.author", models.CASCADE)),
    ],
    {"indexes": [models.Index(fields=["rank"], name="by_rank")], "unique_together": {("isbn", "title")}},
)


class Recording(DatabaseSchemaEditor):
    """An editor that plans and sends nothing."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.statements = []

    def _carry_out(self, statements, call):
        self.statements += statements
        self._remember(statements)


class Books:
    """Tables in a database, and what operations on them come to."""

    def __init__(self, shop):
        self.shop = shop
        shop.migrate(AUTHOR, BOOK)

    def all(self, *operations):
        migration = self.shop._migration(operations, atomic=True)
        with Recording(self.shop.connection) as editor:
            migration.apply(self.shop.states[-1].clone(), editor)
        return editor.statements

    def of(self, kind, *operations):
        """The one statement of this kind."""
        (found,) = (statement for statement in self.all(*operations) if type(statement) is kind)
        return found

    def added(self, field):
        return self.of(s.AddColumn, migrations.AddField("book", "new", field))

    def altered(self, kind, name, field):
        return self.of(kind, migrations.AlterField("book", name, field))


@pytest.fixture
def books(shop):
    return Books(shop)


def kinds(statements):
    return [type(statement) for statement in statements]


def has(statement, **fields):
    found = {name: getattr(statement, name) for name in fields}
    assert found == fields
    return True


# Tables


def test_create_model_and_what_is_deferred(books):
    statements = books.all(
        migrations.CreateModel(
            "review",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("book", models.ForeignKey("shop.book", models.CASCADE)),
            ],
        )
    )
    assert kinds(statements) == [s.CreateTable, s.AddForeignKey, s.CreateIndex]
    assert [statement.table for statement in statements] == ['"shop_review"'] * 3
    assert statements[0].locks() == ()


def test_create_model_in_a_tablespace_keeps_what_django_appends(books):
    model = migrations.CreateModel("review", [("id", models.BigAutoField(primary_key=True))], {"db_tablespace": "fast"})
    statement = books.of(s.CreateTable, model)
    assert has(statement, table='"shop_review"')
    assert statement.sql.endswith('TABLESPACE "fast"')


def test_delete_model(books):
    statement = books.of(s.DropTable, migrations.DeleteModel("book"))
    assert has(statement, table='"shop_book"')
    assert statement.locks() == (Lock('"shop_book"', LockMode.ACCESS_EXCLUSIVE),)


def test_alter_model_table(books):
    statement = books.of(s.RenameTable, migrations.AlterModelTable("book", "volume"))
    assert has(statement, table='"shop_book"', new_table='"volume"')


def test_table_into_a_tablespace(books):
    with Recording(books.shop.connection) as editor:
        editor.alter_db_tablespace(books.shop.model("book"), "", "fast")
    assert kinds(editor.statements) == [s.SetTablespace]
    assert has(editor.statements[0], table='"shop_book"')


def test_table_comment(books):
    statement = books.of(s.SetComment, migrations.AlterModelTableComment("book", "50% off"))
    assert has(statement, table='"shop_book"', column=None)


# Columns


def test_add_nullable_column(books):
    statement = books.added(models.IntegerField(null=True))
    assert has(statement, table='"shop_book"', column='"new"', text="integer NULL", foreign_key=None)
    assert statement.definition == ("integer", " ", "NULL")
    assert not statement.has("NOT NULL")


def test_add_column_with_a_default(books):
    statement = books.added(models.IntegerField(default=7))
    assert statement.definition == ("integer", " ", "DEFAULT %s", " ", "NOT NULL")
    assert statement.params == [7]
    assert (statement.has("NOT NULL"), statement.has("DEFAULT"), statement.has("NULL")) == (True, True, False)


def test_add_unique_column(books):
    assert "UNIQUE" in books.added(models.IntegerField(null=True, unique=True)).definition


def test_add_column_with_a_check(books):
    statement = books.added(models.PositiveIntegerField(null=True))
    (piece,) = (piece for piece in statement.definition if piece.startswith("CHECK"))
    assert (piece, piece.template, piece.parts["check"]) == ('CHECK ("new" >= 0)', "sql_check_constraint", '"new" >= 0')


def test_add_primary_key_column(books):
    statement = books.added(models.IntegerField(primary_key=True))
    assert statement.has("PRIMARY KEY")


def test_add_unique_column_in_a_tablespace(books):
    statement = books.added(models.IntegerField(null=True, unique=True, db_tablespace="fast"))
    assert statement.definition[-3:] == ("UNIQUE", " ", 'USING INDEX TABLESPACE "fast"')


def test_add_foreign_key_column(books):
    statement = books.added(models.ForeignKey("shop.author", models.CASCADE, null=True, related_name="+"))
    parts = {name: str(statement.foreign_key.parts[name]) for name in ("to_table", "to_column", "column")}
    assert parts == {"to_table": '"shop_author"', "to_column": '"id"', "column": '"new_id"'}
    assert statement.locks() == (
        Lock('"shop_book"', LockMode.ACCESS_EXCLUSIVE),
        Lock('"shop_author"', LockMode.SHARE_ROW_EXCLUSIVE),
    )


def test_add_foreign_key_column_to_its_own_table(books):
    statement = books.added(models.ForeignKey("shop.book", models.CASCADE, null=True))
    assert statement.locks() == (Lock('"shop_book"', LockMode.ACCESS_EXCLUSIVE),)


def test_drop_column(books):
    statement = books.of(s.DropColumn, migrations.RemoveField("book", "pages"))
    assert has(statement, table='"shop_book"', column='"pages"')


def test_rename_column(books):
    statement = books.of(s.RenameColumn, migrations.RenameField("book", "pages", "sheets"))
    assert has(statement, table='"shop_book"', column='"pages"', new_column='"sheets"')


@pytest.mark.parametrize("null, kind", [(False, s.SetNotNull), (True, s.DropNotNull)])
def test_nullability(books, null, kind):
    name = "pages" if kind is s.SetNotNull else "rank"
    field = models.IntegerField() if kind is s.SetNotNull else models.PositiveIntegerField(default=0, null=True)
    assert has(books.altered(kind, name, field), table='"shop_book"', column=f'"{name}"', params=[])


def test_not_null_with_a_default(books):
    statements = books.all(migrations.AlterField("book", "pages", models.IntegerField(default=7)))
    assert kinds(statements) == [s.SetDefault, s.FillNulls, s.SetNotNull, s.DropDefault]
    assert {(statement.table, statement.column) for statement in statements} == {('"shop_book"', '"pages"')}
    assert has(statements[1], default="%s", params=[7])
    assert statements[1].sql.endswith("SET CONSTRAINTS ALL IMMEDIATE")


def test_type_with_using(books):
    statement = books.altered(s.SetType, "pages", models.BigIntegerField(null=True))
    assert has(statement, table='"shop_book"', column='"pages"', type="bigint", collation=None, using=True, plain=True)


def test_type_without_using(books):
    statement = books.altered(s.SetType, "title", models.CharField(max_length=30, db_index=True))
    assert has(statement, column='"title"', type="varchar(30)", collation=None, using=False, plain=True)


def test_type_with_a_collation(books):
    statement = books.altered(s.SetType, "title", models.CharField(max_length=20, db_index=True, db_collation="C"))
    assert has(statement, type="varchar(20)", collation="C", using=False, plain=True)


def test_type_with_a_clause_that_we_do_not_know(books):
    with Recording(books.shop.connection) as editor:
        parts = {"column": '"pages"', "type": "text", "collation": ""}
        fragment = Template("ALTER COLUMN %(column)s TYPE %(type)s%(collation)s USING f(1)", "sql_alter_column_type")
        editor.execute(editor.sql_alter_column % {"table": '"shop_book"', "changes": fragment % parts})
    assert has(editor.statements[0], type="text", using=False, plain=False)


def test_number_that_becomes_an_identity(books):
    books.shop.migrate(migrations.CreateModel("shelf", [("id", models.IntegerField(primary_key=True))]))
    statement = books.of(s.AddIdentity, migrations.AlterField("shelf", "id", models.AutoField(primary_key=True)))
    assert has(statement, table='"shop_shelf"', column='"id"')


def test_identity_that_becomes_a_number(books):
    statements = books.all(migrations.AlterField("author", "id", models.BigIntegerField(primary_key=True)))
    identity = statements[kinds(statements).index(s.DropIdentity)]
    assert has(identity, table='"shop_author"', column='"id"')


def test_serial_of_an_older_django(books):
    books.shop.run("ALTER TABLE shop_author ALTER id DROP IDENTITY")
    books.shop.run("CREATE SEQUENCE old OWNED BY shop_author.id")
    books.shop.run("ALTER TABLE shop_author ALTER id SET DEFAULT nextval('old')")
    sequence = books.of(s.AlterSequence, migrations.AlterField("author", "id", models.AutoField(primary_key=True)))
    assert has(sequence, sequence='"old"', table="")
    dropped = books.of(s.DropSequence, migrations.AlterField("author", "id", models.BigIntegerField(primary_key=True)))
    assert has(dropped, sequence='"old"')
    assert dropped.locks() == ()


def test_several_actions_at_once(books):
    fields = [("id", models.BigAutoField(primary_key=True)), ("width", models.IntegerField())]
    bigger = models.BigIntegerField(null=True)
    shelf = migrations.CreateModel("shelf", fields)
    statement = books.of(s.AlterColumns, shelf, migrations.AlterField("shelf", "width", bigger))
    assert has(statement, table='"shop_shelf"')
    assert statement.changes.count("ALTER COLUMN") == 2


def test_column_comment(books):
    statement = books.altered(s.SetComment, "pages", models.IntegerField(null=True, db_comment="50%"))
    assert has(statement, table='"shop_book"', column='"pages"')
    assert statement.locks() == (Lock('"shop_book"', LockMode.SHARE_UPDATE_EXCLUSIVE),)


if features.db_default:

    def test_database_default(books):
        new = {"db_default": 7}
        assert has(books.altered(s.SetDefault, "pages", models.IntegerField(null=True, **new)), column='"pages"')
        assert "DEFAULT %s" in books.added(models.IntegerField(**new)).definition


# Constraints and indexes


def test_foreign_key(books):
    statement = books.altered(
        s.AddForeignKey,
        "pages",
        models.ForeignKey("shop.author", models.CASCADE, null=True, db_column="pages", related_name="+"),
    )
    assert has(
        statement,
        table='"shop_book"',
        column='"pages"',
        to_table='"shop_author"',
        to_column='"id"',
        deferrable=DEFERRED,
        on_delete="",
        not_valid=False,
        scans_table=True,
    )
    assert statement.name in statement.sql
    assert statement.locks() == (
        Lock('"shop_book"', LockMode.SHARE_ROW_EXCLUSIVE),
        Lock('"shop_author"', LockMode.SHARE_ROW_EXCLUSIVE),
    )


if features.db_on_delete:

    def test_foreign_key_with_deletion_by_the_database(books):
        key = models.ForeignKey("shop.author", models.DB_CASCADE, null=True, db_column="pages", related_name="+")
        assert has(books.altered(s.AddForeignKey, "pages", key), on_delete=" ON DELETE CASCADE")
        assert books.added(key).foreign_key.parts["on_delete_db"] == " ON DELETE CASCADE"


def test_foreign_key_that_is_not_validated(books):
    with Recording(books.shop.connection) as editor:
        model = books.shop.model("book")
        editor.execute(str(editor._create_fk_sql(model, model._meta.get_field("author"), "_fk")) + " NOT VALID")
    assert has(editor.statements[0], not_valid=True, scans_table=False, table='"shop_book"')


def test_drop_foreign_key(books):
    field = models.BigIntegerField(db_column="author_id")
    statement = books.altered(s.DropForeignKey, "author", field)
    assert has(statement, table='"shop_book"', kind="foreign key")
    assert statement.sql.count(statement.name) == 2


def test_unique_field(books):
    statement = books.altered(s.AddUnique, "pages", models.IntegerField(null=True, unique=True))
    assert has(statement, table='"shop_book"', columns='"pages"', deferrable="", nulls_distinct="", plain=True)
    assert statement.name in statement.sql


def test_unique_constraint_that_can_be_deferred(books):
    constraint = models.UniqueConstraint(fields=["pages", "rank"], name="both", deferrable=models.Deferrable.IMMEDIATE)
    statement = books.of(s.AddUnique, migrations.AddConstraint("book", constraint))
    assert has(statement, name='"both"', columns='"pages", "rank"', deferrable=" DEFERRABLE INITIALLY IMMEDIATE")


if features.nulls_distinct:

    def test_unique_constraint_over_nulls(books):
        constraint = models.UniqueConstraint(fields=["pages"], name="once", nulls_distinct=False)
        statement = books.of(s.AddUnique, migrations.AddConstraint("book", constraint))
        assert has(statement, nulls_distinct=" NULLS NOT DISTINCT", plain=True)


@pytest.mark.parametrize(
    "options",
    [
        {"fields": ["pages"], "condition": Q(rank__gt=1)},
        {"fields": ["pages"], "include": ["rank"]},
        {"fields": ["title"], "opclasses": ["varchar_pattern_ops"]},
    ],
    ids=["condition", "include", "opclasses"],
)
def test_unique_constraint_that_is_an_index(books, options):
    constraint = models.UniqueConstraint(name="once", **options)
    statement = books.of(s.CreateIndex, migrations.AddConstraint("book", constraint))
    assert has(statement, name='"once"', unique=True, concurrently=False, columns=tuple(options["fields"]))
    assert statement.plain is ("opclasses" in options)


def test_unique_constraint_over_an_expression(books):
    constraint = models.UniqueConstraint(Lower("title"), name="once")
    statement = books.of(s.CreateIndex, migrations.AddConstraint("book", constraint))
    assert has(statement, unique=True, columns=None)


def test_unique_with_an_appended_clause_is_not_plain(books):
    with Recording(books.shop.connection) as editor:
        sql = editor._create_unique_sql(books.shop.model("book"), [books.shop.model("book")._meta.get_field("rank")])
        editor.execute(str(sql) + " WITH (fillfactor = 50)")
    assert has(editor.statements[0], plain=False, columns='"rank"')


def test_drop_unique(books):
    statement = books.altered(s.DropConstraint, "isbn", models.CharField(max_length=13))
    assert has(statement, table='"shop_book"', name='"shop_book_isbn_key"', kind="unique")


def test_primary_key(books):
    isbn = models.CharField(max_length=13, primary_key=True)
    statements = books.all(migrations.RemoveField("book", "id"), migrations.AlterField("book", "isbn", isbn))
    key = statements[kinds(statements).index(s.AddPrimaryKey)]
    assert has(key, table='"shop_book"', columns='"isbn"', plain=True)


def test_drop_primary_key(books):
    with Recording(books.shop.connection) as editor:
        editor._delete_primary_key(books.shop.model("book"))
    assert has(editor.statements[0], table='"shop_book"', name='"shop_book_pkey"', kind="primary key")


def test_check_of_a_field(books):
    statement = books.altered(s.AddCheck, "pages", models.PositiveIntegerField(null=True))
    assert has(statement, table='"shop_book"', check='"pages" >= 0', not_valid=False, scans_table=True)


def test_drop_check_of_a_field(books):
    statement = books.altered(s.DropConstraint, "rank", models.IntegerField(default=0))
    assert has(statement, kind="check", name='"shop_book_rank_check"')


def test_check_constraint(books):
    statement = books.of(s.AddCheck, migrations.AddConstraint("book", check(Q(pages__gt=1), "long")))
    assert has(statement, table='"shop_book"', name='"long"', check='"pages" > 1', not_valid=False)


def test_check_constraint_that_is_not_validated(books):
    statement = books.of(s.AddCheck, AddConstraintNotValid("book", check(Q(pages__gt=1), "long")))
    assert has(statement, name='"long"', check='"pages" > 1', not_valid=True, scans_table=False)
    assert statement.sql.endswith(" NOT VALID")


def test_remove_check_constraint(books):
    add = migrations.AddConstraint("book", check(Q(pages__gt=1), "long"))
    statement = books.of(s.DropConstraint, add, migrations.RemoveConstraint("book", "long"))
    assert has(statement, name='"long"', kind="check")


def test_validate_constraint(books):
    add = AddConstraintNotValid("book", check(Q(pages__gt=1), "long"))
    statement = books.of(s.ValidateConstraint, add, ValidateConstraint("book", "long"))
    assert has(statement, table='"shop_book"', name='"long"')
    assert statement.locks() == (Lock('"shop_book"', LockMode.SHARE_UPDATE_EXCLUSIVE),)


def test_exclusion_constraint(books):
    constraint = ExclusionConstraint(name="alone", expressions=[("pages", "=")], condition=Q(rank__gt=1))
    statement = books.of(s.AddExclusion, migrations.AddConstraint("book", constraint))
    assert has(statement, table='"shop_book"', name='"alone"', scans_table=True)


def test_index_of_a_field(books):
    statement = books.altered(s.CreateIndex, "pages", models.IntegerField(null=True, db_index=True))
    assert has(statement, table='"shop_book"', columns=("pages",), opclasses=(), unique=False, plain=True)
    assert statement.locks() == (Lock('"shop_book"', LockMode.SHARE),)


def test_like_index_of_a_field(books):
    statement = books.altered(s.CreateIndex, "isbn", models.CharField(max_length=13, db_index=True))
    statements = books.all(
        migrations.AlterField("book", "pages", models.CharField(max_length=9, db_index=True, null=True))
    )
    like = [x for x in statements if isinstance(x, s.CreateIndex) and x.opclasses]
    assert has(statement, columns=("isbn",))
    assert [(x.columns, x.opclasses, x.plain) for x in like] == [(("pages",), ("varchar_pattern_ops",), True)]


@pytest.mark.parametrize(
    "index",
    [
        models.Index(fields=["pages"], name="i", condition=Q(rank__gt=1)),
        models.Index(fields=["pages"], name="i", include=["rank"]),
        models.Index(fields=["-pages"], name="i"),
        GinIndex(fields=["pages"], name="i"),
        models.Index(Lower("title"), name="i"),
    ],
    ids=["condition", "include", "descending", "gin", "expression"],
)
def test_index_that_is_not_plain(books, index):
    statement = books.of(s.CreateIndex, migrations.AddIndex("book", index))
    assert has(
        statement, name='"i"', plain=False, unique=False, columns=tuple(x.lstrip("-") for x in index.fields) or None
    )


class OwnTemplate(models.Index):
    """An index class with a template of its own, as in django-postgres-extra."""

    def create_sql(self, *args, **kwargs):
        statement = super().create_sql(*args, **kwargs)
        statement.template = "CREATE UNIQUE INDEX %(name)s ON %(table)s (%(columns)s) WHERE rank > 1"
        return statement


def test_index_with_a_template_of_its_own(books):
    statement = books.of(s.CreateIndex, migrations.AddIndex("book", OwnTemplate(fields=["pages"], name="by_pages")))
    assert (statement.table, statement.name, statement.columns) == ('"shop_book"', '"by_pages"', ("pages",))
    assert (statement.unique, statement.plain) == (True, False)
    assert statement.sql == 'CREATE UNIQUE INDEX "by_pages" ON "shop_book" ("pages") WHERE rank > 1'


def test_index_built_concurrently(books):
    index = models.Index(fields=["pages"], name="i")
    statements = []
    for operation in (AddIndexConcurrently("book", index), RemoveIndexConcurrently("book", "by_rank")):
        migration = books.shop._migration([operation], atomic=False)
        with Recording(books.shop.connection) as editor:
            migration.apply(books.shop.states[-1].clone(), editor)
        statements += editor.statements
    create, drop = statements
    assert has(create, name='"i"', concurrently=True, plain=True)
    assert has(drop, name='"by_rank"', concurrently=True, table='"shop_book"')
    for statement in statements:
        assert statement.locks() == (Lock('"shop_book"', LockMode.SHARE_UPDATE_EXCLUSIVE),)


def test_drop_index(books):
    statement = books.of(s.DropIndex, migrations.RemoveIndex("book", "by_rank"))
    assert has(statement, table='"shop_book"', name='"by_rank"', concurrently=False)
    assert statement.locks() == (Lock('"shop_book"', LockMode.ACCESS_EXCLUSIVE),)


def test_rename_index(books):
    statement = books.of(s.RenameIndex, migrations.RenameIndex("book", "in_order", old_name="by_rank"))
    assert has(statement, name='"by_rank"', new_name='"in_order"', table='"shop_book"')
    assert statement.locks() == ()


def test_unique_together(books):
    statements = books.all(migrations.AlterUniqueTogether("book", {("pages", "rank")}))
    dropped = next(x for x in statements if isinstance(x, s.DropConstraint))
    added = next(x for x in statements if isinstance(x, s.AddUnique))
    assert has(dropped, kind="unique", table='"shop_book"')
    assert has(added, columns='"pages", "rank"', plain=True)


# What has no template


def test_extension_is_the_users_own_sql(books):
    assert kinds(books.all(BtreeGistExtension())) == [s.Raw]


def test_raw_sql_keeps_its_text_and_parameters(books):
    statement = books.of(s.Raw, migrations.RunSQL([("UPDATE shop_book SET pages = %s", [7])]))
    assert has(statement, sql="UPDATE shop_book SET pages = %s", params=[7], table="", concurrently=False)


def test_template_that_we_do_not_know_is_raw():
    sql = Template("ALTER TABLE %(table)s ENABLE ROW LEVEL SECURITY", "sql_enable_rls") % {"table": '"book"'}
    assert read(sql, None) == s.Raw(sql=sql)


def test_text_before_a_statement_makes_it_raw():
    sql = "/* why */ " + Template("DROP TABLE %(table)s", "sql_delete_table") % {"table": '"book"'}
    assert type(read(sql, ())) is s.Raw


def test_statement_keeps_the_parameters_as_they_are():
    sql = Template("DROP TABLE %(table)s", "sql_delete_table") % {"table": '"book"'}
    assert [read(sql, params).params for params in (None, (), [])] == [None, (), []]
