"""States of the project in which a model becomes a class only when it is asked for.

Django renders every model of a project and, after each operation, all models again that are related to a changed one:
most of the time that a thousand migrations take. An operation looks at one model, at the tables and keys that its
relations point to, and sometimes at the models that point to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.migrations.state import ModelState, ProjectState, StateApps

from ..django_types import MigrationLoader
from ..operation_facts import Reach
from .rendering import KEPT, Key, Renderer, models_that_point_to


class Models(dict[Key, ModelState]):
    """The model states of a project. Copies share them until one of the copies is asked for one by its key, which is
    how Django begins to change it.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self._own: set[Key] = set()

    def __getitem__(self, key: Key) -> ModelState:
        state = super().__getitem__(key)
        if key not in self._own:
            state = state.clone()
            self[key] = state
        # Classes made of the model are not valid any more.
        state.__dict__.pop(KEPT, None)
        return state

    def __setitem__(self, key: Key, state: ModelState) -> None:
        super().__setitem__(key, state)
        self._own.add(key)

    def copied(self) -> Models:
        self._own = set()
        return Models(self)


class JudgedState(ProjectState):
    """The state of a project.

    :ivar reach: what the running operation may look at.
    """

    def __init__(self, models: Models | None = None, real_apps: set[str] | None = None) -> None:
        super().__init__(None, real_apps)
        self.models = Models() if models is None else models
        self.reach = Reach.MODEL
        self.renderer = Renderer()

    @property
    def apps(self) -> Any:
        """The registry. Django updates it if it is an attribute; as a property it is made on each access."""
        if self.reach is Reach.EVERYTHING:
            return self._everything()
        return LazyApps(self, self.reach is Reach.NEIGHBOURS)

    def _everything(self) -> StateApps:
        states = dict(self.models)
        known: Any = self.__dict__.get("_rendered")
        if known is None or known[0].keys() != states.keys() or any(known[0][key] is not states[key] for key in states):
            real_apps: Any = self.real_apps
            known = self.__dict__["_rendered"] = (states, StateApps(real_apps, states))
        rendered: StateApps = known[1]
        return rendered

    def clone(self) -> JudgedState:
        models: Any = self.models
        made = JudgedState(models.copied(), self.real_apps)
        made.renderer = self.renderer
        return made

    # These two change models without asking for them by key.

    def rename_model(self, app_label: str, old_name: str, new_name: str) -> None:
        for key in [(app_label, old_name.lower()), *models_that_point_to(self.models, (app_label, old_name.lower()))]:
            self._take(key, relations=True)
        super().rename_model(app_label, old_name, new_name)

    def rename_field(self, app_label: str, model_name: str, old_name: str, new_name: str) -> None:
        key = (app_label, model_name.lower())
        for other in [key, *models_that_point_to(self.models, key)]:
            self._take(other, relations=True)
        super().rename_field(app_label, model_name, old_name, new_name)

    def _take(self, key: Key, relations: bool) -> None:
        """Make a model this state's own, its relations included."""
        if key in self.models:
            state = self.models[key]
            for name, field in state.fields.items():
                if relations and (field.is_relation or getattr(field, "field_names", None)):
                    state.fields[name] = field.clone()


class LazyApps:
    """A registry that makes a model a class when it is asked for."""

    def __init__(self, state: JudgedState, neighbours: bool) -> None:
        self._state = state
        self._neighbours = neighbours

    def get_model(self, app_label: str, model_name: str | None = None, require_ready: bool = True) -> Any:
        if model_name is None:
            app_label, model_name = app_label.split(".")
        state = self._state
        made = state.renderer.model(state, (app_label, model_name.lower()), self._neighbours)
        # If it cannot be made alone, Django knows how to make it, or says why not.
        return made if made is not None else state._everything().get_model(app_label, model_name)

    def get_models(self, include_auto_created: bool = False, include_swapped: bool = False) -> Iterator[Any]:
        return iter(self._state._everything().get_models(include_auto_created, include_swapped))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._state._everything(), name)


def first_state(loader: MigrationLoader) -> JudgedState:
    """Return the state before every migration: it has only the apps without migrations."""
    return JudgedState(real_apps=set(loader.unmigrated_apps))


def applied_state(executor: Any) -> JudgedState:
    """Return the project as far as its migrations have been applied: Django would render all of its models.

    :param executor: a ``MigrationExecutor``.
    """
    loader = executor.loader
    state = first_state(loader)
    for migration, _ in executor.migration_plan(loader.graph.leaf_nodes(), clean_start=True):
        if (migration.app_label, migration.name) in loader.applied_migrations:
            migration.mutate_state(state, preserve=False)
    return state
