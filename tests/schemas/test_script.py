"""sqlmigrate's script, run by psql under the same search_path, has the same result."""

from __future__ import annotations

import pytest

from . import runs
from .cases import WHERE
from .situations import IN_SIGHT

#: The script knows no search_path: where the schema is written, it makes no difference.
SCRIPTS = [(situation, case) for situation, case in WHERE if situation is not IN_SIGHT]


@pytest.mark.parametrize(("situation", "case"), SCRIPTS, ids=str)
def test_script_has_the_same_result(situation, case, truth_of, make_database):
    expected = truth_of(case)
    connection = make_database(situation, expected.names)
    others = runs.untouched(connection)
    runs.run_script(connection, case, situation, "apply")
    runs.assert_same(expected.there, runs.found(connection))
    runs.run_script(connection, case, situation, "unapply")
    runs.assert_same(expected.back, runs.found(connection))
    runs.assert_same(others, runs.untouched(connection))
