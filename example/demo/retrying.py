"""Try a statement again that gave up waiting for its lock.

The backend makes one attempt so far, bounded by LOCK_TIMEOUT. Where it has the statement in no transaction, the same
statement can be sent once more; this is what the demo does, and counts.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError

LOCK_NOT_AVAILABLE = "55P03"
QUERY_CANCELED = "57014"
LONGEST_SECONDS = 60.0


def gave_up_waiting(error: BaseException) -> bool:
    """Is this the end of a lock_timeout or statement_timeout? psycopg 3 and 2 name the code differently."""
    cause = error.__cause__ or error
    code = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    return isinstance(error, OperationalError) and code in (LOCK_NOT_AVAILABLE, QUERY_CANCELED)


def pause() -> None:
    """Leave the others at least as long as the attempt held them up."""
    time.sleep(random.uniform(0.2, 0.5))


@dataclass
class Retry:
    """An execute wrapper for a Django connection; `given_up` counts the attempts that got no lock in time."""

    given_up: int = 0

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        deadline = time.monotonic() + LONGEST_SECONDS
        while True:
            try:
                return execute(sql, params, many, context)
            except OperationalError as error:
                # A transaction is over by now, and a concurrent build leaves something: sending again is not enough.
                again = gave_up_waiting(error) and not context["connection"].in_atomic_block
                if not again or "CONCURRENTLY" in str(sql) or time.monotonic() > deadline:
                    raise
                self.given_up += 1
                pause()
