from tests.works_with.settings import *  # noqa: F403

ZERO_DOWNTIME_MIGRATIONS_BASE_BACKEND = "django_prometheus.db.backends.postgresql"
