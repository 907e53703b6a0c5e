"""Templates and the SQL that they make: strings that remember where they come from."""

from __future__ import annotations

import copy
import pickle
from unittest import mock

import pytest
from django.db.backends.ddl_references import Columns, Statement, Table
from django.db.backends.postgresql.schema import DatabaseSchemaEditor as StockSchemaEditor

from django_zero_downtime_migrations.backends.postgres.schema import DatabaseSchemaEditor, DatabaseSchemaEditorMixin
from django_zero_downtime_migrations.ddl.template import SQL, Slot, Template, wrap_templates

TEMPLATE = Template("ALTER TABLE %(table)s DROP COLUMN %(column)s", "sql_delete_column")
PARTS = {"table": '"book"', "column": '"pages"'}
TEXT = 'ALTER TABLE "book" DROP COLUMN "pages"'


class Editor:
    sql_drop = "DROP TABLE %(table)s"
    sql_nothing = None
    other = "sql"

    @property
    def sql_computed(self) -> str:
        return "SELECT 1"


class Wrapped(Editor):
    pass


wrap_templates(Wrapped)


def quote(name):
    return f'"{name}"'


def test_filled_template_knows_its_name_and_parts():
    sql = TEMPLATE % PARTS
    assert (sql, sql.template, sql.parts, sql.segments) == (TEXT, "sql_delete_column", PARTS, (TEXT,))


def test_parts_are_those_at_the_time_of_filling():
    parts = dict(PARTS)
    sql = TEMPLATE % parts
    parts["table"] = '"other"'
    assert sql.parts == PARTS


def test_template_filled_by_position_is_plain_text():
    sql = Template("SELECT %s", "sql_example") % ("1",)
    assert (sql, type(sql)) == ("SELECT 1", str)


def test_missing_part_is_an_error():
    with pytest.raises(KeyError):
        TEMPLATE % {"table": '"book"'}


@pytest.mark.parametrize("text", [TEMPLATE, TEMPLATE % PARTS], ids=["template", "sql"])
def test_tag_survives(text):
    assert str(text) is text
    assert f"{text}" is text
    assert format(text) is text
    assert copy.deepcopy([text])[0] is text


@pytest.mark.parametrize("text", [TEMPLATE, TEMPLATE % PARTS], ids=["template", "sql"])
def test_copy_keeps_the_tag(text):
    assert vars(copy.copy(text)) == vars(text)


@pytest.mark.parametrize("text", [TEMPLATE, TEMPLATE % PARTS], ids=["template", "sql"])
def test_is_equal_to_its_plain_text(text):
    plain = "".join(text)
    assert (text == plain, plain == text, hash(text) == hash(plain)) == (True, True, True)
    assert {plain: 1}[text] == 1


def test_pickled_template_comes_back_with_its_name():
    again = pickle.loads(pickle.dumps(TEMPLATE))
    assert (again, again.name, type(again)) == (TEMPLATE, "sql_delete_column", Template)


def test_pickled_sql_comes_back_as_text():
    again = pickle.loads(pickle.dumps(TEMPLATE % PARTS))
    assert (again, type(again)) == (TEXT, str)


def test_what_is_appended_becomes_a_segment():
    sql = TEMPLATE % PARTS
    longer = sql + " CASCADE"
    assert (longer, longer.template, longer.segments) == (f"{TEXT} CASCADE", "", (sql, " CASCADE"))
    assert longer.segments[0] is sql


def test_what_is_put_before_becomes_a_segment():
    sql = TEMPLATE % PARTS
    assert (("/* why */ " + sql).segments) == ("/* why */ ", sql)


def test_segments_of_segments_are_flat():
    sql = TEMPLATE % PARTS
    longer = sql
    longer += " "
    longer += sql + ";"
    assert (longer, longer.segments) == (f"{TEXT} {TEXT};", (sql, " ", sql, ";"))


def test_joined_sql_has_its_separators_as_segments():
    check = Template("CHECK (%(check)s)", "sql_check_constraint") % {"check": "a > 0"}
    sql = SQL.join(["integer", "NOT NULL", check], " ")
    assert (sql, sql.segments) == ("integer NOT NULL CHECK (a > 0)", ("integer", " ", "NOT NULL", " ", check))


def test_joined_sql_without_separator():
    assert SQL.join(["a", "b"]).segments == ("a", "b")


@pytest.mark.parametrize(
    "text",
    [
        ", ".join([TEMPLATE % PARTS, TEMPLATE % PARTS]),
        f"{TEMPLATE % PARTS};",
        (TEMPLATE % PARTS).replace("book", "shelf"),
        TEMPLATE + " CASCADE",
    ],
    ids=["join", "f-string", "replace", "template"],
)
def test_tag_is_gone_from_text_made_otherwise(text):
    assert not hasattr(text, "template")
    assert not hasattr(text, "name")


def test_statement_of_django_keeps_the_tag():
    parts = {"table": Table("book", quote), "column": Columns("book", ["pages"], quote)}
    statement = Statement(TEMPLATE, **parts)
    sql = str(statement)
    assert (sql, sql.template, sql.parts) == (TEXT, "sql_delete_column", parts)


def test_statement_that_is_renamed_after_it_was_made():
    statement = Statement(TEMPLATE, table=Table("book", quote), column=Columns("book", ["pages"], quote))
    statement.rename_table_references("book", "volume")
    statement.rename_column_references("volume", "pages", "sheets")
    assert str(statement) == 'ALTER TABLE "volume" DROP COLUMN "sheets"'
    assert str(str(statement).parts["table"]) == '"volume"'


def test_statement_that_was_copied_keeps_the_tag():
    statement = Statement(TEMPLATE, table=Table("book", quote), column=Columns("book", ["pages"], quote))
    renamed = copy.deepcopy(statement)
    renamed.rename_table_references("book", "volume")
    assert str(statement) == TEXT
    assert str(renamed).template == "sql_delete_column"


def test_slot_of_a_class_is_its_template():
    assert (Wrapped.sql_drop, Wrapped.sql_drop.name) == ("DROP TABLE %(table)s", "sql_drop")


def test_only_strings_named_sql_are_wrapped():
    assert type(Wrapped.other) is str
    assert Wrapped.sql_nothing is None
    assert Wrapped().sql_computed == "SELECT 1"


def test_text_assigned_to_an_instance_is_tagged_there_and_nowhere_else():
    editor = Wrapped()
    editor.sql_drop += " CASCADE"
    assert (editor.sql_drop, editor.sql_drop.name) == ("DROP TABLE %(table)s CASCADE", "sql_drop")
    assert Wrapped().sql_drop == Wrapped.sql_drop == "DROP TABLE %(table)s"


def test_instance_takes_what_is_not_a_string():
    editor = Wrapped()
    editor.sql_drop = None
    assert editor.sql_drop is None


def test_instance_attribute_can_be_deleted():
    editor = Wrapped()
    editor.sql_drop = "DROP"
    del editor.sql_drop
    assert editor.sql_drop == "DROP TABLE %(table)s"
    del editor.sql_drop


def test_patch_of_an_instance_is_tagged_and_taken_back():
    editor = Wrapped()
    with mock.patch.object(editor, "sql_drop", "DROP"):
        assert (editor.sql_drop, editor.sql_drop.name) == ("DROP", "sql_drop")
    assert editor.sql_drop == "DROP TABLE %(table)s"


def test_patch_of_a_class_is_taken_back():
    with mock.patch.object(Wrapped, "sql_drop", "DROP"):
        assert Wrapped().sql_drop == "DROP"
    assert isinstance(vars(Wrapped)["sql_drop"], Slot)
    assert Wrapped().sql_drop.name == "sql_drop"


def test_class_keeps_the_text_of_its_parent():
    assert type(vars(Editor)["sql_drop"]) is str


def test_every_template_of_the_editor_is_wrapped():
    names = {name for name in dir(StockSchemaEditor) if isinstance(getattr(StockSchemaEditor, name), str)}
    wanted = {name: name for name in names if name.startswith("sql_")}
    assert wanted == {name: getattr(DatabaseSchemaEditor, name).name for name in wanted}
    assert all(getattr(DatabaseSchemaEditor, name) == getattr(StockSchemaEditor, name) for name in wanted)


def test_two_names_of_one_text_are_told_apart():
    assert DatabaseSchemaEditor.sql_delete_unique == DatabaseSchemaEditor.sql_delete_check
    assert DatabaseSchemaEditor.sql_delete_unique.name == "sql_delete_unique"
    assert DatabaseSchemaEditor.sql_delete_check.name == "sql_delete_check"


def test_template_of_a_subclass_of_the_editor_is_wrapped():
    class Own(DatabaseSchemaEditor):
        sql_delete_column = "ALTER TABLE %(table)s DROP COLUMN %(column)s RESTRICT"
        sql_own = "SELECT %(one)s"

    assert (Own.sql_delete_column % PARTS).template == "sql_delete_column"
    assert (Own.sql_own % {"one": 1}).template == "sql_own"
    assert Own.sql_rename_table.name == "sql_rename_table"
    assert "RESTRICT" not in DatabaseSchemaEditor.sql_delete_column


def test_template_of_another_base_of_the_editor_is_wrapped():
    class Base(StockSchemaEditor):
        sql_delete_column = f"{StockSchemaEditor.sql_delete_column} RESTRICT"

    class Own(DatabaseSchemaEditorMixin, Base):
        pass

    assert (Own.sql_delete_column % PARTS).endswith(" RESTRICT")
    assert (Own.sql_delete_column % PARTS).template == "sql_delete_column"


def test_subclass_can_switch_a_template_off():
    class Own(DatabaseSchemaEditor):
        sql_create_column_inline_fk = None

    assert Own.sql_create_column_inline_fk is None
    assert DatabaseSchemaEditor.sql_create_column_inline_fk is not None
