"""``Expand`` and ``Contract``: the two halves of a change that two versions of code survive, in a migration each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from django.db.migrations.operations.base import Operation

from ..django_types import AnyEditor, ProjectState
from .replace_field import ReplaceField

#: The operations that may owe something, by the names of Django's classes.
ALLOWED: Final = (
    "AddField",
    "AlterField",
    "AlterModelTable",
    "DeleteModel",
    "RemoveField",
    "RenameField",
    "RenameModel",
)
#: The operations that leave a view.
RENAMES: Final = ("AlterModelTable", "RenameField", "RenameModel")


class Half(Operation):
    """The common part of both halves.

    :ivar half: which half this is; the parts of the package below this one know it by that.
    """

    serialization_expand_args = ["operations"]  # noqa: RUF012 (the name and shape are Django's)
    half = ""

    def __init__(self, operations: Sequence[Operation]) -> None:
        name = type(self).__name__
        if not isinstance(operations, (list, tuple)) or not operations:
            raise ValueError(
                f'{name} needs a list of operations, as {name}([migrations.RemoveField("order", "note")]).'
            )
        for operation in operations:
            kind = type(operation)
            is_djangos = kind.__module__.startswith("django.db.migrations.operations.")
            if kind is not ReplaceField and not (is_djangos and kind.__name__ in ALLOWED):
                raise ValueError(
                    f"{name}([{kind.__name__}(…)]): only what old code may miss has two halves: Django's "
                    f"{', '.join(ALLOWED)}, and ReplaceField. Write the operation beside the {name}."
                )
        self.operations = list(operations)

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        return type(self).__qualname__, [], {"operations": self.operations}

    @property
    def reversible(self) -> bool:  # type: ignore[override]
        return all(operation.reversible for operation in self.operations)

    def describe(self) -> str:
        return f"{type(self).__name__}: {', '.join(x.describe() for x in self.operations)}"

    @property
    def migration_name_fragment(self) -> str:
        first, *more = (x.migration_name_fragment for x in self.operations)
        return f"{self.half}_{first}{'_and_more' * bool(more)}"

    def references_model(self, name: str, app_label: str) -> bool:
        return any(operation.references_model(name, app_label) for operation in self.operations)

    def references_field(self, model_name: str, name: str, app_label: str) -> bool:
        return any(operation.references_field(model_name, name, app_label) for operation in self.operations)


class Expand(Half):
    """Change the schema so that code from before ``operations`` and code from after them both work, as plain
    operations do with EXPAND_CONTRACT, whatever that setting says. Objects that only old code needs stay until the
    :class:`Contract` of the same operations.

    :param operations: Django's own, as ``makemigrations`` writes them. Another engine runs them as they are.
    :raises ValueError: when one of them cannot leave anything for old code.

    ``Expand([migrations.RemoveField("order", "note")])``
    """

    half = "expand"

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self, app_label: str, schema_editor: AnyEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for part, operation, before, after in self._each(app_label, from_state):
            with self._expanding(schema_editor, operation, part, before):
                operation.database_forwards(app_label, schema_editor, before, after)
            self._rename_content_type(operation, app_label, schema_editor, after, "rename_forward")

    def database_backwards(
        self, app_label: str, schema_editor: AnyEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for part, operation, before, after in reversed(list(self._each(app_label, to_state))):
            self._rename_content_type(operation, app_label, schema_editor, after, "rename_backward")
            with self._expanding(schema_editor, operation, part, before):
                operation.database_backwards(app_label, schema_editor, after, before)

    def _each(self, app_label: str, state: ProjectState) -> Iterator[tuple[int, Operation, ProjectState, ProjectState]]:
        """Yield each place in the list, the operation there, and the states before and after it."""
        for part, operation in enumerate(self.operations):
            after = state.clone()
            operation.state_forwards(app_label, after)
            yield part, operation, state, after
            state = after

    def _expanding(
        self, schema_editor: AnyEditor, operation: Operation, part: int, before: ProjectState
    ) -> AbstractContextManager[None]:
        expanding = getattr(schema_editor, "expanding", None)
        found: AbstractContextManager[None] = expanding(operation, part, before) if expanding else nullcontext()
        return found

    def _rename_content_type(
        self, operation: Operation, app_label: str, schema_editor: AnyEditor, after: ProjectState, code: str
    ) -> None:
        """Rename the content type; Django itself does so only for a RenameModel directly in the list of a migration."""
        is_rename = type(operation).__name__ == "RenameModel" and ("contenttypes", "contenttype") in after.models
        if not is_rename or schema_editor.collect_sql:
            return
        from django.contrib.contenttypes.management import RenameContentType

        rename = RenameContentType(app_label, *(name.lower() for name in _names(operation)))
        once = getattr(schema_editor, "once", None)
        if once is None:
            getattr(rename, code)(after.apps, schema_editor)
        else:
            once(getattr(rename, code), after.apps, None)

    def reduce(self, operation: Operation, app_label: str) -> Any:
        """Reduce this Expand and its Contract to the plain operations."""
        if isinstance(operation, Contract) and _same(self.operations, operation.operations):
            return list(self.operations)
        # Another operation may pass if each operation inside lets it pass.
        found = [inner.reduce(operation, app_label) for inner in self.operations]
        return True if all(x is True for x in found) else super().reduce(operation, app_label)


class Contract(Half):
    """Drop what the :class:`Expand` of the same ``operations`` has left for old code, if no old code is seen any more.
    Otherwise that stays owed, and the next ``migrate`` or ``manage.py contract`` drops it; the migration is recorded
    all the same. The state does not change. Taken back, this operation makes again what old code needs, without the
    values that are gone.

    :param operations: as in the Expand. ``manage.py make_contract`` writes them.

    ``Contract([migrations.RemoveField("order", "note")])``
    """

    half = "contract"

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change nothing: the Expand has changed the state already."""

    def database_forwards(
        self, app_label: str, schema_editor: AnyEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Pay what is owed; with a schema editor of another package nothing is.

        :raises CannotMigrate: when no Expand of the same operation comes before this Contract.
        """
        if hasattr(schema_editor, "pay"):
            others, renames = self._apart
            # Operations that give a table its name back come first: the others work on the table.
            for operation in (*renames, *others):
                schema_editor.pay(self, operation)

    def database_backwards(
        self, app_label: str, schema_editor: AnyEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if hasattr(schema_editor, "expand_again"):
            others, renames = self._apart
            for operation in (*reversed(others), *renames):
                schema_editor.expand_again(self, operation)

    @property
    def _apart(self) -> tuple[list[Operation], list[Operation]]:
        """The operations that leave no view, and those that do."""
        are = [type(operation).__name__ in RENAMES for operation in self.operations]
        found = list(zip(are, self.operations, strict=True))
        return [x for is_rename, x in found if not is_rename], [x for is_rename, x in found if is_rename]


def _names(operation: Any) -> tuple[str, str]:
    return operation.old_name, operation.new_name


def _same(operations: Sequence[Operation], others: Sequence[Operation]) -> bool:
    """Return whether a file would have them written alike."""
    # Imported here: importing a migration does not run it.
    from ..migrate_run.halves import written

    return list(map(written, operations)) == list(map(written, others))
