"""A foreign key is added without a look at the rows, and then validated while both tables are written to."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.locks import LockMode
from tests.backends.project import Shop
from tests.backends.sessions import run

from .seen import held, scans, strongest

ADD = "ALTER TABLE book ADD CONSTRAINT k FOREIGN KEY (author) REFERENCES author"
VALIDATE = "ALTER TABLE book VALIDATE CONSTRAINT k"
BARE = migrations.AlterField(
    "book", "author", models.ForeignKey("shop.author", models.CASCADE, db_column="author", db_index=False)
)


@pytest.fixture
def session(open_session: Any) -> Any:
    session = open_session()
    run(session, "CREATE TABLE author (id bigint PRIMARY KEY); INSERT INTO author SELECT generate_series(1, 50)")
    run(session, "CREATE TABLE book (author bigint); INSERT INTO book SELECT generate_series(1, 50)")
    session.commit()
    return session


@pytest.fixture
def tables(shop: Shop) -> Shop:
    key = ("id", models.BigAutoField(primary_key=True))
    shop.migrate(
        migrations.CreateModel("author", [key]),
        migrations.CreateModel("book", [key, ("author", models.BigIntegerField())]),
    )
    shop.run("INSERT INTO shop_author SELECT FROM generate_series(1, 50)")
    shop.run("INSERT INTO shop_book (author) SELECT generate_series(1, 50)")
    return shop


def test_not_valid_reads_nothing_and_takes_share_row_exclusive_on_both(session: Any) -> None:
    assert scans(session, "book", f"{ADD} NOT VALID") == 0
    assert strongest(session, "book") is strongest(session, "author") is LockMode.SHARE_ROW_EXCLUSIVE


def test_at_once_it_reads_under_the_same_locks(session: Any) -> None:
    assert scans(session, "book", ADD) > 0
    assert strongest(session, "book") is strongest(session, "author") is LockMode.SHARE_ROW_EXCLUSIVE


def test_writers_of_both_go_on_while_it_is_validated(session: Any, other_session: Any) -> None:
    run(session, f"{ADD} NOT VALID")
    session.commit()
    assert scans(session, "book", VALIDATE) > 0
    run(other_session, "SET lock_timeout = '10ms'")
    run(other_session, "INSERT INTO author VALUES (51); INSERT INTO book VALUES (51)")


def test_the_steps_take_the_locks_of_the_two_statements(tables: Shop, watch: Any) -> None:
    both = {"shop_book", "shop_author"}
    added, validated = ({name.strip('"'): mode for name, mode in locks.items()} for locks in held(watch(BARE)))
    assert added == dict.fromkeys(both, LockMode.SHARE_ROW_EXCLUSIVE)
    assert validated == {"shop_book": LockMode.SHARE_UPDATE_EXCLUSIVE, "shop_author": LockMode.ROW_SHARE}
    assert tables.run("SELECT convalidated FROM pg_constraint WHERE contype = 'f'") == [(True,)]
