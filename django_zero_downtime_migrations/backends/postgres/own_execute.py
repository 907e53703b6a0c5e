"""``execute()`` of a subclass that goes to Django's editor past ours, as in ``PostgresSchemaEditor.execute(self, …)``.

Its statements are intercepted on their way to the server, and planned like all others.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ...django_types import Params, Sql
from .old_names import statements

Plan = Callable[[Any, Any], None]
#: Text around a statement that has no meaning. A comment is for logs of the server; ours keep the statement.
_NOTHING = re.compile(r"/\*.*?\*/|--[^\n]*|[;\s]+", re.DOTALL)


def wrap_execute(editor_class: Any, ours: Callable[..., None]) -> None:
    """Wrap the ``execute`` of a subclass.

    :param ours: ``execute`` of the mixin.
    """
    theirs = inspect.getattr_static(editor_class, "execute")
    if theirs is ours or not inspect.isfunction(theirs) or hasattr(theirs, "of_subclass"):
        return

    @functools.wraps(theirs)
    def execute(editor: Any, sql: Sql, params: Params = ()) -> Any:
        with _taken_back(editor, sql, params, lambda sql, params: ours(editor, sql, params)):
            return theirs(editor, sql, params)

    execute.of_subclass = theirs  # type: ignore[attr-defined]
    editor_class.execute = execute


class _Given:
    """The statement that was given to an override."""

    def __init__(self, editor: Any, sql: Sql, params: Params, plan: Plan) -> None:
        self._editor = editor
        self._params = params
        self._statements = statements(sql)
        self._plan = plan

    def plans(self, text: str) -> bool:
        """Plan the text if it is the statement, or contains it. Return whether it was.

        :param text: on its way to the server.
        """
        if self._editor.is_executing:
            return False
        for statement in self._statements:
            for sql in self._spelt(statement):
                before, found, after = text.partition(sql)
                if found and not _NOTHING.sub("", before + after):
                    self._plan(statement, self._params)
                    return True
                if found:
                    self._plan(text, None)
                    return True
        return False

    def _spelt(self, statement: Any) -> tuple[str, ...]:
        """Return its text, and its text with the parameters in it, as Django's editor sends it."""
        sql = str(statement).rstrip("; \n")
        if self._params is None:
            return (sql,)
        return sql, str(self._editor.connection.ops.compose_sql(sql, self._params))


class _Lines(list[str]):
    """The script of an editor that only collects, while its override runs."""

    def __init__(self, lines: list[str], given: _Given) -> None:
        super().__init__(lines)
        self._lines = lines
        self._given = given

    def append(self, line: str) -> None:
        super().append(line)
        if not self._given.plans(line):
            self._lines.append(line)


@contextmanager
def _taken_back(editor: Any, sql: Sql, params: Params, plan: Plan) -> Iterator[None]:
    given = _Given(editor, sql, params, plan)

    def sent(execute: Any, sql: Sql, params: Params, many: bool, context: Any) -> Any:
        return None if not many and given.plans(str(sql)) else execute(sql, params, many, context)

    lines = editor.collected_sql if editor.collect_sql else None
    if lines is not None:
        editor.collected_sql = _Lines(lines, given)
    wrappers = editor.connection.execute_wrappers
    # This wrapper is the outermost, so that the others are not told of what is not sent.
    wrappers.insert(0, sent)
    try:
        yield
    finally:
        wrappers.remove(sent)
        if lines is not None:
            editor.collected_sql = lines
