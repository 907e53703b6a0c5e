"""A run of ``migrate`` first drops what earlier runs have left for old code, if nothing speaks for it any more."""

from __future__ import annotations

import sys
from types import FrameType

from django.db import DatabaseError

from ..errors import CannotMigrate, MigrationError
from ..execution.one_migrate.advisory import find_place
from ..execution.one_migrate.one_at_a_time import try_turn
from ..execution.owed.debts import Debts
from ..execution.session.questions import in_transaction
from ..log import logger
from ..printable import printable
from .contraction import Contraction, Looked, told
from .current_migration import recorded_migrations
from .run import MigrateRun


def begin(run: MigrateRun) -> None:
    """Pay the debts that may be paid. The others do not stop the run: they stay, and one line of the log says why.

    The debts are known from what the run has asked at its beginning; without IDEMPOTENT_SQL they are asked for here.
    """
    if run.refusal or run.outer or run.connection.connection is None:
        return
    debts = Debts(run.connection, run.kept)
    run.kept = debts.kept
    run.debts = debts.all()
    if not (run.debts or debts.taken_back()) or any(backwards for _, backwards in run.plan or ()):
        return
    if not (in_transaction(run.connection) or _is_faked()):
        _in_turn(run)


def end(run: MigrateRun) -> None:
    """Look at what the run has left: from now on its quiet time counts. Forget what the run has taken back."""
    if in_transaction(run.connection):
        return
    try:
        contraction = Contraction(run.connection)
        _forget_taken_back(contraction.debts)
        contraction.look([debt for debt in contraction.debts.all() if debt.seen is None])
    except DatabaseError as error:
        logger.warning("What is owed was not looked at: %s", printable(str(error).strip()))


def _forget_taken_back(debts: Debts) -> None:
    if back := debts.taken_back():
        recorded = recorded_migrations(debts.connection)
        debts.remove([debt for debt in back if debt.whose[:2] not in recorded])


def _in_turn(run: MigrateRun) -> None:
    """Pay under a turn, which a run with journals has already."""
    if run.journals is not None:
        _pay(run)
        return
    try:
        turn, holder = try_turn(run.connection, find_place(run.connection, lock=True))
    except CannotMigrate:
        # Behind such a pooler, other sessions cannot be told apart either.
        return
    try:
        if holder is None:
            _pay(run)
    finally:
        turn.release()


def _pay(run: MigrateRun) -> None:
    try:
        contraction = Contraction(run.connection, run.kept)
        _forget_taken_back(contraction.debts)
        looked = contraction.look(run.debts)
    except DatabaseError as error:
        logger.warning("What is owed was not looked at: %s", printable(str(error).strip()))
        return
    for each in looked:
        if not each.reasons:
            _pay_one(run, contraction, each)
    if left := told(looked):
        logger.warning("Owed still, since old code may use it: %s. See manage.py contract --list.", left)


def _pay_one(run: MigrateRun, contraction: Contraction, looked: Looked) -> None:
    debt = looked.debt
    try:
        contraction.pay(looked)
    except (DatabaseError, MigrationError) as error:
        # The migrations of the run do not need this, or are refused for it.
        logger.warning("%s is owed still: %s", debt.id, printable(str(error).strip()))
        return
    run.debts = [x for x in run.debts or () if x != debt]
    logger.warning("%s is paid: %s %s.", debt.id, debt.what, looked.done)


def _is_faked() -> bool:
    """Return whether ``migrate --fake`` runs, which must not change tables: Django's signal does not tell."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        options = frame.f_locals.get("options") if frame.f_code.co_name == "handle" else None
        if isinstance(options, dict) and options.get("fake"):
            return True
        frame = frame.f_back
    return False
