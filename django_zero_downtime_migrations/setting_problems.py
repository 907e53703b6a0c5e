"""The problems of a project's settings, in words."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from django.conf import settings

from .setting_values import Reader
from .stated_settings import (
    ALL,
    FLAT_NAMES,
    GONE,
    OF_CHECK,
    OF_DATABASE,
    PER_DATABASE,
    PREFIX,
    Kind,
    Problem,
    Stated,
    Wrong,
    accepted_once,
    database,
    everything,
    no_effect,
    place,
    without_effect,
)

_LOOKS_OURS: Final = re.compile("ZERO_?DOWN_?TIME(_|$)")
_ANY_PREFIX: Final = re.compile("ZERO_?DOWN_?TIME_(MIGRATIONS?_)?")


def problems(alias: str) -> list[Problem]:
    """Return everything wrong with the settings that concern this database, the flat ones included."""
    found = [*_unknownflat(), *_unknown_of_database(alias)]
    try:
        stated = everything(alias)
        for one in stated:
            found += _wrong_value(one)
        found += [no_effect(one) for one in without_effect(stated)]
        accepted_once()
    except Wrong as error:
        found.append(error.problem)
    return found


def _wrong_value(stated: Stated) -> list[Problem]:
    try:
        stated.read()
    except Wrong as error:
        return [error.problem]
    return []


def _unknownflat() -> Iterator[Problem]:
    for name in dir(settings):
        if name == PER_DATABASE:
            hint = f"Write it as DATABASES[alias][{PER_DATABASE!r}], or each setting as {PREFIX}<NAME>."
            if isinstance(value := getattr(settings, name), str):
                hint = f"Write DATABASES[alias][{PER_DATABASE!r}] = {value!r}, or {PREFIX}PRESET = {value!r} for all."
            yield Problem(Kind.NAME, f"The setting {name} is not read", hint)
        elif _LOOKS_OURS.match(name) and name not in (*FLAT_NAMES, OF_CHECK):
            yield unknown(f"The setting {name}", name, ALL, lambda likely: f"{PREFIX}{likely}")


def _unknown_of_database(alias: str) -> Iterator[Problem]:
    for key in database(alias):
        if key != PER_DATABASE and _LOOKS_OURS.match(str(key).upper()):
            yield _unknown_beside(alias, str(key))
    own = database(alias).get(PER_DATABASE)
    for key in own if isinstance(own, Mapping) else ():
        if key == "BASE_BACKEND":
            hint = f"Write {PREFIX}{key}: one backend is read for all databases, when the module is imported."
            yield Problem(Kind.NAME, f"{place(alias, key)} is not read", hint)
        elif key not in OF_DATABASE:
            yield unknown(place(alias, key), str(key), OF_DATABASE, lambda likely: f'"{likely}"')


def _unknown_beside(alias: str, key: str) -> Problem:
    likely = _likely(key, OF_DATABASE)
    inside = f'{{"{likely}": …}}' if likely else "{…}"
    return Problem(Kind.NAME, f"DATABASES[{alias!r}][{key!r}] is not read", f'Write "{PER_DATABASE}": {inside}.')


def unknown(where: str, name: str, known: Mapping[str, Reader], spell: Callable[[str], str]) -> Problem:
    bare_name = _ANY_PREFIX.sub("", name.upper())
    if bare_name in GONE:
        return Problem(Kind.GONE, f"{where} is a setting of an earlier version", f"Remove it: {GONE[bare_name]}.")
    likely = _likely(name, known)
    hint = f"Write {spell(likely)}." if likely else f"The names are {', '.join(map(spell, known))}."
    return Problem(Kind.NAME, f"{where} is not a setting that we know", hint)


def _likely(name: str, known: Mapping[str, Reader]) -> str:
    return next(iter(difflib.get_close_matches(_ANY_PREFIX.sub("", name.upper()), known, n=1)), "")
