from tests.works_with.settings import *  # noqa: F403
from tests.works_with.settings import DATABASES

ZERO_DOWNTIME_MIGRATIONS_BASE_BACKEND = "django_db_geventpool.backends.postgresql_psycopg3"
# The package's own words of how to use it.
DATABASES["default"] |= {"ATOMIC_REQUESTS": False, "CONN_MAX_AGE": 0}
DATABASES["default"]["OPTIONS"] |= {"MAX_CONNS": 4, "REUSE_CONNS": 2}
