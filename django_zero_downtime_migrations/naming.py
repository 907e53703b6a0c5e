"""Names as PostgreSQL itself chooses, cuts and reads them, and as Django writes them. Pure functions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from itertools import count
from typing import Final

#: Bytes in the longest name that the server keeps.
LONGEST: Final = 63

# The labels that the server puts at the end of the name of an object for which the statement gives none.
PRIMARY_KEY: Final = "pkey"
UNIQUE: Final = "key"
CHECK: Final = "check"
NOT_NULL: Final = "not_null"
FOREIGN_KEY: Final = "fkey"
INDEX: Final = "idx"

_MARK: Final = "zdm"
#: The label and the end of a table's name while a view has its own name.
PURPOSE_OF_RENAMED: Final = "renamed"
RENAMED: Final = f"_{_MARK}_{PURPOSE_OF_RENAMED}"

# Python compiles these when they are used: most processes of a project read no name.
_QUOTED: Final = r'"(?:[^"\0]|"")+"'
# Letters, digits, _ and $ of ASCII and everything beyond it: the complement compiles fifty times faster.
_BARE: Final = r"[^\x00-@\[-^`{-\x7f][^\x00-#%-/:-@\[-^`{-\x7f]*"
_PATH: Final = rf'(?:{_QUOTED}|[^\s"(;]+)(?:\.{_QUOTED})?'
_INSIDE: Final = r'"((?:[^"]|"")+)"'
# The beginning of Django's statements and ours, up to the name of the index or constraint that they are about.
_HEAD: Final = (
    rf"(?:ALTER TABLE (?:ONLY )?{_PATH} (?:ADD|DROP|RENAME) CONSTRAINT (?:IF EXISTS )?"
    r"|CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?(?:IF NOT EXISTS )?"
    r"|DROP INDEX (?:CONCURRENTLY )?(?:IF EXISTS )?|ALTER INDEX (?:IF EXISTS )?|SET CONSTRAINTS )"
    rf"({_PATH})"
)
_PART: Final = rf"\s*({_QUOTED}|{_BARE})\s*(\.|\Z)"

# The server folds only these: İ or É without quotes stays what it is in a multi-byte encoding.
_FOLD: Final = {ord(upper): upper.lower() for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


class Names:
    """How the server cuts names: by the bytes that they have in the encoding of its database.

    :param codec: Python's name of that encoding.
    """

    def __init__(self, codec: str = "utf-8") -> None:
        self._codec = codec

    def make_object_name(self, name1: str, name2: str | None, label: str) -> str:
        """Return ``name1_name2_label`` in at most 63 bytes: the longer name loses bytes first, the label none."""
        overhead = len(f"_{label}") + (name2 is not None)
        size1, size2 = self._size(name1), self._size(name2 or "")
        while size1 + size2 > LONGEST - overhead:
            if size1 > size2:
                size1 -= 1
            else:
                size2 -= 1
        parts = [self._clip(name1, size1), *([] if name2 is None else [self._clip(name2, size2)]), label]
        return "_".join(parts)

    def choose(self, name1: str, name2: str | None, label: str, taken: Callable[[str], bool]) -> str:
        """Return the first free name that the server tries: label, label1, label2 and so on.

        :param taken: whether a name is taken: for a constraint by a constraint of the schema, for an index by a
            relation, for a constraint with an index (UNIQUE, PRIMARY KEY, EXCLUDE) by either.
        """
        tries = (self.make_object_name(name1, name2, f"{label}{number or ''}") for number in count())
        return next(name for name in tries if not taken(name))

    def columns_part(self, columns: Iterable[str]) -> str:
        """Return the second name of an index or foreign key: its columns, joined until the name is too long."""
        joined = ""
        for column in columns:
            joined += f"_{column}" if joined else column
            if self._size(joined) > LONGEST:
                break
        return joined

    def truncate(self, name: str) -> str:
        """Return a name that is too long as the server cuts it: between two characters."""
        return self._clip(name, LONGEST)

    def temporary(self, name: str, purpose: str) -> str:
        """Return the name of an object that exists beside ``name`` for a while; the same each time, so that a later
        run finds it.

        It ends in ``_zdm_<purpose>``; the hash before that keeps apart long names that begin alike.
        """
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        suffix = f"_{digest}_{_MARK}_{purpose}"
        if not re.fullmatch("[a-z0-9_]{1,20}", purpose):
            raise ValueError(f"purpose {purpose!r} is not 1 to 20 of a-z, 0-9 and _")
        return self._clip(name, LONGEST - len(suffix)) + suffix

    def successor(self, sql: str) -> str:
        """Return the name under which an index or constraint is made while the one that it replaces has its own.

        :param sql: its own name, as in SQL.
        """
        return quote(self.temporary(unquote(sql), "new"))

    def lasting(self, name: str) -> str:
        """Return the final name of an object called ``name``: without the suffix of :meth:`temporary`, if it has one
        and the name was not cut for it.
        """
        found = re.fullmatch(rf"(.+)_[0-9a-f]{{8}}_{_MARK}_([a-z0-9_]{{1,20}})", name, re.DOTALL)
        return found[1] if found and self.temporary(found[1], found[2]) == name else name

    def plain(self, sql: str) -> str:
        """Return the name that an identifier in SQL stands for, as the server stores it, without its schema."""
        return self.truncate(split_identifier(sql)[-1])

    def spelled(self, sql: str) -> str:
        """Return an identifier for the name that the server stores; the same for all that mean this name.

        :raises ValueError: when it is not a name in SQL.
        """
        if len(sql) <= LONGEST and sql.isascii() and _is_simple(sql):
            return sql
        return ".".join(quote(self.truncate(part)) for part in split_identifier(sql))

    def as_sql(self, name: str) -> str:
        """Return a ``db_table`` or ``db_column`` of Django's as in SQL; quoted as Django does if it is not a name."""
        quoted = as_django_quotes(name)
        try:
            return self.spelled(quoted)
        except ValueError:
            return quoted

    def _size(self, name: str) -> int:
        return len(self._encoded(name))

    def _clip(self, name: str, size: int) -> str:
        # A character that would be cut in two is dropped as a whole.
        data = self._encoded(name)
        return name if len(data) <= size else data[:size].decode(self._codec_of(name), errors="ignore")

    def _encoded(self, name: str) -> bytes:
        return name.encode(self._codec_of(name))

    def _codec_of(self, name: str) -> str:
        """Return the codec for a name. The server refuses a name that its encoding does not have: any cut will do."""
        try:
            name.encode(self._codec)
        except UnicodeEncodeError:
            return "utf-8"
        return self._codec


#: The names of a database in UTF-8.
UTF8: Final = Names()


def _is_simple(sql: str) -> bool:
    """Return whether SQL is one name in quotes, without any inside: every table of a new database is asked about."""
    return len(sql) > 2 and sql[0] == sql[-1] == '"' and sql.count('"') == 2 and "\0" not in sql


def names_in(sql: str) -> list[str]:
    """Return the quoted names of a piece of SQL, without their quotes, in order."""
    return [name.replace('""', '"') for name in re.findall(_INSIDE, sql)]


def literal(text: str) -> str:
    """Return a text as it is written in SQL."""
    # With a backslash, the text must not depend on standard_conforming_strings.
    escape = "E" if "\\" in text else ""
    return escape + "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def plain_table(table: str) -> str:
    """Return a table's own name without its schema.

    :param table: an identifier as :meth:`Names.spelled` writes it.
    """
    return split_identifier(table)[-1]


def as_django_quotes(name: str) -> str:
    """Return a ``db_table`` or ``db_column`` as Django's ``quote_name`` writes it, which may be quoted already."""
    return name if name.startswith('"') and name.endswith('"') else f'"{name}"'


def as_django_has(name: str) -> str:
    """Return a name of the server as Django has to be given it: its ``quote_name`` leaves quotes inside as they are."""
    return name.replace('"', '""')


def renamed_in(sql: str, name: str) -> str:
    """Return the statement with another name for the index or constraint that it makes, drops or renames.

    :param name: as in SQL. A text of another form than Django's statements stays as it is.
    """
    found = re.match(_HEAD, sql)
    return f"{sql[: found.start(1)]}{name}{sql[found.end(1) :]}" if found else sql


def after_head(sql: str, keyword: str = "") -> str:
    """Return what follows the name of a constraint, or name and table of an index, in the statement that makes it.

    :param keyword: what stands between the name and a table's name; empty without a table's name.
    :raises ValueError: when the statement has another form.
    """
    found = re.match(_HEAD, sql)
    table = re.compile(rf" {keyword} (?:ONLY )?{_PATH}").match(sql, found.end()) if found and keyword else found
    if table is None:
        raise ValueError(f"not a statement that makes an index or constraint: {sql!r}")
    return sql[table.end() :]


def unquote(sql: str) -> str:
    """Return the name that one identifier in SQL stands for; :func:`split_identifier` reads one with a schema."""
    parts = split_identifier(sql)
    if len(parts) != 1:
        raise ValueError(f"{sql} is a name of {len(parts)} parts, not of one")
    return parts[0]


def split_identifier(sql: str) -> tuple[str, ...]:
    """Return the parts of a name in SQL: ``"s"."t"`` has s and t. Without quotes a part is folded to lower case."""
    parts: list[str] = []
    position = 0
    part = re.compile(_PART, re.ASCII)
    while (found := part.match(sql, position)) is not None:
        parts.append(_name_of(found[1]))
        position = found.end()
        if not found[2]:
            return tuple(parts)
    raise ValueError(f"not a name in SQL: {sql!r}")


def quote(name: str) -> str:
    """Return a name as an identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'


def relation(name: str) -> str:
    """Return an SQL expression for the oid of a table, index or sequence; NULL if it does not exist.

    to_regclass() has the same result, but fails if the role may not use the schema: such a table may still be behind a
    foreign key of a table that the role migrates.

    :param name: an SQL expression for its quoted name, with or without its schema.
    """
    return (
        f"(SELECT c.oid FROM pg_catalog.parse_ident({name}) p(parts) "
        "JOIN pg_catalog.pg_class c ON c.relname = p.parts[pg_catalog.cardinality(p.parts)]::pg_catalog.name "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE CASE WHEN pg_catalog.cardinality(p.parts) = 1 THEN pg_catalog.pg_table_is_visible(c.oid) "
        "WHEN p.parts[1] = 'pg_temp' THEN n.oid = pg_catalog.pg_my_temp_schema() "
        "ELSE n.nspname = p.parts[1]::pg_catalog.name END)"
    )


def _name_of(part: str) -> str:
    if part.startswith('"'):
        return part[1:-1].replace('""', '"')
    return part.translate(_FOLD)
