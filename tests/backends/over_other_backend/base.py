"""Ours over that backend, as ZERO_DOWNTIME_MIGRATIONS_BASE_BACKEND makes it."""

from __future__ import annotations

from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper

from django_zero_downtime_migrations.backends.postgres import base
from django_zero_downtime_migrations.backends.postgres.named_base import built_on

DatabaseWrapper = built_on("tests.backends.other_backend", base.DatabaseWrapper, PostgresWrapper)
