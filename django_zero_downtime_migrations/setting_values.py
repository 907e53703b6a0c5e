"""The readers of each setting's value, and the errors for a wrong one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from .acceptances import read_acceptances
from .durations import Duration, read_duration
from .presets import PRESETS
from .record import Row


class Reader(Row):
    """A reader turns the written value into the one that counts; its ValueError says what is wrong."""

    read: Callable[[object], Any]
    accepted: str


def _read_flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"is of type {type(value).__name__}")


def _read_base_backend(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"is of type {type(value).__name__}")
    if not all(part.isidentifier() for part in value.split(".")):
        raise ValueError("is not a dotted module path")
    if value.partition(".")[0] == __package__:
        raise ValueError("is one of the backends that are themselves built on the backend named here")
    return value


def _read_starts(value: object) -> Mapping[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ValueError(f"is of type {type(value).__name__}")
    for label, name in value.items():
        if not (isinstance(label, str) and isinstance(name, str) and label and name):
            raise ValueError(f"has {label!r}: {name!r}, which are not the label of an app and the name of a migration")
    return value


def _read_aliases(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"is of type {type(value).__name__}")
    for alias in value:
        if not (isinstance(alias, str) and alias):
            raise ValueError(f"has {alias!r}, which is not the alias of a database")
    return tuple(dict.fromkeys(value))


_UNITS: Final = {"": 1, "B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}


def _read_size(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            raise ValueError("is negative")
        return value
    if not isinstance(value, str):
        raise ValueError(f"is of type {type(value).__name__}")
    found = re.fullmatch(r"\s*([0-9]+)\s*([A-Za-z]*)\s*", value)
    if found is None or found[2] not in _UNITS:
        raise ValueError("is not a size")
    return int(found[1]) * _UNITS[found[2]]


def _read_batch(value: object) -> Duration:
    read = read_duration(value)
    if not read:
        raise ValueError("is not a time in which rows could be written")
    return read


def _read_part(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"is of type {type(value).__name__}")
    if not 0 <= value <= 1:
        raise ValueError("is not between 0 and 1")
    return float(value)


def _read_load(value: object) -> float:
    read = _read_part(value)
    if not read:
        raise ValueError("leaves no time in which rows could be written")
    return read


def _read_old_code(value: object) -> str:
    if value not in ("present", "absent"):
        raise ValueError("is neither of the two")
    return str(value)


def _read_preset(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"is of type {type(value).__name__}")
    if value not in PRESETS:
        raise ValueError("is not the name of a preset")
    return value


def _read_quiet_time(value: object) -> Duration:
    read = read_duration(value)
    if read is None:
        raise ValueError("is not a time")
    return read


_ANY_DURATION: Final = (
    "'2s', '500ms' or '1.5min' (units us, ms, s, min, h, d), a whole number of milliseconds, a timedelta, "
)
DURATION: Final = Reader(read_duration, _ANY_DURATION + "0 for no limit, or None for the server's value")
WAIT: Final = Reader(read_duration, _ANY_DURATION + "0 to fail at once, or None to wait for as long as it takes")
FLAG: Final = Reader(_read_flag, "True or False")
FLAG_OR_NONE: Final = Reader(
    lambda value: None if value is None else _read_flag(value),
    "True or False, or None for True where the role may keep a journal",
)
STARTS: Final = Reader(
    _read_starts, 'a dict of app labels and migrations, such as {"shop": "0012_order_note"}, or None'
)
SIZE: Final = Reader(_read_size, "'10MB' (units B, kB, MB, GB, TB), or a whole number of bytes")
SIZE_OR_NONE: Final = Reader(
    lambda value: None if value is None else _read_size(value), f"{SIZE.accepted}, or None for no limit"
)
BATCH: Final = Reader(
    _read_batch, "'50ms' (units us, ms, s, min, h, d), a whole number of milliseconds, or a timedelta"
)
LIMIT: Final = Reader(read_duration, _ANY_DURATION + "0 or None for no limit")
PART: Final = Reader(_read_part, "a number from 0 to 1, such as 0.1")
LOAD: Final = Reader(_read_load, "a number above 0, up to 1, such as 0.8")
OLD_CODE: Final = Reader(
    _read_old_code, '"present", or "absent" where no process runs the code from before the migrations'
)
QUIET_TIME: Final = Reader(
    _read_quiet_time,
    "'1h', '30min' or '1.5h' (units us, ms, s, min, h, d), a whole number of milliseconds, a timedelta, or 0",
)
ALIASES: Final = Reader(_read_aliases, 'a list of aliases in DATABASES, such as ["replica"]')
ACCEPT: Final = Reader(
    read_acceptances,
    'a dict of apps, migrations or rules and the reason, such as {"shop.0007_total": "no old code runs"}',
)
PRESET: Final = Reader(_read_preset, f"{' or '.join(map(repr, PRESETS))}, or None for no preset")
BACKEND: Final = Reader(
    _read_base_backend, "a backend's module path, such as 'django_prometheus.db.backends.postgresql'"
)
