"""The migrations that are judged, and the order in which they would run."""

from __future__ import annotations

import difflib
import os
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from django.apps import apps
from django.db.migrations.exceptions import AmbiguityError, CircularDependencyError, NodeNotFoundError
from django.db.migrations.loader import MigrationLoader
from django.db.utils import DatabaseError

from ...django_types import Connection, Migration
from ...errors import CannotJudge
from ...places import file_of
from ...printable import printable
from ...record import Record, Row
from .changes import changed, staged

Key = tuple[str, str]


class Start(Row):
    """The first migration of an app that is judged.

    :param app: the app's label.
    :param migration: its name, or how it begins.
    :param where: the place that states it, for errors.
    """

    app: str
    migration: str
    where: str


class Request(Record):
    """The request, as on the command line.

    :param app: label of the app whose migrations are judged; with ``migration`` only that one.
    :param everything: applied migrations as well.
    :param since: a commit of git; migrations that have changed since.
    :param staged: migrations in git's index.
    :param starts: the first migrations that are judged; of two for one app the later one counts.
    :param exclude: labels of apps, or apps and migrations (``shop.0001_initial``), that are not judged.
    :param third_party: judge every migration, also of installed packages that were not named.
    """

    app: str = ""
    migration: str = ""
    everything: bool = False
    since: str = ""
    staged: bool = False
    starts: tuple[Start, ...] = ()
    exclude: tuple[str, ...] = ()
    third_party: bool = False


class Selection(Row):
    """The selected migrations.

    :param applied: what makes the state from which the plan starts.
    :param plan: migrations in the order in which they run, from the first pending one or from the very first.
    :param judged: the keys of the judged ones; the others only make the state.
    :param pending: they are judged as ``migrate`` would run them, on the database as it is; otherwise each as if all
        before it were applied and in use.
    :param new: judged migrations that come with one deployment, and that the code before it does not have.
    """

    loader: MigrationLoader
    applied: list[Any]
    plan: list[Any]
    judged: frozenset[Key]
    pending: bool
    #: How many migrations of installed packages were left out.
    not_judged: int = 0
    #: How many were excluded by name.
    excluded: int = 0
    new: frozenset[Key] = frozenset()


def select(request: Request, connection: Connection | None) -> Selection:
    """Select the migrations.

    :param connection: None without a database.
    :raises CannotJudge: when a name is unknown or the migrations cannot be loaded.
    """
    loader = load(connection)
    _check_names(request, loader)
    order = list(in_order(loader))
    wanted = {key for key in order if _asked_for(key, request, loader)} - _before_start(request, loader)
    chosen = _changed(request, loader)
    if chosen is not None:
        wanted &= chosen.keys()
    pending = [key for key in order if key not in loader.applied_migrations]
    live = connection is not None and chosen is None and not request.everything
    if live and (not request.migration or wanted <= set(pending)):
        left_out = wanted.intersection(pending) & _excluded(request, loader)
        applied = [loader.graph.nodes[key] for key in order if key in loader.applied_migrations]
        made = _selection(loader, applied, pending, wanted - left_out, live=True)
        return made._replace(excluded=len(left_out))
    excluded = wanted & _excluded(request, loader)
    wanted -= excluded
    left_out = _of_packages(wanted, loader) if chosen is None and not (request.app or request.third_party) else set()
    made = _selection(loader, [], order, wanted - left_out, live=False)
    new = frozenset(key for key in made.judged if (chosen or {}).get(key))
    return made._replace(not_judged=len(left_out), excluded=len(excluded), new=new)


def _excluded(request: Request, loader: MigrationLoader) -> set[Key]:
    """Return what is excluded by name.

    :raises CannotJudge: for a name that does not exist.
    """
    found: set[Key] = set()
    for name in request.exclude:
        app, _, migration = name.partition(".")
        if app not in loader.migrated_apps:
            likely = _likely(app, loader.migrated_apps)
            raise CannotJudge(f"exclude has {name!r}, but {app!r} is not an app with migrations.{likely}")
        found |= {find(loader, app, migration)} if migration else {key for key in loader.graph.nodes if key[0] == app}
    return found


def _of_packages(keys: Iterable[Key], loader: MigrationLoader) -> set[Key]:
    """Return the ones to leave out: most were applied long ago, and cannot be changed here. Pending ones are judged."""
    return {key for key in keys if third_party(loader.graph.nodes[key])}


def _selection(
    loader: MigrationLoader, applied: list[Any], order: list[Key], wanted: set[Key], live: bool
) -> Selection:
    judged = [key for key in order if key in wanted]
    end = order.index(judged[-1]) + 1 if judged else 0
    plan = [loader.graph.nodes[key] for key in order[:end]]
    return Selection(loader, applied, plan, frozenset(judged), live)


def load(connection: Connection | None) -> Any:
    """Load the migrations.

    :raises CannotJudge: as ``migrate`` would fail.
    """
    try:
        loader = MigrationLoader(connection, ignore_no_migrations=True)
        if connection is not None:
            loader.check_consistent_history(connection)
    except DatabaseError as error:
        raise CannotJudge(f"The applied migrations cannot be read: {one_line(error)}") from None
    except (NodeNotFoundError, CircularDependencyError) as error:
        raise CannotJudge(f"The migrations do not fit together: {one_line(error)}") from None
    except Exception as error:  # a migration is a module, whose import may do anything
        raise CannotJudge(f"The migrations cannot be loaded: {_where(error)}") from None
    conflicts = loader.detect_conflicts()
    if conflicts:
        names = "; ".join(f"{', '.join(names)} in {app}" for app, names in sorted(conflicts.items()))
        raise CannotJudge(f"Several migrations are the last one of their app: {names}. Run makemigrations --merge.")
    return loader


def one_line(error: BaseException) -> str:
    return printable(" ".join(str(error).split())) or type(error).__name__


def _where(error: BaseException) -> str:
    """Return the error and the line of the migration, or of what it imports, in which it was raised."""
    what = f"{type(error).__name__}: {one_line(error)}"
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: {what}"
    trace, place = error.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith("<"):
            place = f"{code.co_filename}:{trace.tb_lineno}: "
        trace = trace.tb_next
    return what if f"{os.sep}django{os.sep}" in place else place + what


def in_order(loader: MigrationLoader) -> Iterator[Key]:
    """Yield all migrations, each after the ones that it depends on."""
    seen: set[Key] = set()
    for leaf in sorted(loader.graph.leaf_nodes()):
        for key in loader.graph.forwards_plan(leaf):
            if key not in seen:
                seen.add(key)
                yield key


def _check_names(request: Request, loader: MigrationLoader) -> None:
    if not request.app:
        return
    try:
        apps.get_app_config(request.app)
    except LookupError as error:
        raise CannotJudge(one_line(error)) from None
    if request.app not in loader.migrated_apps:
        raise CannotJudge(f"App {request.app!r} has no migrations.")
    if request.migration:
        find(loader, request.app, request.migration)


def find(loader: MigrationLoader, app: str, prefix: str) -> Key:
    """Return the migration with this name, or the only one with this prefix.

    :raises CannotJudge: when there is not exactly one.
    """
    try:
        migration = loader.get_migration_by_prefix(app, prefix)
    except AmbiguityError:
        raise CannotJudge(f"More than one migration of app {app!r} begins with {prefix!r}: write more of it.") from None
    except KeyError:
        likely = _likely(prefix, (name for label, name in loader.disk_migrations if label == app))
        raise CannotJudge(f"App {app!r} has no migration {prefix!r}.{likely}") from None
    key = migration.app_label, migration.name
    if key not in loader.graph.nodes:
        raise CannotJudge(
            f"Migration {app}.{migration.name} is replaced by a squashed one, or replaces others: judge that."
        )
    return key


def _likely(name: str, known: Iterable[str]) -> str:
    """Return the sentence that names the known name that was probably meant, behind a space; empty if none is close."""
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f" Write {close[0]!r}." if close else ""


def _asked_for(key: Key, request: Request, loader: MigrationLoader) -> bool:
    if request.migration:
        return key == find(loader, request.app, request.migration)
    return not request.app or key[0] == request.app


def _before_start(request: Request, loader: MigrationLoader) -> set[Key]:
    """Return what stands before the first migration that an app wants to be judged."""
    before: set[Key] = set()
    for app, name, where in request.starts:
        if app not in loader.migrated_apps:
            likely = _likely(app, loader.migrated_apps)
            raise CannotJudge(f"{where} has a start for {app!r}, which is not an app with migrations.{likely}")
        start = find(loader, app, name)
        before |= {key for key in loader.graph.forwards_plan(start) if key[0] == app and key != start}
    return before


def _changed(request: Request, loader: MigrationLoader) -> dict[Key, bool] | None:
    """Return the migrations whose files git has as changed, and whether each is new; None if git is not asked.

    A new migration that replaces others makes nothing new.
    """
    if not request.since and not request.staged:
        return None
    found = staged() if request.staged else changed(request.since)
    files = {os.path.realpath(path): is_new for path, is_new in found.items()}
    disk: Iterable[tuple[Key, Any]] = loader.disk_migrations.items()
    paths = {key: (os.path.realpath(file_of(migration)), migration) for key, migration in disk}
    return {key: files[path] and not migration.replaces for key, (path, migration) in paths.items() if path in files}


def third_party(migration: Migration) -> bool:
    """Return whether its file was installed with a package, not written in this project."""
    return _installed(os.path.dirname(file_of(migration)))


@cache
def _installed(folder: str) -> bool:
    folder = os.path.realpath(folder)
    packages = {os.path.realpath(sysconfig.get_path(name)) for name in ("purelib", "platlib", "stdlib")}
    below = any(folder.startswith(package + os.sep) for package in packages)
    return below or bool({"site-packages", "dist-packages"} & set(folder.split(os.sep)))
