"""Our SQL is ASCII: a server whose encoding lacks a character refuses the whole text."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper

import django_zero_downtime_migrations as package
from tests import databases
from tests.backends.sessions import run
from tests.operations.case import Case
from tests.operations.cases import CASES
from tests.operations.runs import connected, make

from .test_overloads import migrate
from .texts import named_texts

pytestmark = pytest.mark.filterwarnings("ignore:'index_together' is deprecated")

TEXTS = named_texts()
FOLDER = Path(package.__file__).parent
MODULES = [str(path.relative_to(FOLDER)) for path in sorted(FOLDER.rglob("*.py"))]
#: Their names need UTF-8, their own SQL a collation of ICU, or they are of one process.
OTHERS = ("tablespace", "names/", "collation", "nondeterministic")
IN_LATIN1 = [case for case in CASES if not any(word in case.name for word in OTHERS)]
WORDS = ("SELECT ", "ALTER TABLE ", "CREATE ", "UPDATE ", "DROP ", "SET LOCAL ", "LOCK TABLE ")


@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_ascii(name: str) -> None:
    assert TEXTS[name].isascii()


@pytest.mark.parametrize("module", MODULES)
def test_texts_that_are_put_together_are_ascii(module: str) -> None:
    """Docstrings name statements as well, and say … of them."""
    tree = ast.parse(FOLDER.joinpath(module).read_text("utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {id(node.body[0].value) for node in ast.walk(tree) if _has_docstring(node, documented)}
    texts = [x for x in ast.walk(tree) if isinstance(x, ast.Constant) and isinstance(x.value, str)]
    sent = [x.value for x in texts if id(x) not in docstrings and any(word in x.value for word in WORDS)]
    assert [text for text in sent if not text.isascii()] == []


def _has_docstring(node: Any, documented: Any) -> bool:
    return isinstance(node, documented) and bool(node.body) and isinstance(node.body[0], ast.Expr)


@pytest.fixture(scope="module", params=["LATIN1", "LATIN9"])
def database_name(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[str]:
    name = f"{request.param.lower()}_{os.getpid()}"
    create = f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{request.param}' LC_COLLATE 'C' LC_CTYPE 'C'"
    with django_db_blocker.unblock(), closing(databases.open_session(autocommit=True)) as session:
        run(session, create)
        yield name
        run(session, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def narrow(database_name: str) -> Iterator[BaseDatabaseWrapper]:
    with connected(settings.ENGINE, database_name, IDEMPOTENT_SQL=True, RAISE_FOR_UNSAFE=False) as connection:
        run(connection, "CREATE SCHEMA own; SET search_path = own")
        yield connection
        run(connection, "DROP SCHEMA IF EXISTS own, other CASCADE")


@pytest.mark.parametrize("case", IN_LATIN1, ids=str)
def test_migrations_run_where_the_encoding_is_narrow(narrow: Any, database_name: str, case: Case) -> None:
    with connected(settings.STOCK_ENGINE, database_name) as stock:
        run(stock, "SET search_path = own")
        make(case, stock)
    assert all(text.isascii() for text in migrate(narrow, case, back=True).values())
