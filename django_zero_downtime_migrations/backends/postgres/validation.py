"""The checks of our settings, for a project that has our engine but not our app."""

from __future__ import annotations

from django.apps import apps
from django.core.checks import CheckMessage
from django.db.backends.base.validation import BaseDatabaseValidation


class DatabaseValidation(BaseDatabaseValidation):
    """The check of one connection's settings, unless the app makes it already.

    In Django 4.2 to 6.1 the check that calls this is tagged ``database``: ``migrate`` runs it for the database that
    it migrates, the test runner for its databases, ``manage.py check`` only with ``--database`` (in 6.1 also with
    ``--tag database``). Where the app is installed, the app's own check runs in all these cases and this one is
    silent; a run limited to the ``database`` tag then does not show our messages.

    To keep the checks of another backend, name its validation class as a second base.
    """

    def check(self, **kwargs: object) -> list[CheckMessage]:
        found = super().check(**kwargs)
        if apps.ready and apps.is_installed("django_zero_downtime_migrations"):
            return found
        # Imported here: most processes of a project check nothing.
        from ...checks import check_database, check_distributions

        return [*found, *check_distributions(), *check_database(self.connection.alias)]
