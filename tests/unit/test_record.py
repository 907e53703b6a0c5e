"""Objects of one kind of statement, setting or finding: named fields that do not change."""

from __future__ import annotations

from typing import ClassVar

import pytest

from django_zero_downtime_migrations.record import Record


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
