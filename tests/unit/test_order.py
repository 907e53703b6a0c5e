"""The order of a call's statements, with the catalogue of a real database."""

from __future__ import annotations

import pytest

from django_zero_downtime_migrations.catalog import changes
from django_zero_downtime_migrations.catalog.planned import PlannedCatalog
from django_zero_downtime_migrations.catalog.projection import Projection
from django_zero_downtime_migrations.catalog.server import ServerCatalog
from django_zero_downtime_migrations.ddl import statements as s
from django_zero_downtime_migrations.ddl.read import read
from django_zero_downtime_migrations.naming import UTF8
from django_zero_downtime_migrations.planning.context import Context
from django_zero_downtime_migrations.planning.order import arrange
from django_zero_downtime_migrations.server import capabilities
from django_zero_downtime_migrations.settings import MigrationSettings

TABLES = """
CREATE TABLE author (id integer CONSTRAINT author_pk PRIMARY KEY);
CREATE TABLE shelf (id integer PRIMARY KEY);
CREATE TABLE book (
    id integer PRIMARY KEY,
    author_id integer CONSTRAINT book_author REFERENCES author (id) DEFERRABLE INITIALLY DEFERRED,
    title varchar(20),
    isbn varchar(13) CONSTRAINT book_isbn_key UNIQUE,
    pages integer
);
CREATE INDEX by_author ON book (author_id);
CREATE INDEX by_title ON book (title varchar_pattern_ops);
"""
DEFERRED = " DEFERRABLE INITIALLY DEFERRED"


class Order:
    def __init__(self, connection):
        self.connection = connection
        self.editor = connection.schema_editor(collect_sql=True)
        self.new = set()
        with connection.cursor() as cursor:
            cursor.execute(TABLES, None)

    def run(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, None)

    def make_key_anew(self, clauses):
        key = f"FOREIGN KEY (author_id) REFERENCES author {clauses}"
        self.run(f"ALTER TABLE book DROP CONSTRAINT book_author, ADD CONSTRAINT book_author {key}")

    def make(self, template, /, **parts):
        """A statement as Django's editor sends it."""
        blank = dict.fromkeys(
            ("deferrable", "on_delete_db", "nulls_distinct", "using", "include", "extra", "condition"), ""
        )
        return read(getattr(self.editor, f"sql_{template}") % (blank | parts), None)

    def fk(self, name="book_author", column="author_id", to="author", deferrable=DEFERRED, **parts):
        return self.make(
            "create_fk",
            table='"book"',
            name=f'"{name}"',
            column=f'"{column}"',
            to_table=f'"{to}"',
            to_column='"id"',
            deferrable=deferrable,
            **parts,
        )

    def drop_fk(self, name="book_author"):
        return self.make("delete_fk", table='"book"', name=f'"{name}"')

    def index(self, name="by_author", column="author_id", opclass="", table="book", **parts):
        statement = self.make("create_index", table=f'"{table}"', name=f'"{name}"', columns=f'"{column}"', **parts)
        plain = not any(parts.values())
        return statement.named(columns=(column,), opclasses=(opclass,) if opclass else (), plain=plain)

    def drop_index(self, name="by_author"):
        return self.make("delete_index", table='"book"', name=f'"{name}"')

    def unique(self, name="book_title_key", column="title"):
        return self.make("create_unique", table='"book"', name=f'"{name}"', columns=f'"{column}"')

    def drop_unique(self, name="book_isbn_key"):
        return self.make("delete_unique", table='"book"', name=f'"{name}"')

    def alter(self, action, column, table="book", **parts):
        changes = getattr(self.editor, f"sql_alter_column_{action}") % {
            "column": f'"{column}"',
            "collation": "",
            **parts,
        }
        return read(self.editor.sql_alter_column % {"table": f'"{table}"', "changes": changes}, None)

    def fill(self, column, table="book"):
        return self.make("update_with_default", table=f'"{table}"', column=f'"{column}"', default="7")

    def rename(self, column, new_column):
        return self.make("rename_column", table='"book"', old_column=f'"{column}"', new_column=f'"{new_column}"')

    def arranged(self, *statements):
        before = Context(
            catalog=PlannedCatalog(ServerCatalog(self.connection), Projection()),
            capabilities=capabilities(self.connection),
            settings=MigrationSettings(),
            templates=lambda name: getattr(self.editor, name),
            quote_value=self.editor.quote_value,
            is_new=lambda table: table in self.new,
        )
        after = before.at(before.projection.copy())
        for statement in statements:
            changes.apply(after.projection, statement)
        return arrange(list(statements), before, after)

    def sent(self, *statements):
        """The texts, each without what Django puts around it."""
        return [
            x.sql.rpartition("; ")[2] if isinstance(x, s.DropForeignKey) else x.sql for x in self.arranged(*statements)
        ]


@pytest.fixture
def order(database):
    return Order(database)


def stays(order, *statements):
    """The statements keep their order."""
    assert order.arranged(*statements) == list(statements)


# What does not change is left alone


def test_foreign_key_that_is_made_anew_as_it_was_stays(order):
    assert order.arranged(order.drop_fk(), order.fk()) == []


def test_statements_between_a_pair_that_cancels_out_are_kept(order):
    not_null = order.alter("not_null", "author_id")
    assert order.arranged(order.drop_fk(), not_null, order.fk()) == [not_null]


def test_foreign_key_under_a_new_name_is_renamed(order):
    (rename,) = order.arranged(order.drop_fk(), order.fk("book_writer"))
    assert rename.sql == 'ALTER TABLE "book" RENAME CONSTRAINT "book_author" TO "book_writer"'
    assert '"author_id"' in rename.why


def test_foreign_key_of_a_renamed_column_stays(order):
    rename = order.rename("author_id", "writer_id")
    assert order.arranged(order.drop_fk(), rename, order.fk(column="writer_id")) == [rename]


def test_foreign_key_and_column_get_new_names(order):
    rename = order.rename("author_id", "writer_id")
    sent = order.sent(order.drop_fk(), rename, order.fk("book_writer", "writer_id"))
    assert sent == [rename.sql, 'ALTER TABLE "book" RENAME CONSTRAINT "book_author" TO "book_writer"']


def test_first_of_two_foreign_keys_with_the_same_definition_stands_for_the_dropped_one(order):
    second = order.fk("second")
    assert order.arranged(order.drop_fk(), order.fk(), second) == [second]


@pytest.mark.parametrize(
    "options",
    [
        {"to": "shelf"},
        {"deferrable": ""},
        {"deferrable": " DEFERRABLE"},
        {"on_delete_db": " ON DELETE CASCADE"},
        {"column": "pages"},
    ],
    ids=["table", "not deferrable", "immediate", "deletion", "column"],
)
def test_foreign_key_of_another_definition_and_name_is_made_before_the_old_one_goes(order, options):
    add = order.fk("other", **options)
    # The running Django may have no clause for the deletion.
    add = add.named(on_delete=options.get("on_delete_db", ""))
    drop = order.drop_fk()
    assert order.arranged(drop, add) == [add, drop]


def test_foreign_key_that_is_not_valid_is_not_taken_for_the_new_one(order):
    order.make_key_anew("DEFERRABLE INITIALLY DEFERRED NOT VALID")
    assert len(order.arranged(order.drop_fk(), order.fk())) == 3


@pytest.mark.parametrize("clause", ["ON UPDATE CASCADE", "MATCH FULL"])
def test_foreign_key_with_what_django_does_not_write_is_not_taken_for_the_new_one(order, clause):
    order.make_key_anew(f"{clause} DEFERRABLE INITIALLY DEFERRED")
    assert len(order.arranged(order.drop_fk(), order.fk())) == 3


def test_index_that_is_made_anew_as_it_was_stays(order):
    assert order.arranged(order.drop_index(), order.index()) == []


def test_like_index_that_is_made_anew_as_it_was_stays(order):
    assert order.arranged(order.drop_index("by_title"), order.index("by_title", "title", "varchar_pattern_ops")) == []


def test_index_of_a_renamed_column_stays(order):
    rename = order.rename("author_id", "writer_id")
    assert order.arranged(order.drop_index(), rename, order.index(column="writer_id")) == [rename]


def test_index_under_a_new_name_is_made_first(order):
    drop, add = order.drop_index(), order.index("other")
    assert order.arranged(drop, add) == [add, drop]


@pytest.mark.parametrize(
    "create",
    [
        "CREATE INDEX by_author ON book (author_id) WHERE pages > 1",
        "CREATE INDEX by_author ON book (author_id) INCLUDE (pages)",
        "CREATE INDEX by_author ON book (author_id DESC)",
        "CREATE INDEX by_author ON book USING hash (author_id)",
        "CREATE INDEX by_author ON book ((author_id + 1))",
        "CREATE UNIQUE INDEX by_author ON book (author_id)",
        "CREATE INDEX by_author ON book (author_id, pages)",
        "CREATE INDEX by_author ON book (author_id);"
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'by_author'::regclass",
    ],
)
def test_index_of_another_definition_is_not_taken_for_the_new_one(order, create):
    order.run(f"DROP INDEX by_author; {create}")
    assert len(order.arranged(order.drop_index(), order.index())) == 3


@pytest.mark.parametrize("what", ["fk", "index"])
def test_drop_of_what_is_not_there_is_kept(order, what):
    order.run("ALTER TABLE book DROP CONSTRAINT book_author; DROP INDEX by_author")
    drop, add = (order.drop_fk(), order.fk("other")) if what == "fk" else (order.drop_index(), order.index("other"))
    assert order.arranged(drop, add) == [add, drop]


# The same name for something else


def test_index_of_the_same_name_is_made_under_another_one(order):
    other = UTF8.temporary("by_author", "new")
    assert order.sent(order.drop_index(), order.index(column="pages")) == [
        f'CREATE INDEX "{other}" ON "book" ("pages")',
        'DROP INDEX IF EXISTS "by_author"',
        f'ALTER INDEX "{other}" RENAME TO "by_author"',
    ]


def test_foreign_key_of_the_same_name_is_made_under_another_one(order):
    other = UTF8.temporary("book_author", "new")
    create, drop, rename = order.sent(order.drop_fk(), order.fk(to="shelf"))
    assert create.startswith(
        f'ALTER TABLE "book" ADD CONSTRAINT "{other}" FOREIGN KEY ("author_id") REFERENCES "shelf"'
    )
    assert drop == 'ALTER TABLE "book" DROP CONSTRAINT "book_author"'
    assert rename == f'ALTER TABLE "book" RENAME CONSTRAINT "{other}" TO "book_author"'


def test_what_is_made_under_another_name_is_what_django_wrote(order):
    add = order.index(column="pages")
    made, _, rename = order.arranged(order.drop_index(), add)
    assert made == add.named(name=made.name, sql=made.sql)
    assert (rename.name, rename.new_name, rename.table) == (made.name, '"by_author"', '"book"')


# What is made comes before what goes


def test_unique_is_made_before_the_index_goes(order):
    drop, add = order.drop_index(), order.unique("author_key", "author_id")
    assert order.arranged(drop, add) == [add, drop]


def test_index_is_made_before_the_unique_constraint_goes(order):
    drop, add = order.drop_unique(), order.index("by_isbn", "isbn")
    assert order.arranged(drop, add) == [add, drop]


def test_drop_goes_behind_the_last_of_what_is_made(order):
    drop, one, two = order.drop_unique(), order.unique("one", "isbn"), order.index("two", "isbn")
    assert order.arranged(drop, one, two) == [one, two, drop]


def test_drop_of_a_check_keeps_its_place(order):
    order.run("ALTER TABLE book ADD CONSTRAINT long CHECK (pages > 1)")
    stays(order, order.make("delete_check", table='"book"', name='"long"'), order.unique())


def test_drop_does_not_wait_for_what_is_made_on_another_table(order):
    stays(order, order.drop_index(), order.index("by_id", "id", table="shelf"))


@pytest.mark.parametrize("made", [True, False], ids=["made", "dropped"])
def test_one_of_them_alone_keeps_its_place(order, made):
    stays(order, order.index("by_pages", "pages") if made else order.drop_index())


# What cannot be passed


@pytest.mark.parametrize("what", ["fk", "index"])
def test_type_rewrite_needs_the_drop_before_it(order, what):
    drop, add = (order.drop_fk(), order.fk()) if what == "fk" else (order.drop_index(), order.index())
    stays(order, drop, order.alter("type", "author_id", type="bigint"), add)


def test_type_change_in_the_catalogue_alone_is_passed(order):
    longer = order.alter("type", "title", type="varchar(30)")
    like = order.index("by_title", "title", "varchar_pattern_ops")
    assert order.arranged(order.drop_index("by_title"), longer, like) == [longer]


def test_type_that_nobody_can_judge_is_not_passed(order):
    stays(order, order.drop_index(), order.alter("type", "nothing", type="bigint"), order.index())


@pytest.mark.parametrize("name", ["delete_column", "delete_table", "rename_table", "retablespace_table"])
def test_statement_that_needs_the_drop_before_it(order, name):
    parts = {"old_table": '"book"', "new_table": '"tome"', "new_tablespace": "fast", "column": '"author_id"'}
    stays(order, order.drop_fk(), order.make(name, table='"book"', **parts), order.fk("other"))


def test_same_statement_on_another_table_is_passed(order):
    other = order.make("delete_column", table='"shelf"', column='"id"')
    assert order.arranged(order.drop_fk(), other, order.fk()) == [other]


def test_raw_sql_is_not_passed(order):
    stays(order, order.drop_index(), read("SELECT 1", None), order.index("other"))


# Foreign keys


def test_foreign_key_comes_after_the_index_that_serves_it(order):
    key, index = order.fk("other", "pages", "shelf"), order.index("by_pages", "pages")
    assert order.arranged(key, index) == [index, key]


def test_foreign_key_comes_after_the_unique_constraint_that_serves_it(order):
    key, unique = order.fk("other", "pages", "shelf"), order.unique("once", "pages")
    assert order.arranged(key, unique) == [unique, key]


def test_foreign_key_does_not_wait_for_the_index_of_another_table_in_use(order):
    stays(order, order.fk("other", "pages", "shelf"), order.index("by_id", "id", table="shelf"))


def test_foreign_key_to_a_table_in_use_comes_after_all_that_is_made_for_new_tables(order):
    order.new |= {'"book"', '"shelf"'}
    key, index = order.fk("other", "author_id", "author"), order.index("by_id", "id", table="shelf")
    assert order.arranged(key, index) == [index, key]


# Tables that are not in use


@pytest.mark.parametrize("what", ["fk", "index"])
def test_new_table_has_djangos_order(order, what):
    order.new |= {'"book"', '"author"', '"shelf"'}
    drop, add = (order.drop_fk(), order.fk()) if what == "fk" else (order.drop_index(), order.index())
    stays(order, drop, add)


# Fills


def test_fill_belongs_to_the_not_null_that_follows(order):
    default, fill = order.alter("default", "pages", default="7"), order.fill("pages")
    not_null, no_default = order.alter("not_null", "pages"), order.alter("no_default", "pages")
    assert order.arranged(default, fill, not_null, no_default) == [default, not_null.named(fill=fill), no_default]


def test_fill_of_another_column_is_kept(order):
    stays(order, order.fill("author_id"), order.alter("not_null", "pages"))


def test_fill_of_a_new_table_is_kept(order):
    order.new.add('"book"')
    stays(order, order.fill("pages"), order.alter("not_null", "pages"))
