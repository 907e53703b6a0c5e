"""The start of a run of ``migrate``: it takes its turn, and finds what earlier runs have left."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ..django_types import Connection, Steps
from ..errors import CannotMigrate
from ..execution.kept import ANY, Kept, kept
from ..execution.one_migrate.advisory import Place, find_place, records_question, unlock
from ..execution.one_migrate.one_at_a_time import take_turn
from ..execution.one_migrate.turn import NoTurn, Turn
from ..execution.session.questions import ask, ask_together
from ..log import logger
from ..record import Row
from ..search_path import refuse_hostile_search_path
from ..settings import MigrationSettings
from .current_migration import recorded_migrations
from .journals import Journals
from .new_database import ANY_TABLE

if TYPE_CHECKING:
    from ..execution.journal.store import Store


class Prepared(Row):
    """The start of a run.

    :param journals: None if it keeps none.
    :param refusal: the error that stops it at its first editor: ``--fake`` has none.
    :param at_once: that editor is Django's, to make the table of records, and an error there becomes another one.
    :param is_new_database: None if that was not asked.
    :param kept: what earlier runs have left, if it was asked.
    """

    journals: Journals | None = None
    refusal: CannotMigrate | None = None
    is_new_database: bool | None = None
    at_once: bool = False
    kept: Kept | None = None


class _Known(Row):
    """The answers from the round trip of the turn.

    :param recorded: the recorded migrations, by app and name.
    """

    is_new_database: bool
    kept: Kept
    recorded: set[tuple[str, str]]


def prepare(
    connection: Connection, settings: MigrationSettings, plan: Steps | None, under_way: Collection[tuple[str, str]]
) -> Prepared:
    """Get a run its turn and its journals.

    :param plan: Django's own list; what another run has done meanwhile is taken out of it.
    :param under_way: the migrations, by app and name, whose code has begun this run.
    :raises CannotMigrate: when another run is at work for longer than MIGRATE_LOCK_TIMEOUT.
    """
    if not plan:
        return Prepared(kept=_clear(connection, settings))
    place = find_place(connection, lock=True)
    return _prepare(connection, settings, plan, under_way, place)._replace(at_once=place.records is None)


def _prepare(
    connection: Connection,
    settings: MigrationSettings,
    plan: Steps,
    under_way: Collection[tuple[str, str]],
    place: Place,
) -> Prepared:
    try:
        refuse_hostile_search_path(connection, place.path)
    except CannotMigrate as error:
        if place.locked:
            ask(connection, unlock(place))
        return Prepared(refusal=error)
    try:
        turn, known = _take_turn(connection, settings, place)
    except NoTurn as error:
        if settings.idempotent_sql:
            raise
        left = Kept(connection)
        return _without_journals(connection, settings, error.reason, left)._replace(kept=left)
    try:
        if not known.is_new_database and (why := _store(connection, known.kept).why_not()):
            turn.release()
            found = _without_journals(connection, settings, why, known.kept)
            return found._replace(is_new_database=False, kept=known.kept)
        journals = Journals(connection, plan, turn, known.kept, known.is_new_database, under_way)
        journals.begin(known.recorded)
    except CannotMigrate as error:
        turn.release()
        return Prepared(refusal=error, is_new_database=known.is_new_database)
    except BaseException:
        turn.release()
        raise
    return Prepared(journals, None, known.is_new_database, kept=known.kept)


def _take_turn(connection: Connection, settings: MigrationSettings, place: Place) -> tuple[Turn, _Known]:
    """Take the turn, and ask in the same round trip for all that has to be known."""
    # If nothing is recorded, most likely the database is empty.
    questions = [ANY_TABLE, ANY if place.records is None else kept(), *filter(None, [records_question(place)])]
    turn = take_turn(connection, settings.migrate_lock_timeout, settings.show_blocking_queries, place, questions)
    try:
        [(any_table,)], left, *records = turn.answers or ask_together(connection, questions)
        if place.records is not None:
            known = Kept(connection, left)
        else:
            [(any_kept,)] = left
            known = Kept(connection, is_empty=not any_kept)
        if records or not any_table:
            recorded = {(app, name) for rows in records for app, name in rows}
        else:
            recorded = recorded_migrations(connection)
    except BaseException:
        turn.release()
        raise
    return turn, _Known(not any_table, known, recorded)


def _store(connection: Connection, left: Kept) -> Store:
    # Imported here: on a new database most migrations have nothing to write down.
    from ..execution.journal.store import Store

    return Store(connection, left)


def _without_journals(connection: Connection, settings: MigrationSettings, why: str, left: Kept) -> Prepared:
    """Begin a run without journals.

    :param left: the remains of an interrupted run: they are not ignored, or its work would be done once more.
    """
    if settings.idempotent_sql:
        return Prepared(refusal=CannotMigrate(f"{why} Nothing was changed."))
    if not _store(connection, left).is_empty:
        return Prepared(refusal=CannotMigrate(f"{why} An earlier run has left a journal there. Nothing was changed."))
    logger.warning("When this migrate is interrupted, the next one will not go on where it stopped. %s", why)
    return Prepared()


def _clear(connection: Connection, settings: MigrationSettings) -> Kept:
    """Remove what an earlier run has not come to remove, in a run with nothing to do. Return the types looked at."""
    left = Kept(connection)
    if _store(connection, left).is_empty:
        return left
    turn = take_turn(connection, settings.migrate_lock_timeout, settings.show_blocking_queries)
    try:
        Journals(connection, [], turn, Kept(connection)).begin(recorded_migrations(connection))
    except CannotMigrate as error:
        logger.warning("%s", error)
    finally:
        turn.release()
    return left
