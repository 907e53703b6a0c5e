"""One act of an intruder at one point of a run, and the end of the run."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.conf import settings

from tests import databases
from tests.backends.sessions import Beside, run

from .acts import PRINTED, Act, When
from .copies import Outcome, copies_of, copy_of, outcome
from .intruder import ADMIN, OWNER, ROLES, Place, clean, hand_over, texts
from .points import Point, chosen
from .project import Faults, Run
from .recovery import difference
from .scenarios.scenario import Scenario
from .templates import migrate, succeeded, template

_WAITS = "SELECT 1 FROM pg_stat_activity WHERE usename = %s AND datname = %s AND wait_event_type = 'Lock'"
#: Empty copies, on which definitions are compared, do not count.
_STATEMENT = re.compile(r"(?:^|;)\s*(?:CREATE|ALTER|DROP|COMMENT|INSERT|UPDATE|DELETE|LOCK|DO)\b(?!.*\bpg_temp\b)")
#: The most points of a scenario: each of them has every act.
MOST = 8
NOTHING = "No migrations to apply"
#: Seconds for which a run may wait outside the queue for a lock, when the wait is invisible.
A_WHILE = 0.5


class Wrong(Exception):
    """The run did not end as it has to."""


@dataclass
class Found:
    """The tried intrusions.

    :ivar finished: runs that went on.
    :ivar refused: runs that went on when it was mended.
    """

    tried: int = 0
    finished: int = 0
    refused: int = 0
    denied: int = 0
    failures: list[str] = field(default_factory=list)


class Intrusions:
    """The set of all intrusions in one scenario."""

    def __init__(self, scenario: Scenario, faults: Faults, acts: Sequence[Act]) -> None:
        self.scenario = scenario
        self.faults = faults
        self.acts = acts
        self.found = Found()
        self.migrate = partial(migrate, faults, user=ROLES[OWNER])
        self._as_stock: dict[str, tuple[Outcome, int]] = {}

    def everywhere(self) -> Found:
        with template(self.scenario, self.faults) as database:
            hand_over(database)
            self._learn(database)
            points = chosen(self.sent, self.scenario.name)
            for point in points[:: -(-len(points) // MOST)]:
                self._at(database, point)
        return self.found

    def _learn(self, database: str) -> None:
        """Learn what a run sends, and what stock Django makes of it."""
        with copy_of(database) as name:
            whole = succeeded(self.migrate(self.scenario, name))
            self.sent = whole.sent
        with copy_of(database) as name:
            succeeded(self.migrate(self.scenario, name, engine=settings.STOCK_ENGINE))
            clean(name)
            self.expected = outcome(name, self.scenario.case.random)

    def expected_after(self, act: Act) -> tuple[Outcome, int]:
        """Return what stock Django makes if an act was done before, and how often it has called another role's
        function; its result without the act if it cannot.
        """
        if str(act) not in self._as_stock:
            with copy_of(self._database) as name, closing(Place(name, self.scenario, self.sent)) as place:
                targets = place.targets(act.sql)
                place.all(act.who, act.sql, targets)
                if act.repaired:
                    place.all(act.by, act.mend, targets)
                run = self.migrate(self.scenario, name, engine=settings.STOCK_ENGINE)
                heard = place.heard
                place.all(ADMIN, act.undo, targets)
                place.close()
                clean(name)
                made = self.expected if run.status else outcome(name, self.scenario.case.random)
                self._as_stock[str(act)] = made, heard
        return self._as_stock[str(act)]

    def _at(self, database: str, point: Point) -> None:
        """Try every act that comes before, on copies; acts that come after, on copies of the first run's remains."""
        self._database = database
        before = [act for act in self.acts if act.when is When.BEFORE]
        denied = [act for act in self.acts if act.denied]
        later = [act for act in self.acts if act not in before and not act.denied]
        for act, name in zip(before, copies_of(database, len(before)), strict=True):
            self._try(act, name, point)
        with copy_of(database) as interrupted:
            if not self.migrate(self.scenario, interrupted, **point._asdict()).happened:
                return
            for act in denied:
                self._try(act, interrupted, point)
            for act, name in zip(later, copies_of(interrupted, len(later)), strict=True):
                self._try(act, name, point)

    def _try(self, act: Act, name: str, point: Point) -> None:
        one = Intrusion(self, act, name, point)
        try:
            end = one.end()
        except (Wrong, AssertionError, databases.driver.Error) as error:
            self.found.tried += 1
            sql = self.sent[point.at - 1]
            self.found.failures.append(
                f"{act}; {point.how} {point.when} {point.at}: {sql[:200]}\n{type(error).__name__}: {error}"
            )
            return
        finally:
            one.place.close()
        if end:
            self.found.tried += 1
            setattr(self.found, end, getattr(self.found, end) + 1)


class Intrusion:
    """One intrusion."""

    def __init__(self, all: Intrusions, act: Act, name: str, point: Point) -> None:
        self.all = all
        self.act = act
        self.point = point
        self.place = Place(name, all.scenario, all.sent)
        self.targets: list[dict[str, str]] = []

    def end(self) -> str:
        """Return ``finished``, ``refused`` or ``denied``; empty if the act has no occasion.

        :raises Wrong: when the end is another one.
        """
        self.targets = self.place.targets(self.act.sql + self.act.hold)
        if not self.targets:
            return ""
        if self.act.denied:
            self._is_denied()
            return "denied"
        if self.act.when is When.BEFORE:
            self._do()
            first = self._migrate(**self.point._asdict())
            if not first.happened:
                # The run was refused, or took another way, which does not reach the point.
                return self._judged(first)
        elif self.act.when is When.BETWEEN:
            self._do()
        second = self._beside() if self.act.hold else self._migrate()
        changed = [sql for sql in second.sent if _STATEMENT.search(sql)]
        if second.status and not self.act.late and changed:
            raise Wrong(f"refused, and not before the first statement ({changed}): {second.said[-2000:]}")
        return self._judged(second)

    def _judged(self, run: Run) -> str:
        return self._mended(run) if run.status else self._finished(run)

    # The act

    def _is_denied(self) -> None:
        for text in texts(self.act.sql, self.targets):
            try:
                self.place.run(self.act.who, text)
            except databases.driver.Error as error:
                if not re.search(self.act.denied, str(error)):
                    raise Wrong(f"denied with other words: {error}") from error
            else:
                raise Wrong("the server lets it")

    def _do(self) -> None:
        for text in texts(self.act.sql, self.targets):
            try:
                self.place.run(self.act.who, text)
            except databases.driver.Error as error:
                if not self.act.too_late or self.act.too_late not in str(error):
                    raise

    def _migrate(self, **more: Any) -> Run:
        work = Beside(partial(self._run, **more))
        work.thread.start()
        return work.result()

    def _run(self, **more: Any) -> Run:
        scenario = self.all.scenario
        if self.act.settings:
            scenario = scenario._replace(settings={**scenario.settings, **self.act.settings})
        return self.all.migrate(scenario, self.place.name, **more)

    def _beside(self) -> Run:
        role = ROLES.get(self.act.who, "")
        with closing(databases.open_session(self.place.name, role=role)) as holding:
            for target in self.targets:
                run(holding, self.act.hold.format(**target))
            with Beside(self._run) as work:
                if self.act.when is When.WAITS:
                    self._wait(work)
                    if self.act.sql:
                        self._do()
                    holding.rollback()
                return work.result()

    def _wait(self, work: Beside[Run]) -> None:
        """Wait until the run waits. Outside the queue this cannot be seen: then wait for a while."""
        deadline = time.monotonic() + A_WHILE
        while work.thread.is_alive() and time.monotonic() < deadline:
            if self.place.ask(_WAITS, ROLES[OWNER], self.place.name):
                return
            time.sleep(0.01)

    # Its end

    def _mended(self, run: Run) -> str:
        """Follow the way out in the words of a refused run, which then has to end as expected."""
        act = self.act
        if not run.refused:
            raise Wrong(f"a traceback: {run.said[-3000:]}")
        if not act.refused:
            raise Wrong(f"was refused: {run.refused}")
        for target in self.targets[:1]:
            if not re.search(act.refused.format(**target), run.refused):
                raise Wrong(f"refused in other words: {run.refused}")
        if act.mend == PRINTED:
            for sql in re.findall(PRINTED, run.refused):
                self.place.run(act.by, sql)
        else:
            self.place.all(act.by, act.mend, self.targets)
        again = self._migrate()
        if again.status:
            raise Wrong(f"refused again: {again.said[-3000:]}\nwas refused: {run.refused}")
        self._is_as_stock(again, mended=True)
        return "refused"

    def _finished(self, run: Run) -> str:
        if self.act.always and NOTHING not in run.said:
            raise Wrong(f"went on: {run.said}")
        self._is_as_stock(run)
        return "finished"

    def _is_as_stock(self, run: Run, mended: bool = False) -> None:
        if run.left:
            raise Wrong(f"left in the session: {run.left}")
        expected, allowed = self.all.expected, 0
        if self.act.as_stock or (self.act.repaired and mended):
            expected, allowed = self.all.expected_after(self.act)
        if self.place.heard > allowed:
            raise Wrong(f"something of {self.act.who} was run with the rights of the owner")
        if "{journal}" in self.act.sql:
            self._has_nothing_to_do()
        self.place.all(ADMIN, self.act.undo, self.targets)
        self.place.close()
        clean(self.place.name)
        # Temporary objects have ended with their session: the journal made of them is gone too.
        self._has_nothing_to_do()
        found = outcome(self.place.name, self.all.scenario.case.random)
        if found != expected and not (self.act.warned and self.act.warned in run.said):
            raise Wrong(f"{difference(expected, found)}\n{run.said[-1500:]}")

    def _has_nothing_to_do(self) -> None:
        third = self._migrate()
        if third.status or NOTHING not in third.said:
            raise Wrong(f"not finished: {third.said[-2000:]}")
