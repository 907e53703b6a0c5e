"""Raw text -> a :class:`Statement`: classified by its shape, never rewritten.

Django itself writes three kinds of statements without a template: exclusion constraints, ``ValidateConstraint``, and
extensions and collations. Everything else is the user's own SQL.
"""

from __future__ import annotations

import re

import sqlparse

from . import statements as s

_NAME = r'(?:"(?:[^"]|"")+"|[^\s"(;]+)(?:\."(?:[^"]|"")+")?'
_EXCLUDE = rf"(?i)ALTER TABLE (?P<table>{_NAME}) ADD CONSTRAINT (?P<name>{_NAME}) EXCLUDE\b"
_VALIDATE = rf"(?i)ALTER TABLE (?P<table>{_NAME}) VALIDATE CONSTRAINT (?P<name>{_NAME})$"
_CONCURRENTLY = r"(?i)(CREATE (UNIQUE )?INDEX|DROP INDEX|REINDEX\b.*)[ (]CONCURRENTLY\b"
_ALONE = (
    r"(?i)(VACUUM|CLUSTER$|ALTER SYSTEM|(CREATE|DROP) (DATABASE|SUBSCRIPTION|TABLESPACE)"
    r"|REINDEX (\(.*\) )?(SCHEMA|DATABASE|SYSTEM))(?!\w)"
)
_WORDS = r"(?i)\b(CONCURRENTLY|VACUUM|CLUSTER|DATABASE|SCHEMA|SUBSCRIPTION|SYSTEM|TABLESPACE)\b"
_BY_ITSELF = re.compile(
    r"(?i)\s*(SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|VALUES|CREATE|ALTER|DROP|TRUNCATE|GRANT|REVOKE|COMMENT)\b"
)
_DETACH = r"(?is)ALTER TABLE .* DETACH PARTITION .* CONCURRENTLY\b"


def scan(sql: str, params: s.Params) -> s.Statement:
    text = sql.strip().rstrip(";").rstrip()
    if match := re.match(_VALIDATE, text):
        return s.ValidateConstraint(sql=sql, params=params, table=match["table"], name=match["name"])
    if match := re.match(_EXCLUDE, text):
        return s.AddExclusion(sql=sql, params=params, table=match["table"], name=match["name"])
    return s.Raw(sql=sql, params=params, concurrently=cannot_stand_in_a_transaction(sql))


def cannot_stand_in_a_transaction(sql: str) -> bool:
    """Whether PostgreSQL refuses a statement of this text inside a transaction block."""
    return _has(sql, _CONCURRENTLY, _ALONE, _DETACH)


def stands_by_itself(sql: str) -> bool:
    """Return whether a text is one statement with the same effect as a transaction by itself and between BEGIN and
    COMMIT. If in doubt, it is not: LOCK TABLE needs a transaction block, CALL and DO may end one.
    """
    text = sql.rstrip().rstrip(";")
    return bool(_BY_ITSELF.match(text)) and not any(mark in text for mark in (";", "--", "/*"))


def is_closed(sql: str) -> bool:
    """Return whether another statement can follow a text: no quote of its own is open. If in doubt, it cannot: then the
    error of an unfinished statement would be about the next one.
    """
    is_paired = sql.count("'") % 2 == 0 and sql.count('"') % 2 == 0 and sql.count("$") % 4 == 0
    return is_paired and sql.count("/*") == sql.count("*/")


def is_concurrent(sql: str) -> bool:
    """Return whether it has a statement CONCURRENTLY, which leaves something if it is ended in the middle."""
    return _has(sql, _CONCURRENTLY, _DETACH)


def _has(sql: str, *patterns: str) -> bool:
    # Most raw SQL has none of these words: spare it the parser.
    if not re.search(_WORDS, sql):
        return False
    plain = sqlparse.format(sql, strip_comments=True)
    statements = (" ".join(statement.rstrip("; \n").split()) for statement in sqlparse.split(plain))
    return any(re.match(pattern, text) for text in statements for pattern in patterns)
