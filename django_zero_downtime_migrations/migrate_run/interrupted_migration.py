"""The remains of a migration's interrupted run, read beside the migration as it is now."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from ..django_types import Migration
from ..errors import CannotMigrate
from ..execution.journal.agreement import Agreement
from ..execution.journal.store import Done, Entry, Identity
from ..execution.journal.stored_steps import read_steps
from ..execution.journal.whole_operations import numbers
from ..execution.undo import joined
from ..log import logger
from ..planning.kinds import Batches
from .resumed_migration import END
from .run_python_once import own_sql


def last_operation(entry: Entry) -> int:
    """Return how many operations an interrupted run has carried out, or begun."""
    keys = [key for key in (*entry.complete, entry.call) if key]
    # Of operations that are complete as a whole the last one counts.
    places = [str(whole[-1]) if (whole := numbers(key)) else key.partition(".")[0] for key in keys]
    if any(place.startswith(END) for place in places):
        return len(entry.identity.code)
    return max((int(x) + 1 for x in places if x.isdigit()), default=0)


def changed_operations(entry: Entry, identity: Identity) -> list[str]:
    """Return the numbers, from 1, of operations that were carried out or begun, and have changed since."""
    before, now = entry.identity.code, identity.code
    last = last_operation(entry)
    return [str(number + 1) for number in range(last) if before[number : number + 1] != now[number : number + 1]]


def asked_about(entry: Entry, migration: Migration) -> tuple[list[Done], dict[str, list[str]], list[str]]:
    """Return what an interrupted run has done, the user's own SQL by the key of its call, and what may have been sent
    then.
    """
    doubt: list[str] = []
    calls = [done for part in entry.log for done in part]
    operations = list(reversed(migration.operations)) if entry.identity.backwards else migration.operations
    texts = {done.key: _own_sql(operations, done.key) for done in calls if not done.queries}
    if entry.call:
        steps = read_steps(entry.steps, entry.identity)
        sent = [query.sql for step in steps[: entry.done] if not isinstance(step, Batches) for query in step.queries]
        calls.append(Done(entry.call, tuple(sent)))
        # A step that stands alone is not marked before the next step in a transaction.
        doubt = [step.sql for step in takewhile(lambda step: step.stands_alone, steps[entry.done :])]
    return calls, texts, doubt


def _own_sql(operations: Sequence[Any], key: str) -> list[str]:
    number = key.partition(".")[0]
    whole = numbers(key) or (range(int(number), int(number) + 1) if number.isdigit() else range(0))
    return [sql for operation in operations[whole.start : whole.stop] for sql in own_sql(operation)]


def in_the_way(entry: Entry, forget: str) -> CannotMigrate:
    return CannotMigrate(
        f"{entry.identity} was interrupted at {entry.since}, and is not part of this run: what it has done so far "
        f"would be in the way. {ways_on(entry, forget)} Nothing was changed."
    )


def ways_on(entry: Entry, forget: str) -> str:
    """Say how to finish, or to forget, a migration that is not part of a run; its file may be gone.

    :param forget: the SQL with which the interrupted run is forgotten.
    """
    app, name, backwards, _ = entry.identity
    way = f"repeat the migrate {app} that was interrupted" if backwards else f"migrate {app} {name}"
    return (
        f"Finish it first: {way}. Or, if it is given up, take back by hand what it has done, and forget it: {forget}."
    )


def warn_of_record(entry: Entry) -> None:
    """Warn that the migration is recorded: any role that may write into the table of records can record it as done."""
    last = last_operation(entry)
    steps = read_steps(entry.steps, entry.identity)[entry.done :] if entry.call else ()
    # A step that stands alone may be done without a mark.
    if last < len(entry.identity.code) or any(not step.stands_alone for step in steps):
        logger.warning(
            "%s is recorded, and its journal says that it was interrupted at %s in operation %d of %d: another client "
            "has recorded it. Look at what it has not done (%s); the journal is forgotten.",
            entry.identity,
            entry.since,
            last,
            len(entry.identity.code),
            joined(steps) or "what comes after that",
        )


def refuse_changed(entry: Entry, identity: Identity, forget: str) -> None:
    """Refuse a changed migration.

    :param forget: the SQL that forgets the interrupted run.
    :raises CannotMigrate: when an operation has changed that was carried out, or begun.
    """
    changed = changed_operations(entry, identity)
    if not changed:
        return
    steps = read_steps(entry.steps, entry.identity) if entry.call else ()
    rest = joined(steps[entry.done :]) if entry.call else "none of them is half done"
    raise CannotMigrate(
        f"{identity} was interrupted at {entry.since}. Its operations had been carried out, or begun, up to number "
        f"{last_operation(entry)}, and have been changed since ({', '.join(changed)}). Put them back as they were "
        f"and migrate again. Or finish by hand what had been begun ({rest}), and forget the interrupted run: "
        f"{forget}. Nothing was changed."
    )


def disagreement(entry: Entry, found: Agreement, forget: str) -> CannotMigrate:
    """Return the error for a catalogue that has only a part of what the journal says was done, or something else.

    :param forget: as in :func:`refuse_changed`.
    """
    differences = "\n".join(f"- {x}" for x in found.disagreements)
    return CannotMigrate(
        f"{entry.identity} was interrupted at {entry.since}, and what it had done has been changed by hand since:\n"
        f"{differences}\n"
        "Nothing was changed by this run. Make it again as it was and migrate again: then it goes on from there. "
        f"Or forget what the interrupted run has done ({forget}) and migrate again: then the "
        "migration begins from its start, and what is there already is compared by its definition (a table with "
        "IDEMPOTENT_SQL: True only)."
    )
