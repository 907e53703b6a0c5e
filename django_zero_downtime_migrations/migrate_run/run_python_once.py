"""A RunPython that an earlier run of the migration has done is not done again; digests identify the migration."""

from __future__ import annotations

import ast
import copy
import functools
import hashlib
import inspect
import re
from typing import Any

from django.db.migrations.operations.special import RunPython, RunSQL

from ..django_types import Migration, Operation, ProjectState, StateApps

#: Modules of Django's with operations that run no other one.
_DJANGOS = ("django.db.migrations.operations.fields", "django.db.migrations.operations.models")


def once(operation: Any) -> Any:
    """Return a copy of an operation whose RunPython, also a nested one, asks the editor first."""
    if isinstance(operation, RunPython):
        made: Any = copy.copy(operation)
        made.code = _asking(operation.code, operation.atomic)
        made.reverse_code = _asking(operation.reverse_code, operation.atomic) if operation.reverse_code else None
        # The editor opens the transaction of the code, since it writes down there that the code has run.
        made.atomic = False
        return made
    if type(operation).__module__ in _DJANGOS:
        return operation
    # Imported here, as below: most migrations have nothing but these.
    from ..operation_facts import is_operation, parts

    outer = operation
    for name, inner in parts(operation):
        asking = [once(x) if is_operation(x) else x for x in inner]
        if any(new is not old for new, old in zip(asking, inner, strict=True)):
            outer = copy.copy(operation) if outer is operation else outer
            alone = is_operation(getattr(operation, name))
            setattr(outer, name, asking[0] if alone else asking)
    return outer


def own_sql(operation: Operation) -> list[str]:
    """Return the SQL that a RunSQL may send in either direction, also a nested one."""
    from ..operation_facts import inside

    texts = [text for x in inside(operation) for text in own_sql(x)]
    if isinstance(operation, RunSQL):
        for given in (operation.sql, operation.reverse_sql):
            parts = [given] if isinstance(given, str) else given or []
            texts += [str(part[0] if isinstance(part, (list, tuple)) else part) for part in parts]
    return texts


def finishing(operation: Any, with_record: bool) -> Any:
    """Return a copy of the last operation of a migration that :func:`once` has made: it finishes the migration as well.

    :param with_record: finish in a transaction, which the record of the migration then shares.
    """

    @functools.wraps(operation.database_forwards)
    def forwards(app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState) -> None:
        operation.database_forwards(app_label, schema_editor, from_state, to_state)
        schema_editor.finish(with_record)

    made = copy.copy(operation)
    made.database_forwards = forwards
    return made


def _asking(code: Any, atomic: bool | None) -> Any:
    if code is RunPython.noop:
        return code

    @functools.wraps(code)
    def ask(apps: StateApps, schema_editor: Any) -> None:
        schema_editor.once(code, apps, atomic)

    return ask


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digests(migration: Migration, backwards: bool) -> tuple[str, ...]:
    """Return a digest of each operation as it is written in its file, in the order in which they run."""
    operations = reversed(migration.operations) if backwards else migration.operations
    return tuple(digest(_text(operation)) for operation in operations)


def _text(operation: Operation) -> str:
    # Imported here: a run that is not interrupted, on a new database, compares nothing.
    from django.db.migrations.writer import OperationWriter

    try:
        text = OperationWriter(operation, indentation=0).serialize()[0]
    except (TypeError, ValueError):
        # It contains something that cannot be written, such as a lambda, or Django does not know how to write it.
        text = f"{type(operation).__qualname__}: {operation.describe()}"
    functions = (getattr(operation, name, None) for name in ("code", "reverse_code", "each"))
    return "\n".join([_ordered(text), *(_source(function) for function in functions if function)])


def _ordered(text: str) -> str:
    """Sort the elements of each set: before Django 5.2 their order is the one of their hashes, which differ in each
    process.
    """
    if not re.search(r"\{.+,|frozenset\(", text, re.DOTALL):
        return text
    try:
        return ast.unparse(_Ordered().visit(ast.parse(text.strip().removesuffix(","), mode="eval")))
    except SyntaxError:
        # Django could not write this operation.
        return text


class _Ordered(ast.NodeTransformer):
    def visit_Set(self, node: ast.Set) -> ast.Set:
        self.generic_visit(node)
        node.elts.sort(key=ast.unparse)
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "frozenset":
            for given in node.args:
                if isinstance(given, (ast.List, ast.Tuple)):
                    given.elts.sort(key=ast.unparse)
        return node


def _source(function: Any) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        # The function has no source file.
        return ""
