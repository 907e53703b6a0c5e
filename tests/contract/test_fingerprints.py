"""The Django functions that we lean on are the ones that were looked at."""

from __future__ import annotations

import django
import pytest

from tests.contract import fingerprints

MINOR, VERSIONS, ACCEPTED = fingerprints.stored()
CURRENT = fingerprints.current()


def test_this_minor_version_of_django_was_looked_at() -> None:
    installed = fingerprints.minor(django.get_version())
    assert installed == MINOR, f"No fingerprints for Django {installed}, compared with {MINOR}: {fingerprints.ACCEPT}"


@pytest.mark.parametrize("name", sorted(CURRENT.keys() | ACCEPTED.keys()))
def test_fingerprint(name: str) -> None:
    now = CURRENT.get(name, fingerprints.ABSENT)
    accepted = fingerprints.is_accepted(name, CURRENT, ACCEPTED)
    assert accepted, f"{name} is now {now!r}, accepted for {VERSIONS}: {ACCEPTED.get(name)}. {fingerprints.ACCEPT}"
