"""The net result of a row of queries: an object that was made, renamed and made again counts once, by its last name.

It is read from the heads of queries, whose forms ``execution.already_there.probes`` knows, without asking a server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import count

from ...naming import Names
from ..already_there.probes import question
from ..already_there.probes.forms import NAME
from ..already_there.probes.server import sibling
from .net_objects import Made, NetTable

_USING_INDEX = re.compile(rf"(?:UNIQUE|PRIMARY KEY) USING INDEX (?P<index>{NAME})")
_NOT_NULL = re.compile(rf"NOT NULL (?P<column>{NAME})")
_WORD = re.compile(r"\w+")
#: The aspect of a column that ALTER COLUMN changes, by the beginning of its action.
_ASPECTS = {"TYPE": "type", "SET NOT": "null", "DROP NOT": "null", "SET DEFAULT": "default", "DROP DEFAULT": "default"}
#: NOT NULL is an attribute of the column, and on PostgreSQL 18 a constraint as well.
_NULL = ("null", "null by constraint")
_SAME = dict.fromkeys(_NULL, _NULL)
#: The parts of a query that mention columns of its table, and tables that it points to.
_TEXTS = ("definition", "rest")


class Net:
    """The net result.

    :param names: the database's spelling of names.
    :ivar tables: the tables by their last names.
    :ivar gone: the tables and other relations that must not exist, by kind and name.
    """

    def __init__(self, names: Names) -> None:
        self._plain = names.plain
        self.tables: dict[str, NetTable] = {}
        self.gone: dict[tuple[str, str], Made] = {}
        self.attached: list[Made] = []
        self._numbers = count()

    def add(self, key: str, sql: str) -> None:
        known = question(sql)
        if known is None:
            return
        form, parts = known
        follow = getattr(self, f"_{form.__name__}", None)
        if follow is not None:
            follow(Made(key, sql, form, parts, number=next(self._numbers)), parts)

    def mentioned(self, texts: Iterable[str]) -> None:
        """Mark the objects that the user's own SQL names: from here on their state is unknown."""
        words = {word.lower() for text in texts for word in _WORD.findall(text)}
        for table in self.tables.values():
            whole = _is_in(table.name, words)
            for kind in (table.columns, table.constraints, table.indexes, table.triggers):
                for name, made in kind.items():
                    made.unsure = made.unsure or whole or _is_in(name, words)
            for (_, name), made in table.gone.items():
                made.unsure = made.unsure or whole or _is_in(name, words)
            if table.itself:
                table.itself.unsure = table.itself.unsure or whole
        for (_, name), made in self.gone.items():
            made.unsure = made.unsure or _is_in(name, words)

    def doubt(self, sql: str) -> None:
        """Mark the objects of a query that the server may have received, and may have completed."""
        known = question(sql)
        if known is None:
            self.mentioned([sql])
            return
        named = known[1].get("name")
        name = self._plain(named) if named else ""
        for table in self.tables.values():
            for kind in (table.indexes, table.constraints):
                if name in kind:
                    kind[name].unsure = True
        for (_, gone), made in self.gone.items():
            made.unsure = made.unsure or self._plain(gone) == name

    def unsure(self) -> Iterator[Made]:
        """Yield the objects whose state is unknown."""
        objects = (made for table in self.tables.values() for made in table.objects())
        yield from (made for made in (*objects, *self.gone.values()) if made.unsure)

    def _table(self, parts: dict[str, str]) -> NetTable:
        name = parts["table"]
        return self.tables.setdefault(name, NetTable(name))

    # Tables

    def _create_table(self, made: Made, parts: dict[str, str]) -> None:
        self.gone.pop(("table", parts["table"]), None)
        self.tables[parts["table"]] = NetTable(parts["table"], made)

    def _drop_table(self, made: Made, parts: dict[str, str]) -> None:
        table = self.tables.pop(parts["table"], None)
        self.gone["table", parts["table"]] = _after(table.itself if table else None, made)

    def _rename_table(self, made: Made, parts: dict[str, str]) -> None:
        old, new = parts["table"], sibling(parts["table"], parts["new"])
        table = self._table(parts)
        del self.tables[old]
        table.name = new
        self.tables[new] = table
        self.gone["table", old] = _after(table.itself, made)
        table.itself = table.itself or Made(made.key, made.sql, number=made.number)
        self.gone.pop(("table", new), None)
        for other in self.tables.values():
            for made_there in other.objects():
                _replace(made_there.parts, f"REFERENCES {old} ", f"REFERENCES {new} ")

    def _create_view(self, made: Made, parts: dict[str, str]) -> None:
        """Note a view: it has the old name of a renamed table."""
        self.gone.pop(("table", parts["table"]), None)

    # Columns

    def _add_column(self, made: Made, parts: dict[str, str]) -> None:
        table, name = self._table(parts), self._plain(parts["column"])
        table.gone.pop(("column", name), None)
        table.columns[name] = made
        self._touch(table)

    def _drop_column(self, made: Made, parts: dict[str, str]) -> None:
        table, name = self._table(parts), self._plain(parts["column"])
        table.gone["column", name] = _after(table.columns.pop(name, None), made)
        for kind in (table.constraints, table.indexes):
            for other in [x for x, there in kind.items() if _mentions(there.parts, parts["column"])]:
                del kind[other]
        self._touch(table)

    def _rename_column(self, made: Made, parts: dict[str, str]) -> None:
        table, old, new = self._table(parts), self._plain(parts["old"]), self._plain(parts["new"])
        table.gone["column", old] = _after(table.columns.get(old), made)
        column = table.columns.pop(old, None) or Made(made.key, made.sql, number=made.number)
        column.parts["column"] = parts["new"]
        table.columns[new] = column
        table.gone.pop(("column", new), None)
        for kind in (table.constraints, table.indexes):
            for there in kind.values():
                _replace(there.parts, parts["old"], parts["new"])
        for other in self.tables.values():
            for there in other.constraints.values():
                target = f"REFERENCES {table.name} "
                _replace(there.parts, f"{target}({parts['old']})", f"{target}({parts['new']})")
        self._touch(table)

    def _alter_column(self, made: Made, parts: dict[str, str]) -> None:
        action = made.sql[made.sql.index(parts["column"], len("ALTER TABLE ")) + len(parts["column"]) :]
        action = action.strip()
        aspect = next((what for begin, what in _ASPECTS.items() if action.startswith(begin)), None)
        if ", ALTER COLUMN " in action:
            # Several changes of a new table in one query, which no aspect alone describes.
            self._change(made, parts, "several")
            made.unsure = True
        elif aspect:
            made.parts["action"] = action
            if action.startswith("DROP NOT NULL"):
                self._drop_not_null(parts)
            self._change(made, parts, aspect)

    def _drop_not_null(self, parts: dict[str, str]) -> None:
        """Forget the NOT NULL constraint that PostgreSQL 18 drops with it."""
        constraints = self._table(parts).constraints
        for name, made in list(constraints.items()):
            found = _NOT_NULL.match(made.parts.get("definition", ""))
            if found and self._plain(found["column"]) == self._plain(parts["column"]):
                del constraints[name]

    def _add_identity(self, made: Made, parts: dict[str, str]) -> None:
        self._change(made, parts, "identity")

    _drop_identity = _add_identity

    def _change(self, made: Made, parts: dict[str, str], aspect: str) -> None:
        table, name = self._table(parts), self._plain(parts["column"])
        before = Made(made.key, made.sql, None, {"column": parts["column"]}, number=made.number)
        column = table.columns.setdefault(name, before)
        before_it = [x for x in _SAME.get(aspect, (aspect,)) if column.changes.pop(x, None)]
        made.neutral = column.form is None and bool(before_it) and made.parts.get("action", "")[:4] == "DROP"
        column.changes[aspect] = made
        self._touch(table)

    @staticmethod
    def _touch(table: NetTable) -> None:
        if table.itself:
            table.itself.changed = True

    # Constraints

    def _add_constraint(self, made: Made, parts: dict[str, str]) -> None:
        table, name = self._table(parts), self._plain(parts["name"])
        table.gone.pop(("constraint", name), None)
        if not parts["definition"].startswith("CHECK"):
            self._is_there_again(parts["name"])
        table.constraints[name] = made
        if using := _USING_INDEX.match(parts["definition"]):
            if index := table.indexes.pop(self._plain(using["index"]), None):
                index.parts["name"] = parts["name"]
                table.indexes[name] = index
        elif not_null := _NOT_NULL.match(parts["definition"]):
            self._change(
                Made(made.key, made.sql, number=made.number),
                {**parts, "column": not_null["column"]},
                "null by constraint",
            )
        self._touch(table)

    def _drop_constraint(self, made: Made, parts: dict[str, str]) -> None:
        table, name = self._table(parts), self._plain(parts["name"])
        table.gone["constraint", name] = _after(table.constraints.pop(name, None), made)
        table.indexes.pop(name, None)
        self._touch(table)

    def _rename_constraint(self, made: Made, parts: dict[str, str]) -> None:
        table = self._table(parts)
        self._rename(table, "constraint", table.constraints, made, parts)
        self._is_there_again(parts["new"])
        if self._plain(parts["old"]) in table.indexes:
            table.indexes[self._plain(parts["new"])] = table.indexes.pop(self._plain(parts["old"]))
            table.indexes[self._plain(parts["new"])].parts["name"] = parts["new"]

    def _rename(self, table: NetTable, kind: str, there: dict[str, Made], made: Made, parts: dict[str, str]) -> None:
        old, new = self._plain(parts["old"]), self._plain(parts["new"])
        table.gone[kind, old] = _after(there.get(old), made)
        moved = there.pop(old, None) or Made(made.key, made.sql, number=made.number)
        moved.parts["name"] = parts["new"]
        there[new] = moved
        table.gone.pop((kind, new), None)

    # Indexes and triggers

    def _create_index(self, made: Made, parts: dict[str, str]) -> None:
        self._is_there_again(parts["name"])
        self._table(parts).indexes[self._plain(parts["name"])] = made

    def _is_there_again(self, index: str) -> None:
        """Note that an index of this name exists again; a DROP INDEX has named it with its schema."""
        plain = self._plain(index)
        self.gone = {x: y for x, y in self.gone.items() if x[0] != "index" or self._plain(x[1]) != plain}

    def _drop_index(self, made: Made, parts: dict[str, str]) -> None:
        gone = self._with_parts(self._plain(parts["name"]))
        made_here = {x: table.indexes.pop(x) for table in self.tables.values() for x in gone if x in table.indexes}
        self.attached = [x for x in self.attached if self._plain(x.parts["part"]) not in gone]
        self.gone["index", parts["name"]] = _after(made_here.get(gone[0]), made)

    def _with_parts(self, index: str) -> list[str]:
        """Return an index and its parts on partitions at every level, which go with it."""
        found = [index]
        for name in found:
            found += [self._plain(x.parts["part"]) for x in self.attached if self._plain(x.parts["parent"]) == name]
        return found

    def _rename_index(self, made: Made, parts: dict[str, str]) -> None:
        old, new = self._plain(parts["old"]), self._plain(parts["new"])
        before = None
        for table in self.tables.values():
            for kind in (table.indexes, table.constraints):
                if old in kind:
                    before = kind[new] = kind.pop(old)
                    before.parts["name"] = parts["new"]
        self.gone["index", parts["old"]] = _after(before, made)
        self.gone = {x: y for x, y in self.gone.items() if x != ("index", sibling(parts["old"], parts["new"]))}

    def _attach(self, made: Made, parts: dict[str, str]) -> None:
        self.attached.append(made)

    def _create_trigger(self, made: Made, parts: dict[str, str]) -> None:
        for table in self.tables.values():
            if f" ON {table.name} " in made.sql or f".{table.name} " in made.sql:
                table.gone = {x: y for x, y in table.gone.items() if x[0] != "trigger" or x[1] not in made.sql}

    def _drop_trigger(self, made: Made, parts: dict[str, str]) -> None:
        self._table(parts).gone["trigger", self._plain(parts["name"])] = made


def _after(before: Made | None, made: Made) -> Made:
    """Return the drop of a name; it is neutral if one of the queries had made the object itself."""
    made.neutral = before is not None and before.form is not None
    return made


def _replace(parts: dict[str, str], old: str, new: str) -> None:
    for text in _TEXTS:
        if text in parts:
            parts[text] = parts[text].replace(old, new)


def _mentions(parts: dict[str, str], name: str) -> bool:
    return any(name in parts.get(text, "") for text in _TEXTS)


def _is_in(name: str, words: set[str]) -> bool:
    """Return whether all words of a name are among the words of a text."""
    return {word.lower() for word in _WORD.findall(name)} <= words
