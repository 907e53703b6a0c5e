"""The app: it brings system checks, commands, and a look at the whole plan before ``migrate``. The backend works
without it.
"""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db.models.signals import pre_migrate

from .checks import TAG, check_distributions, check_settings


class ZeroDowntimeMigrationsConfig(AppConfig):
    name = "django_zero_downtime_migrations"
    label = "django_zero_downtime_migrations"
    verbose_name = "Zero-downtime migrations"

    def ready(self) -> None:
        checks.register(check_settings, TAG)
        checks.register(check_distributions, TAG)
        pre_migrate.connect(_judge, dispatch_uid="django_zero_downtime_migrations.judge")


def _judge(**kwargs: Any) -> None:
    # The backend needs a psycopg, which a project that only looks at its settings may lack.
    from .backends.postgres.whole_plan import judge_before_migrate

    judge_before_migrate(**kwargs)
