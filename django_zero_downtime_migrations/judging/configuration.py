"""The options of ``check_migrations`` that a project states once, for people, hooks and CI alike: in Django's settings,
or in the table ``[tool.django_zero_downtime_migrations]`` of pyproject.toml.

An option on the command line counts more than the setting, and the setting more than pyproject.toml.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from ..errors import CannotJudge
from ..findings import Finding, Severity
from ..record import Record
from ..reporting import FAIL_ON
from ..rules import BY_CODE
from ..setting_values import STARTS
from ..stated_settings import OF_CHECK
from .choice.selection import Start

TABLE: Final = "django_zero_downtime_migrations"
#: The strongest first.
ORDER: Final = (Severity.REFUSE, Severity.WARN, Severity.NOTE)
SEVERITIES: Final = {severity.value: severity for severity in Severity}
OFF: Final = "off"

Reader = Callable[[object], object]


class Configuration(Record):
    """The rules as a project has them.

    :param ignore: codes of rules that are not looked for.
    :param severity: by a rule's code, what its findings count as.
    """

    ignore: frozenset[str] = frozenset()
    severity: Mapping[str, Severity] = {}

    def ignores(self, finding: Finding) -> bool:
        return finding.code in self.ignore

    def counted(self, finding: Finding) -> Finding:
        """Return the finding with the severity that the project gives to its rule, unless it is eased already.

        What ``migrate`` refuses stays refused, also by a rule that otherwise warns.
        """
        severity = self.severity.get(finding.code)
        if severity is None or finding.eased:
            return finding
        eases = ORDER.index(severity) > ORDER.index(finding.severity)
        return finding if eases and not BY_CODE[finding.code].only_checked else finding.named(severity=severity)


def completed(given: Mapping[str, Any]) -> tuple[dict[str, Any], Configuration]:
    """Return the options of the command with those that the project states, and the rules as the project has them.

    :param given: the options of the command line; None, False or empty for one that was not given.
    :raises CannotJudge: for a wrong option, naming the place where it stands.
    """
    stated = list(_stated())
    of_command = _Stated("--ignore", {"ignore": list(given.get("ignore") or [])})
    options = dict(given)
    for name, value in {name: value for one in stated for name, value in one.options().items()}.items():
        options[name] = options.get(name) or value
    if given.get("database"):
        options["without_database"] = given["without_database"]
    if given.get("write_baseline"):
        options["baseline"] = given["baseline"]
    options["exclude"] = [*(given.get("exclude") or []), *(name for one in stated for name in one.excluded())]
    options["starts"] = tuple(start for one in stated for start in one.starts())
    rules = {code: severity for one in (*stated, of_command) for code, severity in one.rules().items()}
    return options, Configuration(
        ignore=frozenset(code for code, severity in rules.items() if severity is None),
        severity={code: severity for code, severity in rules.items() if severity is not None},
    )


class _Stated:
    """One place in which options stand.

    :param where: the place, for errors.
    """

    def __init__(self, where: str, values: Mapping[str, object], folder: Path | None = None) -> None:
        self.where = where
        self.values = values
        self.folder = folder
        for name in values:
            if name not in _READERS:
                likely = difflib.get_close_matches(name, _READERS, n=1)
                known = f"Write {likely[0]!r}" if likely else f"The options are {', '.join(_READERS)}"
                raise CannotJudge(f"{where} has {name!r}, which is not an option. {known}.")

    def _read(self, name: str) -> Any:
        try:
            return _READERS[name](self.values[name])
        except ValueError as error:
            raise CannotJudge(f"{name!r} in {self.where} {error}.") from None

    def options(self) -> dict[str, object]:
        """Return the command's options, by their names there."""
        names = [name for name in self.values if name not in ("ignore", "severity", "exclude", "start")]
        return {name.replace("-", "_"): self._placed(self._read(name)) for name in names}

    def _placed(self, value: object) -> object:
        """A path in pyproject.toml begins where the file stands."""
        return self.folder / value if self.folder is not None and isinstance(value, Path) else value

    def excluded(self) -> list[str]:
        found: list[str] = self._read("exclude") if "exclude" in self.values else []
        return found

    def starts(self) -> Iterator[Start]:
        """Yield the first migrations that are judged, each of its app."""
        for app, name in self._read("start").items() if "start" in self.values else ():
            yield Start(app, name, f"'start' in {self.where}")

    def rules(self) -> dict[str, Severity | None]:
        """Return the severities by code; None for a rule that is off."""
        found: dict[str, Severity | None] = {}
        for code in self._read("ignore") if "ignore" in self.values else ():
            found[code] = None
        if "severity" in self.values:
            found |= self._read("severity")
        for code, severity in found.items():
            self._refuse_to_ease(code, severity)
        return found

    def _refuse_to_ease(self, code: str, severity: Severity | None) -> None:
        """Refuse what would let pass here what ``migrate`` refuses or warns of later.

        :raises CannotJudge: for an unknown rule as well.
        """
        if code not in BY_CODE:
            likely = difflib.get_close_matches(code, BY_CODE, n=1)
            more = f"Write {likely[0]}" if likely else "check_migrations --list-rules prints all of them"
            raise CannotJudge(f"{self.where} names the rule {code!r}, which does not exist. {more}.")
        rule = BY_CODE[code]
        if not rule.only_checked and (severity is None or ORDER.index(severity) > ORDER.index(rule.severity)):
            raise CannotJudge(
                f"{self.where} eases {code}, by which migrate goes as well: what passes here would stop there. Accept "
                "its findings instead, with SafetyAssured or ACCEPT, which count in both."
            )


def _stated() -> Iterator[_Stated]:
    """Yield the places in the order in which later ones count more."""
    path = _pyproject()
    if path is not None:
        table = _toml(path)["tool"][TABLE]
        where = f"[tool.{TABLE}] of {path}"
        if not isinstance(table, Mapping):
            raise CannotJudge(f"{where} is not a table.")
        yield _Stated(where, table, path.parent)
    stated = getattr(settings, OF_CHECK, None)
    if stated is not None:
        if not isinstance(stated, Mapping):
            raise CannotJudge(f"The setting {OF_CHECK} is of type {type(stated).__name__}. Write a dict.")
        yield _Stated(f"the setting {OF_CHECK}", {str(key).lower().replace("_", "-"): x for key, x in stated.items()})


def _pyproject() -> Path | None:
    """Return the nearest pyproject.toml with our table, from the current folder upwards."""
    # A file without the word needs no parser, which Python 3.10 does not have.
    files = (folder / "pyproject.toml" for folder in (Path.cwd(), *Path.cwd().parents))
    named = (path for path in files if path.is_file() and TABLE in path.read_text("utf-8", errors="replace"))
    return next((path for path in named if TABLE in _toml(path).get("tool", {})), None)


def _toml(path: Path) -> dict[str, Any]:
    for name in ("tomllib", "tomli"):
        try:
            parser: Any = import_module(name)
        except ImportError:
            continue
        try:
            found: dict[str, Any] = parser.loads(path.read_text("utf-8"))
        except (ValueError, OSError) as error:
            raise CannotJudge(f"{path} cannot be read: {error}.") from None
        return found
    raise CannotJudge(f"{path} has a table for check_migrations. To read it, this Python needs: pip install tomli.")


# How each value is read; a ValueError completes the sentence that begins with the option's name and place.


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"is {value!r}. Write true or false")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"is {value!r}. Write a text")
    return value


def _path(value: object) -> Path:
    return value if isinstance(value, Path) else Path(_text(value))


def _texts(value: object) -> list[str]:
    if isinstance(value, str) or not isinstance(value, (list, tuple, set, frozenset)):
        raise ValueError(f"is {value!r}. Write a list of texts")
    return [_text(each) for each in value]


def _fail_on(value: object) -> list[str]:
    names = [value] if isinstance(value, str) else _texts(value)
    for name in names:
        if name not in FAIL_ON:
            raise ValueError(f"has {name!r}. Write one of {', '.join(FAIL_ON)}, or several in a list")
    return names


def _starts(value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError(f"is {value!r}. Write a table of migrations by their apps' labels")
    found: Mapping[str, str] = STARTS.read(value)
    return found


def _severities(value: object) -> dict[str, Severity | None]:
    if not isinstance(value, Mapping):
        raise ValueError(f"is {value!r}. Write a table of severities by the rules' codes")
    found: dict[str, Severity | None] = {}
    for code, name in value.items():
        if name != OFF and name not in SEVERITIES:
            raise ValueError(f"has {name!r} for {code}. Write {', '.join(SEVERITIES)} or {OFF}")
        found[str(code)] = None if name == OFF else SEVERITIES[str(name)]
    return found


_READERS: Final[Mapping[str, Reader]] = {
    "database": _text,
    "without-database": _flag,
    "strict": _flag,
    "include-third-party": _flag,
    "fail-on": _fail_on,
    "baseline": _path,
    "stats-file": _path,
    "exclude": _texts,
    "start": _starts,
    "ignore": _texts,
    "severity": _severities,
}
#: The names of the options in pyproject.toml.
NAMES: Final = tuple(_READERS)
