"""Objects of one kind of statement, setting or finding: named fields that do not change."""

from __future__ import annotations

import copy
import pickle
from typing import Any, ClassVar, NamedTuple

import pytest

from django_zero_downtime_migrations.record import Record, Row


class Place(Record):
    kind: ClassVar[str] = "place"
    name: str
    floor: int = 0


class Room(Place):
    door: str


def test_fields_of_the_base_come_with_it():
    room = Room(name="hall", door="left")
    assert (room.name, room.floor, room.door) == ("hall", 0, "left")


def test_missing_field():
    with pytest.raises(TypeError, match="Room: missing or unknown door"):
        Room(name="hall")


def test_unknown_field():
    with pytest.raises(TypeError, match="Place: missing or unknown colour"):
        Place(name="hall", colour="red")


def test_class_variable_is_no_field():
    with pytest.raises(TypeError, match="Place: missing or unknown kind"):
        Place(name="hall", kind="other")


def test_cannot_be_changed():
    with pytest.raises(AttributeError, match="Place cannot be changed: name"):
        Place(name="hall").name = "attic"


def test_copy_with_another_field():
    hall = Place(name="hall", floor=1)
    assert hall.named(name="attic") == Place(name="attic", floor=1)
    assert hall.name == "hall"


def test_equal_when_class_and_fields_are():
    assert Place(name="hall") == Place(name="hall", floor=0)
    assert hash(Place(name="hall")) == hash(Place(name="hall", floor=0))
    assert Place(name="hall") != Place(name="hall", floor=1)
    assert Place(name="hall") != Room(name="hall", door="left")


def test_shown_with_its_fields():
    assert repr(Place(name="hall")) == "Place(name='hall')"


class Step(Row):
    """One of a stair."""

    name: str
    height: int = 20
    tread: str | None = None

    @property
    def is_high(self) -> bool:
        return self.height > 18


class Stock(NamedTuple):
    name: str
    height: int = 20
    tread: str | None = None


GIVEN: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("a",), {}),
    (("a", 1, "oak"), {}),
    (("a",), {"tread": "oak"}),
    ((), {"tread": "oak", "name": "a"}),
    ((), {}),
    (("a", 1, "oak", 2), {}),
    (("a",), {"name": "b"}),
    (("a",), {"colour": "red"}),
]


def outcome(kind: Any, positional: tuple[Any, ...], named: dict[str, Any]) -> Any:
    try:
        made = kind(*positional, **named)
    except TypeError:
        return TypeError
    name, height, tread = made
    return name, height, tread, repr(made).partition("(")[2], made._asdict(), made._replace(height=3), hash(made)


@pytest.mark.parametrize(("positional", "named"), GIVEN)
def test_a_row_is_a_named_tuple(positional: tuple[Any, ...], named: dict[str, Any]):
    assert outcome(Step, positional, named) == outcome(Stock, positional, named)


def test_a_row_knows_its_fields():
    assert (Step._fields, Step._field_defaults) == (Stock._fields, Stock._field_defaults)
    with pytest.raises(ValueError, match="colour"):
        Step("a")._replace(colour="red")  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        Step("a").height = 3  # type: ignore[misc]
    assert Step("a").is_high


def test_a_row_is_copied_and_pickled_as_its_class():
    step = Step("a", tread="oak")
    for twin in (copy.copy(step), copy.deepcopy(step), pickle.loads(pickle.dumps(step))):
        assert (type(twin), twin) == (Step, step)


def test_a_row_is_matched_by_its_fields():
    match Step("a", 1):
        case Step(name, height, tread=None):
            assert (name, height) == ("a", 1)
        case _:
            raise AssertionError


def test_a_row_has_all_methods_of_a_named_tuple():
    """mypy takes it for one, so nothing else would notice a method that is missing."""
    methods = {name for name in set(dir(Stock)) - set(dir(tuple)) if not name.startswith("__")}
    assert methods <= set(dir(Step))
    assert Step._make(["a", 1, None]) == Stock._make(["a", 1, None])
