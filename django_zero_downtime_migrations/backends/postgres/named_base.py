"""Our classes over the backend that ZERO_DOWNTIME_MIGRATIONS_BASE_BACKEND names."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from .editor_class import EditorClass
from .features import DatabaseFeatures, FeaturesMixin
from .introspection import projecting
from .operations import DatabaseOperations, OperationsMixin

SETTING = "ZERO_DOWNTIME_MIGRATIONS_BASE_BACKEND"


def built_on(path: str, wrapper: Any, stock: type) -> Any:
    """Return our connection class with the named backend's between it and Django's.

    :param path: the backend's module, as in ``ENGINE``.
    :param wrapper: ours.
    :param stock: Django's own, from which the named one has to be derived.
    :raises ImproperlyConfigured: when the backend cannot be found, or cannot be built on.
    """
    base = _named(path, stock)

    def init(self: Any, *args: object, **kwargs: object) -> None:
        super(made, self).__init__(*args, **kwargs)
        # Some backends choose these in their own __init__, whatever the class attributes say.
        if not isinstance(self.features, FeaturesMixin):
            self.features = _both(DatabaseFeatures, type(self.features))(self)
        if not isinstance(self.ops, OperationsMixin):
            self.ops = _both(DatabaseOperations, type(self.ops))(self)
        projecting(self)

    made: type[Any] = type(
        wrapper.__name__,
        (wrapper, base),
        {
            "__init__": init,
            "__module__": wrapper.__module__,
            "SchemaEditorClass": EditorClass(lambda: _editor(wrapper.SchemaEditorClass, base.SchemaEditorClass)),
            **{
                name: _both(getattr(wrapper, name), getattr(base, name))
                for name in ("features_class", "introspection_class", "ops_class", "validation_class")
            },
        },
    )
    return made


def _named(path: str, stock: type) -> Any:
    stated = f"{SETTING} = {path!r}"
    try:
        module = import_module(f"{path}.base")
    except (ImportError, ImproperlyConfigured) as error:
        raise ImproperlyConfigured(f"{stated} cannot be imported: {error}") from error
    base = getattr(module, "DatabaseWrapper", None)
    if not isinstance(base, type):
        raise ImproperlyConfigured(f"{stated} is not a database backend: {path}.base has no class DatabaseWrapper.")
    if hasattr(getattr(base, "SchemaEditorClass", None), "is_ours"):
        raise ImproperlyConfigured(f"{stated} is itself built on ours: make it the ENGINE, and remove the setting.")
    if not issubclass(base, stock):
        wanted = stock.__module__.rpartition(".")[0]
        raise ImproperlyConfigured(f"{stated} is not a PostgreSQL backend that fits: it is not derived from {wanted}.")
    return base


def _editor(ours: type, theirs: type) -> type:
    if issubclass(ours, theirs):
        return ours
    from .schema import DatabaseSchemaEditorMixin

    # These do not go over our own class: it has every template of Django's, which would hide the changed ones.
    return type(ours.__name__, (DatabaseSchemaEditorMixin, theirs), {"__module__": ours.__module__})


def _both(ours: type, theirs: type) -> type:
    if issubclass(ours, theirs):
        return ours
    return type(ours.__name__, (ours, theirs), {"__module__": ours.__module__})
