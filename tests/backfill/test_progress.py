"""The messages of a backfill while it runs: how far it is, and what it waits for, once, with its end."""

from __future__ import annotations

import logging
import os
import pty
import re
from typing import Any

import pytest

from django_zero_downtime_migrations.execution.batches import backfill_progress
from django_zero_downtime_migrations.execution.batches.batches import Batches
from tests.backends.project import Shop, Site
from tests.backends.sessions import PATIENCE, Beside, run, wait_until
from tests.execution.test_progress import read

from .conftest import ROWS
from .test_operation import CENTS
from .test_others import ONCE, SHORT

pytestmark = pytest.mark.slow


def test_the_log_has_pages_rows_speed_time_and_wal(orders: Shop, caplog: Any, monkeypatch: Any) -> None:
    caplog.set_level(logging.INFO, "django_zero_downtime_migrations")
    monkeypatch.setattr(backfill_progress, "LOG_EVERY_SECONDS", 0)
    Batches(orders.connection, SHORT, ONCE).run()
    said = [message for message in caplog.messages if " of WAL by the whole server meanwhile" in message]
    assert len(said) > 1
    form = r"shop_order: (\d+) % of \d+ pages, (\d+) rows changed, \d+ rows/s, about \d+ s left, [\d.]+ \w+ of WAL"
    shares = [(int(found[1]), int(found[2])) for found in map(re.compile(form).match, said) if found]
    assert shares == sorted(shares)
    assert 0 < shares[0][0] < 100


def test_a_terminal_has_one_line_that_goes_again(project: Site, observer: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("TERM", "xterm")
    project.settings["ZERO_DOWNTIME_MIGRATIONS_BACKFILL_BATCH_TIME"] = "1ms"
    project.settings["ZERO_DOWNTIME_MIGRATIONS_BACKFILL_LOAD"] = 0.05
    run(observer, ROWS)
    project.add(CENTS)
    terminal, end = pty.openpty()
    process = project.start("migrate", "--no-color", stdin=end, stdout=end, stderr=end)
    os.close(end)
    shown = ""
    while chunk := read(terminal):
        shown += chunk
    os.close(terminal)
    assert process.wait(PATIENCE) == 0
    before, _, after = shown.partition("\x1bD")
    assert before.endswith("Applying shop.0002_step...")
    line, _, rest = after.rpartition("\r\x1b[K\x1b8")
    assert "\n" not in line
    assert re.search(r'"?shop_order"?: \d+ % of \d+ pages, \d+ rows changed, \d+ rows/s', line)
    assert rest.strip() == "OK"


def test_the_end_of_a_wait_for_rows_is_said(orders: Shop, other_session: Any, observer: Any, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, "django_zero_downtime_migrations")
    run(other_session, "SELECT FROM shop_order WHERE id = 3 FOR UPDATE")
    with Beside(lambda: Batches(orders.connection, SHORT.named(lock_timeout=50), ONCE).run()) as work:
        left = "SELECT count(*) FROM shop_order WHERE note <> 'done'"
        wait_until(lambda: run(observer, left) == [(1,)], "all other rows are changed", work)
        other_session.rollback()
        work.result()
    assert caplog.text.count("no row is locked by others any more") == 1
