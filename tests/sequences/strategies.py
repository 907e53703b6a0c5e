"""Random models, and random chains of operations on them that Django can render."""

from __future__ import annotations

import copy
import datetime
from typing import Any, NamedTuple

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Field
from django.db.models.functions import Lower
from hypothesis import strategies as st

from tests.operations.case import APP, check, model

MODELS = ["Alpha", "Beta", "Gamma", "Заказ"]
FIELDS = ["one", "two", "three", "four", "Five", "номер_документа_поставки"]
#: Without double quotes: stock Django does not find again what has one in its name (tests/schemas).
ODD = [
    "Odd name", "Mixed_Case", "naïve", "it's", "per%cent", "%s", "dotted.name", "back\\slash", "dol$lar$1",
    " blanks ", "select", "1st", "$zdm$", "a;b", "a--b", "(x)", "магазин_заказ", "日本語のテーブル", "😀", "tab\tbed",
    # Too long for the server, in bytes or in characters; those that begin alike are cut to the same.
    "t" * 60, "c" * 63, "d" * 70, "é" * 40, "x" + "é" * 35, "магазин_заказ_товара_со_склада_поставщика", "😀" * 16,
    "日本語" * 9,
]  # fmt: skip
TABLES = ["plain", *ODD]
COLUMNS = ["kept", *ODD]
PREFIXES = ["by_", "по_номеру_и_дате_", "%", "it's_", ".d_", "😀", "ю" * 40]
DAY = datetime.date(2024, 2, 29)
MOST_MIGRATIONS, MOST_OPERATIONS = 4, 4


class Chain(NamedTuple):
    """Migrations.

    :param before: makes the tables that are in use.
    :param then: the operations of one migration after the other.
    :param quoted: our engine is told each ``db_table`` in quotes, which are to have no effect.
    """

    before: list[Operation]
    then: list[list[Operation]]
    quoted: bool = False

    def in_quotes(self) -> Chain:
        """The same with each ``db_table`` in quotes."""
        migrations = [[_in_quotes(operation) for operation in each] for each in (self.before, *self.then)]
        return Chain(migrations[0], migrations[1:])


def _in_quotes(operation: Operation) -> Operation:
    made = copy.copy(operation)
    if isinstance(made, migrations.CreateModel) and made.options.get("db_table"):
        made.options = made.options | {"db_table": f'"{made.options["db_table"]}"'}
    elif isinstance(made, migrations.AlterModelTable) and made.table:
        made.table = f'"{made.table}"'
    return made


#: Kinds of fields between which the server can convert values. What each takes, Django alone checks.
FAMILIES: dict[str, list[Any]] = {
    "number": [models.IntegerField, models.BigIntegerField, models.SmallIntegerField, models.PositiveIntegerField],
    "text": [models.CharField, models.TextField, models.SlugField, models.EmailField],
    "exact": [models.DecimalField],
    "day": [models.DateField, models.DateTimeField],
    "other": [models.BooleanField, models.UUIDField, models.JSONField, models.FloatField],
    "array": [ArrayField],
}


DEFAULTS = {
    "number": 7,
    "text": "seven",
    "exact": 7,
    "day": DAY,
    "array": list,
}


@st.composite
def plain_fields(draw: st.DrawFn, kind: str | None = None, adding: bool = False) -> models.Field[Any, Any]:
    """Draw fields.

    :param kind: of this family, so that the server can convert values.
    :param adding: to rows that are there.
    """
    kind = kind or draw(st.sampled_from(["number", "number", "text", "text", "exact", "day", "other", "array"]))
    field = draw(st.sampled_from(FAMILIES[kind]))
    options: dict[str, Any] = {"null": draw(st.booleans())}
    if field is models.CharField or field is models.SlugField:
        options["max_length"] = draw(st.sampled_from([10, 20, 50]))
    if field is models.DecimalField:
        options |= {"max_digits": draw(st.sampled_from([9, 12])), "decimal_places": 2}
    if field is ArrayField:
        options["base_field"] = models.IntegerField()
    if kind in DEFAULTS and draw(st.booleans()):
        options["default"] = DEFAULTS[kind]
    elif adding:
        options["null"] = True
    if kind not in ("other", "array") and draw(st.integers(0, 3)) == 0:
        options["unique"] = not adding or "default" not in options
    elif draw(st.integers(0, 3)) == 0:
        options["db_index"] = field is not models.JSONField
    if draw(st.integers(0, 3)) == 0:
        options["db_column"] = draw(st.sampled_from(COLUMNS))
    if draw(st.integers(0, 7)) == 0:
        options["db_comment"] = draw(st.sampled_from(["It's", "new"]))
    made: models.Field[Any, Any] = field(**options)
    return made


@st.composite
def relations(draw: st.DrawFn, targets: list[str]) -> models.Field[Any, Any]:
    to = f"{APP}.{draw(st.sampled_from(targets))}"
    kind = draw(st.sampled_from(["key", "key", "key", "one", "many"]))
    if kind == "many":
        return models.ManyToManyField(to, related_name="+")
    options: dict[str, Any] = {"null": True, "related_name": "+", "on_delete": models.CASCADE}
    if kind == "key":
        options |= {"db_index": draw(st.booleans()), "unique": draw(st.integers(0, 5)) == 0}
    options["db_constraint"] = draw(st.integers(0, 4)) != 0
    return (models.OneToOneField if kind == "one" else models.ForeignKey)(to, **options)


class Builder:
    """Operations that make sense one after the other; the state is what Django knows so far."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.state = ProjectState()
        self.number = 0

    def name(self, prefix: str) -> str:
        self.number += 1
        odd = self.choose(PREFIXES) if self.draw(st.integers(0, 3)) == 0 else ""
        return f"{odd}{prefix}{self.number}"

    def choose(self, items: Any) -> Any:
        return self.draw(st.sampled_from(list(items)))

    def models(self) -> list[str]:
        return [state.name for state in self.state.models.values()]

    def fields(self, of: str, plain: bool | None = None) -> dict[str, Field[Any, Any]]:
        found = self.state.models[APP, of.lower()].fields
        return {
            name: field
            for name, field in found.items()
            if not field.primary_key and name != "_order" and (plain is None or plain is not field.is_relation)
        }

    def columns(self, of: str) -> list[str]:
        return [name for name, field in self.fields(of).items() if not field.many_to_many]

    def options(self, of: str) -> dict[str, Any]:
        return dict(self.state.models[APP, of.lower()].options)

    def take(self, operation: Operation) -> Operation | None:
        """Let the state have it; None if Django itself would not."""
        state = self.state.clone()
        try:
            operation.state_forwards(APP, state)
            tables = [each._meta.db_table for each in state.apps.get_models(include_auto_created=True)]
            columns = [[x.column for x in each._meta.local_concrete_fields] for each in state.apps.get_models()]
        except Exception:
            return None
        if len(set(tables)) < len(tables) or any(len(set(each)) < len(each) for each in columns):
            return None
        self.state = state
        return operation

    # Each returns an operation, or None if there is nothing to do.

    def create_model(self) -> Operation | None:
        free = [name for name in MODELS if name not in self.models()]
        if not free:
            return None
        fields = {name: self.draw(plain_fields()) for name in FIELDS[: self.draw(st.integers(1, 3))]}
        if bool(self.models()) and self.draw(st.booleans()):
            fields["link"] = self.draw(relations(self.models()))
        options: dict[str, Any] = {"db_table": self.choose(TABLES)} if self.draw(st.integers(0, 1)) == 0 else {}
        return model(self.choose(free), options=options, **fields)

    def delete_model(self) -> Operation | None:
        pointed_at = {
            field.related_model.rpartition(".")[2].lower()
            for (_, name), state in self.state.models.items()
            for field in state.fields.values()
            if field.is_relation and field.related_model.rpartition(".")[2].lower() != name
        }
        free = [name for name in self.models() if name.lower() not in pointed_at]
        return migrations.DeleteModel(self.choose(free)) if free else None

    def rename_model(self) -> Operation | None:
        free = [name for name in [*MODELS, "Omega"] if name not in self.models()]
        return migrations.RenameModel(self.choose(self.models()), self.choose(free)) if free else None

    def alter_table(self) -> Operation | None:
        return migrations.AlterModelTable(self.choose(self.models()), self.choose([*TABLES, None]))

    def table_comment(self) -> Operation | None:
        return migrations.AlterModelTableComment(self.choose(self.models()), self.choose(["It's", "", "new"]))

    def add_field(self) -> Operation | None:
        of = self.choose(self.models())
        free = [name for name in FIELDS if name not in self.state.models[APP, of.lower()].fields]
        if not free:
            return None
        if self.draw(st.integers(0, 2)) == 0:
            return migrations.AddField(of, self.choose(free), self.draw(relations(self.models())))
        return migrations.AddField(of, self.choose(free), self.draw(plain_fields(adding=True)))

    def used(self, of: str) -> set[str]:
        """Fields that something else of the model names."""
        options = self.options(of)
        found = {name for names in options.get("unique_together", ()) for name in names}
        for each in [*options.get("indexes", ()), *options.get("constraints", ())]:
            found |= {name.lstrip("-") for name in getattr(each, "fields", ())} | {*getattr(each, "include", ())}
            found |= set(getattr(each, "names", ()))
        return found

    def remove_field(self) -> Operation | None:
        of = self.choose(self.models())
        free = [name for name in self.fields(of) if name not in self.used(of)]
        return migrations.RemoveField(of, self.choose(free)) if free else None

    def rename_field(self) -> Operation | None:
        of = self.choose(self.models())
        free = [name for name in FIELDS if name not in self.state.models[APP, of.lower()].fields]
        mine = [name for name in self.fields(of) if name not in self.expressions(of)]
        return migrations.RenameField(of, self.choose(mine), self.choose(free)) if free and mine else None

    def expressions(self, of: str) -> set[str]:
        """Django does not rename what stands in an expression or a condition."""
        options = self.options(of)
        each = [*options.get("indexes", ()), *options.get("constraints", ())]
        return {name for one in each for name in getattr(one, "names", ())}

    def alter_field(self) -> Operation | None:
        of = self.choose(self.models())
        plain = self.fields(of, plain=True)
        if not plain:
            return None
        name = self.choose(plain)
        kind = next(
            kind for kind in ("number", "text", "exact", "day", "array", "other") if type(plain[name]) in FAMILIES[kind]
        )
        if kind == "other":
            field = copy.deepcopy(plain[name])
            field.null = not field.null
            return migrations.AlterField(of, name, field)
        return migrations.AlterField(of, name, self.draw(plain_fields(kind)))

    def alter_relation(self) -> Operation | None:
        of = self.choose(self.models())
        keys = {name: x for name, x in self.fields(of, plain=False).items() if not x.many_to_many}
        if not keys:
            return None
        name = self.choose(keys)
        to: Any = keys[name].related_model
        field = self.draw(relations([to.rpartition(".")[2]]))
        return None if field.many_to_many else migrations.AlterField(of, name, field)

    def unique_together(self) -> Operation | None:
        of = self.choose(self.models())
        columns = self.columns(of)
        if self.options(of).get("unique_together"):
            return migrations.AlterUniqueTogether(of, set())
        return migrations.AlterUniqueTogether(of, {tuple(sorted(columns)[:2])}) if len(columns) > 1 else None

    def add_index(self) -> Operation | None:
        of = self.choose(self.models())
        columns = self.columns(of)
        texts = [x for x, field in self.fields(of, plain=True).items() if type(field) in FAMILIES["text"]]
        if bool(texts) and self.draw(st.booleans()):
            index: Any = models.Index(Lower(texts[0]), name=self.name("by_lower_"))
            index.names = [texts[0]]
            return migrations.AddIndex(of, index)
        if not columns:
            return None
        return migrations.AddIndex(of, models.Index(fields=[self.choose(columns)], name=self.name("by_")))

    def remove_index(self) -> Operation | None:
        of = self.choose(self.models())
        names = [index.name for index in self.options(of).get("indexes", ())]
        return migrations.RemoveIndex(of, self.choose(names)) if names else None

    def rename_index(self) -> Operation | None:
        of = self.choose(self.models())
        names = [index.name for index in self.options(of).get("indexes", ())]
        return migrations.RenameIndex(of, self.name("renamed_"), old_name=self.choose(names)) if names else None

    def add_constraint(self) -> Operation | None:
        of = self.choose(self.models())
        numbers = [x for x, field in self.fields(of, plain=True).items() if type(field) in FAMILIES["number"]]
        if not numbers:
            return None
        name = self.choose(numbers)
        kind = self.choose(["check", "unique", "conditional"])
        if kind == "check":
            constraint: Any = check(models.Q(**{f"{name}__gt": -5}), self.name("check_"))
            constraint.names = [name]
        elif kind == "unique":
            constraint = models.UniqueConstraint(fields=[name], name=self.name("unique_"))
        else:
            condition = models.Q(**{f"{name}__gt": 100})
            constraint = models.UniqueConstraint(fields=[name], condition=condition, name=self.name("some_"))
            constraint.names = [name]
        return migrations.AddConstraint(of, constraint)

    def remove_constraint(self) -> Operation | None:
        of = self.choose(self.models())
        names = [constraint.name for constraint in self.options(of).get("constraints", ())]
        return migrations.RemoveConstraint(of, self.choose(names)) if names else None

    def order(self) -> Operation | None:
        of = self.choose(self.models())
        if self.options(of).get("order_with_respect_to"):
            return migrations.AlterOrderWithRespectTo(of, None)
        keys = [x for x, field in self.fields(of, plain=False).items() if not field.many_to_many]
        return migrations.AlterOrderWithRespectTo(of, self.choose(keys)) if keys else None

    def operation(self) -> Operation | None:
        if not self.models():
            return self.create_model()
        every = [
            self.create_model, self.delete_model, self.rename_model, self.alter_table, self.table_comment,
            self.add_field, self.add_field, self.add_field, self.remove_field, self.rename_field, self.alter_field,
            self.alter_field,
            self.alter_field, self.alter_relation, self.alter_relation, self.unique_together, self.add_index,
            self.remove_index, self.rename_index, self.add_constraint, self.remove_constraint, self.order,
        ]  # fmt: skip
        made: Operation | None = self.choose(every)()
        return made


@st.composite
def chains(draw: st.DrawFn) -> Chain:
    builder = Builder(draw)
    before: list[Operation] = []
    for _ in range(draw(st.integers(1, 3))):
        if (made := builder.create_model()) and builder.take(made):
            before.append(made)
    then = []
    for _ in range(draw(st.integers(1, MOST_MIGRATIONS))):
        operations = []
        for _ in range(draw(st.integers(1, MOST_OPERATIONS))):
            if (operation := builder.operation()) and builder.take(operation):
                operations.append(operation)
        then.append(operations)
    return Chain(before, then, draw(st.integers(0, 3)) == 0)
