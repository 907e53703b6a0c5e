"""Names as PostgreSQL itself chooses, cuts and reads them, in a database whose encoding is UTF-8. Pure functions."""

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
EXCLUSION: Final = "excl"
INDEX: Final = "idx"
SEQUENCE: Final = "seq"

_MARK: Final = "zdm"

_QUOTED: Final = r'"(?:[^"\0]|"")+"'
# Letters, digits, _ and $ of ASCII and everything beyond it: said by what it is not, which compiles fifty times faster.
_BARE: Final = r"[^\x00-@\[-^`{-\x7f][^\x00-#%-/:-@\[-^`{-\x7f]*"
_PART: Final = re.compile(rf"\s*({_QUOTED}|{_BARE})\s*(\.|\Z)", re.ASCII)

# The server folds only these: İ or É without quotes stays what it is in a multi-byte encoding.
_FOLD: Final = {ord(upper): upper.lower() for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def make_object_name(name1: str, name2: str | None, label: str) -> str:
    """``name1_name2_label`` in at most 63 bytes: the longer of the two names loses bytes first, the label none."""
    overhead = len(f"_{label}".encode()) + (name2 is not None)
    size1, size2 = _size(name1), _size(name2 or "")
    while size1 + size2 > LONGEST - overhead:
        if size1 > size2:
            size1 -= 1
        else:
            size2 -= 1
    parts = [_clip(name1, size1), *([] if name2 is None else [_clip(name2, size2)]), label]
    return "_".join(parts)


def choose(name1: str, name2: str | None, label: str, taken: Callable[[str], bool]) -> str:
    """The first name that is not taken of those that the server tries: label, label1, label2 and so on.

    What is taken, the caller says: for a constraint the names of constraints in the schema, for an index those of
    relations, for a constraint with an index (UNIQUE, PRIMARY KEY, EXCLUDE) both.
    """
    tries = (make_object_name(name1, name2, f"{label}{number or ''}") for number in count())
    return next(name for name in tries if not taken(name))


def columns_part(columns: Iterable[str]) -> str:
    """The second name of an index or foreign key: its columns, joined up to the one that makes it too long."""
    joined = ""
    for column in columns:
        joined += f"_{column}" if joined else column
        if _size(joined) > LONGEST:
            break
    return joined


def truncate(name: str) -> str:
    """What the server makes of a name that is too long: it is cut between two characters."""
    return _clip(name, LONGEST)


def temporary(name: str, purpose: str) -> str:
    """The name of an object that exists beside ``name`` for a while; the same each time, so that a later run finds it.

    It ends in ``_zdm_<purpose>``; the hash before that keeps apart long names that begin alike.
    """
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    suffix = f"_{digest}_{_MARK}_{purpose}"
    if not re.fullmatch("[a-z0-9_]{1,20}", purpose):
        raise ValueError(f"purpose {purpose!r} is not 1 to 20 of a-z, 0-9 and _")
    return _clip(name, LONGEST - len(suffix)) + suffix


def unquote(sql: str) -> str:
    """The name that one identifier in SQL stands for; :func:`split_identifier` reads one with a schema."""
    parts = split_identifier(sql)
    if len(parts) != 1:
        raise ValueError(f"{sql} is a name of {len(parts)} parts, not of one")
    return parts[0]


def split_identifier(sql: str) -> tuple[str, ...]:
    """The parts of a name in SQL: ``"s"."t"`` has s and t. Without quotes a part is folded to lower case."""
    parts: list[str] = []
    position = 0
    while (found := _PART.match(sql, position)) is not None:
        parts.append(_name_of(found[1]))
        position = found.end()
        if not found[2]:
            return tuple(parts)
    raise ValueError(f"not a name in SQL: {sql!r}")


def quote(name: str) -> str:
    """A name as an identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'


def relation(name: str) -> str:
    """An SQL expression for the oid of a table, index or sequence; NULL where there is none.

    As to_regclass() has it, which however fails where the role may not use the schema: such a table may still stand
    behind a foreign key of one that it migrates.

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


def _size(name: str) -> int:
    return len(name.encode())


def _clip(name: str, size: int) -> str:
    # A character that would be cut in two goes as a whole.
    return name.encode()[:size].decode(errors="ignore")
