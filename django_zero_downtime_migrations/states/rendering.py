"""One model of a state as a class, with stubs in place of the models that it points to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.apps import apps as real_apps
from django.apps.registry import Apps
from django.conf import settings
from django.db import models
from django.db.migrations.state import AppConfigStub, ModelState
from django.db.models.fields.related import RECURSIVE_RELATIONSHIP_CONSTANT

from ..django_types import ProjectState

Key = tuple[str, str]
KEPT = "_judged"


class CannotRender(Exception):
    """The model cannot be made from itself and its keys alone."""


class SingleModelApps(Apps):
    """The registry of one rendered model."""

    def __init__(self) -> None:
        super().__init__([])

    def register_model(self, app_label: str, model: Any) -> None:
        self.all_models[app_label][model._meta.model_name] = model
        self.do_pending_operations(model)

    def get_app_config(self, app_label: str) -> Any:
        stub = AppConfigStub(app_label)
        stub.apps = self
        stub.models = self.all_models[app_label]
        return stub

    def get_model(self, app_label: str, model_name: str | None = None, require_ready: bool = True) -> Any:
        if model_name is None:
            app_label, model_name = app_label.split(".")
        try:
            return self.all_models[app_label][model_name.lower()]
        except KeyError:
            raise LookupError(f"{app_label}.{model_name} is not rendered") from None

    def get_models(self, include_auto_created: bool = False, include_swapped: bool = False) -> Any:
        every = [model for of_app in list(self.all_models.values()) for model in of_app.values()]
        return [model for model in every if include_auto_created or not model._meta.auto_created]

    def clear_cache(self) -> None:
        pass


def relations(state: ModelState) -> Iterator[tuple[Any, Key]]:
    """Yield the relation fields of a model and the models that they point to, directly or by a table between."""
    for field in state.fields.values():
        if field.is_relation and field.remote_field is not None:
            yield field, _key(field.remote_field.model, state)
            through = getattr(field.remote_field, "through", None)
            if through is not None:
                yield field, _key(through, state)


def _key(target: Any, state: ModelState) -> Key:
    if not isinstance(target, str):
        return target._meta.app_label, target._meta.model_name
    if target == RECURSIVE_RELATIONSHIP_CONSTANT:
        return state.app_label, state.name_lower
    label, _, name = target.rpartition(".")
    return label or state.app_label, name.lower()


def models_that_point_to(states: Mapping[Key, ModelState], key: Key) -> list[Key]:
    return [other for other, state in states.items() if other != key and key in targets(state)]


def targets(state: ModelState) -> frozenset[Key]:
    known = kept(state)
    if "targets" not in known:
        known["targets"] = frozenset(key for _, key in relations(state))
    found: frozenset[Key] = known["targets"]
    return found


def kept(state: ModelState) -> dict[str, Any]:
    """Return what was found out about a model state: valid until :class:`states.Models` hands it out for a change."""
    known: dict[str, Any] = state.__dict__.setdefault(KEPT, {})
    return known


class Renderer:
    """The maker of model classes. It keeps them: most operations change one model, and the others stay as they were."""

    def __init__(self) -> None:
        self._stubs: dict[tuple[Any, ...], tuple[list[Any], Any]] = {}

    def model(self, state: ProjectState, key: Key, neighbours: bool) -> Any | None:
        """Return the class; None if the model does not exist, or cannot be made alone."""
        found = _peek(state.models, key)
        if found is None:
            return None
        try:
            return self._neighbours(state, key) if neighbours else self._alone(state, found)
        except CannotRender:
            return None

    def _alone(self, state: ProjectState, found: ModelState) -> Any:
        stubs = self._stubs_for(state, found)
        wanted = tuple(map(id, stubs))
        known = kept(found)
        made = known.get("class")
        if made is None or made[0] != wanted:
            made = known["class"] = (wanted, _render(found, _registry(stubs)), stubs)
        return made[1]

    def _neighbours(self, state: ProjectState, key: Key) -> Any:
        full = [key, *models_that_point_to(state.models, key)]
        found = [_peek(state.models, each) for each in full]
        stubs = [stub for each in found for stub in self._stubs_for(state, each)]
        few = _registry(stub for stub in stubs if (stub._meta.app_label, stub._meta.model_name) not in full)
        made: list[Any] = [_render(each, few) for each in found if each is not None]
        return made[0]

    def _stubs_for(self, state: ProjectState, found: ModelState | None) -> list[Any]:
        assert found is not None
        wanted: dict[Key, set[str]] = {}
        for field, target in relations(found):
            if target != (found.app_label, found.name_lower):
                named = getattr(field.remote_field, "field_name", None)
                wanted.setdefault(target, set()).update(
                    [*(name for name in getattr(field, "to_fields", None) or () if name), *([named] if named else [])]
                )
        return [self._stub(state, target, names) for target, names in wanted.items()]

    def _stub(self, state: ProjectState, key: Key, names: Iterable[str]) -> Any:
        """Return a class with the table and the keys of a model."""
        found = _peek(state.models, key) or _real(state, key)
        if found is None or found.options.get("proxy") or _is_swapped(found):
            raise CannotRender
        fields = {name: field for name, field in found.fields.items() if field.primary_key or name in names}
        if not any(field.primary_key for field in fields.values()):
            raise CannotRender
        below = [self._stub(state, target, ()) for target in _pointed(fields, found) if target != key]
        table = found.options.get("db_table")
        wanted = (key, found.name, table, *map(id, fields.values()), *map(id, below))
        if wanted not in self._stubs:
            few = _registry(below)
            options = {"db_table": table} if table else {}
            made = ModelState(found.app_label, found.name, list(fields.items()), options).render(few)
            # The fields are kept, so that their addresses are not reused for others.
            self._stubs[wanted] = ([*fields.values(), *below], made)
        return self._stubs[wanted][1]


def _is_swapped(found: ModelState) -> bool:
    """Return whether a setting such as AUTH_USER_MODEL names another model in its place."""
    swappable = found.options.get("swappable")
    if not swappable:
        return False
    return str(getattr(settings, swappable, "")).lower() != f"{found.app_label}.{found.name_lower}"


def _pointed(fields: Mapping[str, Any], found: ModelState) -> Iterator[Key]:
    for field in fields.values():
        if field.is_relation and field.remote_field is not None:
            yield _key(field.remote_field.model, found)


def _peek(states: Any, key: Key) -> ModelState | None:
    """Return a model state without making it the asker's own."""
    found: ModelState | None = states.get(key)
    return found


def _real(state: ProjectState, key: Key) -> ModelState | None:
    """Return a model of an app without migrations."""
    if key[0] not in state.real_apps:
        return None
    try:
        return ModelState.from_model(real_apps.get_model(*key), exclude_rels=True)
    except LookupError:
        return None


def _registry(stubs: Iterable[Any]) -> SingleModelApps:
    few = SingleModelApps()
    for stub in stubs:
        few.all_models[stub._meta.app_label][stub._meta.model_name] = stub
    return few


def _render(found: ModelState, few: SingleModelApps) -> Any:
    bases: Any = found.bases
    for base in bases:
        if isinstance(base, str):
            label, name = base.split(".")
            if name not in few.all_models[label]:
                raise CannotRender
        elif issubclass(base, models.Model) and base is not models.Model and not base._meta.abstract:
            raise CannotRender
    return found.render(few)
