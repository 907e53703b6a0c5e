"""The app: it adds system checks, commands, and a look at the whole plan before ``migrate``. The backend works without
it.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks

from .checks import TAG, check_distributions, check_settings
from .database_checks import check_left, check_owed


class ZeroDowntimeMigrationsConfig(AppConfig):
    name = "django_zero_downtime_migrations"
    label = "django_zero_downtime_migrations"
    verbose_name = "Zero-downtime migrations"

    def ready(self) -> None:
        checks.register(check_settings, TAG)
        checks.register(check_distributions, TAG)
        checks.register(check_owed, TAG, checks.Tags.database)
        checks.register(check_left, TAG, checks.Tags.database)
