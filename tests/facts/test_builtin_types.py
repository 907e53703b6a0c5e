"""Type changes judged without a server, against what servers were measured to do (tests/facts/type_changes.json)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from django_zero_downtime_migrations.type_changes import Effect
from django_zero_downtime_migrations.type_changes.builtin import Use, always_known, judge
from django_zero_downtime_migrations.type_changes.column import question
from tests import databases

FACTS = json.loads(Path(__file__).with_name("type_changes.json").read_text(encoding="utf-8"))
TYPES = FACTS["types"]
#: Types of which no btree index can be made.
UNSORTED = ("json", "xml")
SAME_ARRAY = ("text[]", "text[][]", "text[3]")
KNOWN = [name for name in TYPES if always_known(name)]
EFFECTS = {
    "C": Effect.CATALOGUE,
    "S": Effect.SCAN,
    "I": Effect.INDEX_REBUILD,
    "R": Effect.REWRITE,
    "r": Effect.REWRITE,
    "E": Effect.REFUSED,
    # Only PostgreSQL 18 has the casts of these, and it is unknown which server it will be.
    "b": Effect.REWRITE,
    "x": Effect.REFUSED,
}
#: By Use, how it stands in the measurements.
USES = {
    "": (),
    "create index d_i on x (c)": (Use("index", "d_i"),),
    "create index d_i on x (c varchar_pattern_ops)": (Use("index", "d_i", opclass="varchar_pattern_ops"),),
    "create index d_i on x (c text_pattern_ops)": (Use("index", "d_i", opclass="text_pattern_ops"),),
    "create index d_i on x using hash (c)": (Use("index", "d_i", method="hash"),),
    "create index d_i on x using brin (c)": (Use("index", "d_i", method="brin"),),
    "create index d_i on x using gin (c)": (Use("index", "d_i", method="gin"),),
    "create index d_i on x using gist (c)": (Use("index", "d_i", method="gist"),),
    "create index d_i on x using spgist (c)": (Use("index", "d_i", method="spgist"),),
    "create index d_i on x (id) where c is not null": (Use("index", "d_i", key=False, predicate=True),),
    "create index d_i on x (id) include (c)": (Use("index", "d_i", key=False),),
    "alter table x add constraint d_c check (c is not null)": (Use("check", "d_c"),),
}


def measured(source: str) -> Iterator[tuple[str, str]]:
    for target, letter in zip(TYPES, FACTS["pairs"][source], strict=True):
        same = source == target or {source, target} <= set(SAME_ARRAY)
        if not same and "timestamp" not in f"{source} {target}":
            yield target, letter


@pytest.mark.parametrize("source", KNOWN)
def test_known_types_are_judged_as_measured(source: str) -> None:
    expected, actual = {}, {}
    for target, letter in measured(source):
        if target in KNOWN:
            expected[target] = Effect.CATALOGUE if letter == "I" else EFFECTS[letter]
            actual[target] = judge(source, "", (target, None, True), False, ()).effect

    assert actual == expected


@pytest.mark.parametrize("source", KNOWN)
def test_known_types_without_using_are_judged_as_measured(source: str) -> None:
    expected, actual = {}, {}
    for target, letter in measured(source):
        if target in KNOWN and letter != "x":
            plain = {"C": Effect.CATALOGUE, "I": Effect.CATALOGUE, "R": Effect.REWRITE}
            expected[target] = plain.get(letter, Effect.REFUSED)
            actual[target] = judge(source, "", (target, None, False), False, ()).effect

    assert actual == expected


@pytest.mark.parametrize("source", TYPES)
def test_no_type_is_judged_to_be_cheaper_than_it_was_measured(source: str) -> None:
    uses = () if source in UNSORTED else (Use("index", "i"),)
    for target, letter in zip(TYPES, FACTS["pairs"][source], strict=True):
        change = judge(source, "", (target, None, True), False, uses)
        cheapest = Effect.NOTHING if source == target or {source, target} <= set(SAME_ARRAY) else EFFECTS[letter]
        if letter in "CIR" and target not in UNSORTED:
            assert change.effect.value >= cheapest.value, target


@pytest.mark.parametrize("source", [name for name in FACTS["dependents"] if always_known(name)])
def test_dependents_are_judged_as_measured(source: str) -> None:
    expected, actual = {}, {}
    for create, _, targets in FACTS["dependents"][source]:
        for target, letter in targets.items():
            statement, using, _ = target.partition(" using ")
            same = {source, statement} <= {source, *SAME_ARRAY} and source in SAME_ARRAY
            if create in USES and always_known(statement) and not same and "timestamp" not in source:
                expected[create, target] = Effect.NOTHING if statement == source else EFFECTS[letter]
                actual[create, target] = judge(source, "", (statement, None, bool(using)), False, USES[create]).effect

    assert actual == expected


def test_same_type_of_an_extension_is_nothing() -> None:
    assert judge("citext", "", ("CITEXT", None, False), False, ()).effect is Effect.NOTHING


def test_unknown_type_is_taken_to_be_a_rewrite() -> None:
    change = judge("mood", "", ("text", None, True), False, ())

    assert change.effect is Effect.REWRITE
    assert change.because == ("without a database nothing is known of the type mood",)


def test_collation_without_an_index_is_free() -> None:
    assert judge("text", "", ("text", "C", False), False, ()).effect is Effect.CATALOGUE
    assert judge("text", "", ("text", "C", False), False, (Use("index", "i"),)).effect is Effect.INDEX_REBUILD


def test_identity_has_to_stay_an_integer() -> None:
    assert judge("integer", "", ("text", None, True), True, ()).effect is Effect.REFUSED


def test_shipped_table_is_what_the_server_says(server_major: int) -> None:
    shipped = json.loads(question("builtin.json"))
    with closing(databases.open_session()) as session, session.cursor() as cursor:
        cursor.execute(question("builtin.sql"))
        said = json.loads(cursor.fetchone()[0])
    if server_major < 18:
        # Between bytea and the integers; explicit, so that only USING takes them.
        integers = {20, 21, 23}
        new = [x for x in shipped["casts"] if 17 in x[:2] and integers & set(x[:2])]
        assert len(new) == 6
        shipped["casts"] = [x for x in shipped["casts"] if x not in new]
    if server_major < 15:
        # "char" (18) once had the category of the strings, and a path (602) could become a point (600).
        said["types"] = [[*x[:3], "Z", *x[4:]] if x[0] == 18 else x for x in said["types"]]
        said["casts"].remove([602, 600, "f", "e", None])

    assert said == shipped
