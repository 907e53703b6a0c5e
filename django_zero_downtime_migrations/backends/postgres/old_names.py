"""Names of ``django-pg-zero-downtime-migrations`` that its subclasses and other packages import.

They describe SQL and do nothing by themselves: this backend derives from the statement which locks it takes, which
timeouts it runs under, and whether it is done already.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.backends.ddl_references import Statement as DjangoStatement


class DummySQL:
    """A template of nothing: filled in, or filled into another template, it is nothing again."""

    def __mod__(self, parts: Any) -> DummySQL:
        return self

    def format(self, *args: Any, **kwargs: Any) -> DummySQL:
        return self


DUMMY_SQL = DummySQL()


def _nothing(*parts: Any) -> bool:
    """Return whether one of the parts, or of the values in them, is :data:`DUMMY_SQL`."""
    for part in parts:
        values = part.values() if isinstance(part, dict) else part if isinstance(part, (list, tuple)) else [part]
        if any(value is DUMMY_SQL for value in values):
            return True
    return False


class Condition:
    """A question to the server whose answer said whether a statement is done. It is kept, and never asked."""

    def __init__(self, sql: Any, exists: bool, idempotent_mode_only: bool = False) -> None:
        self.sql = sql
        self.exists = exists
        self.idempotent_mode_only = idempotent_mode_only

    def __str__(self) -> str:
        return str(self.sql)

    def __mod__(self, parts: Any) -> Condition:
        return type(self)(self.sql % parts, self.exists, self.idempotent_mode_only)

    def format(self, *args: Any, **kwargs: Any) -> Condition:
        return type(self)(self.sql.format(*args, **kwargs), self.exists, self.idempotent_mode_only)


class PGLock(str):
    """SQL with a statement about its lock; only the text itself counts."""

    use_timeouts: bool
    disable_statement_timeout: bool
    idempotent_condition: Condition | None

    def __new__(
        cls,
        sql: str,
        *,
        use_timeouts: bool = False,
        disable_statement_timeout: bool = False,
        idempotent_condition: Condition | None = None,
    ) -> PGLock:
        if use_timeouts and disable_statement_timeout:
            raise ValueError("A statement has either use_timeouts or disable_statement_timeout.")
        self = super().__new__(cls, sql)
        self.use_timeouts = use_timeouts
        self.disable_statement_timeout = disable_statement_timeout
        self.idempotent_condition = idempotent_condition
        return self

    @property
    def sql(self) -> str:
        return str.__str__(self)

    def _with(self, sql: str, condition: Condition | None) -> Any:
        return type(self)(
            sql,
            use_timeouts=self.use_timeouts,
            disable_statement_timeout=self.disable_statement_timeout,
            idempotent_condition=condition,
        )

    def __mod__(self, parts: Any) -> Any:
        if _nothing(parts):
            return DUMMY_SQL
        condition = self.idempotent_condition
        return self._with(self.sql % parts, condition and condition % parts)

    def format(self, *args: Any, **kwargs: Any) -> Any:
        if _nothing(args, kwargs):
            return DUMMY_SQL
        condition = self.idempotent_condition
        return self._with(self.sql.format(*args, **kwargs), condition and condition.format(*args, **kwargs))


class PGAccessExclusive(PGLock):
    """The SQL of a statement under ACCESS EXCLUSIVE."""

    def __new__(cls, sql: str, *, use_timeouts: bool = True, **described: Any) -> PGAccessExclusive:
        made: Any = super().__new__(cls, sql, use_timeouts=use_timeouts, **described)
        return made  # type: ignore[no-any-return]


class PGShareUpdateExclusive(PGLock):
    """The SQL of a statement that lets other sessions read and write."""

    def __new__(cls, sql: str, *, disable_statement_timeout: bool = True, **described: Any) -> PGShareUpdateExclusive:
        made: Any = super().__new__(cls, sql, disable_statement_timeout=disable_statement_timeout, **described)
        return made  # type: ignore[no-any-return]


class MultiStatementSQL(list[Any]):
    """Several statements, or the templates of several, in the place of one."""

    def __init__(self, statements: str | Iterable[Any], *more: Any) -> None:
        super().__init__([statements, *more] if more or isinstance(statements, str) else statements)

    def __str__(self) -> str:
        return "\n".join(f"{str(statement).rstrip(';')};" for statement in self)

    def __mod__(self, parts: Any) -> Any:
        return DUMMY_SQL if _nothing(parts) else MultiStatementSQL([statement % parts for statement in self])

    def format(self, *args: Any, **kwargs: Any) -> Any:
        if _nothing(args, kwargs):
            return DUMMY_SQL
        return MultiStatementSQL([statement.format(*args, **kwargs) for statement in self])


def statements(sql: Any) -> list[Any]:
    """Return what an editor is given, as strings or Django's own statements, one for each that is to be sent."""
    template = sql.template if isinstance(sql, DjangoStatement) else sql
    if template is DUMMY_SQL:
        return []
    if not isinstance(template, MultiStatementSQL):
        return [sql]
    parts = [DjangoStatement(part, **sql.parts) for part in template] if template is not sql else template
    return [statement for part in parts for statement in statements(part)]


class OldAttributes:
    """The attributes that ``execute`` of such a subclass takes from the editor."""

    ZERO_TIMEOUT = "0ms"
    _sql_get_lock_timeout = "SELECT pg_catalog.current_setting('lock_timeout')"
    _sql_get_statement_timeout = "SELECT pg_catalog.current_setting('statement_timeout')"
    _sql_set_lock_timeout = "SET lock_timeout TO '%(lock_timeout)s'"
    _sql_set_statement_timeout = "SET statement_timeout TO '%(statement_timeout)s'"

    def _skip_applied(self, idempotent_condition: Condition | None) -> bool:
        """Return False: IDEMPOTENT_SQL compares what is there by its definition."""
        return False
