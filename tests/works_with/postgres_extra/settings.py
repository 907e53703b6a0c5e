from tests.works_with.settings import *  # noqa: F403
from tests.works_with.settings import DATABASES, ENGINE

POSTGRES_EXTRA_DB_BACKEND_BASE = ENGINE
DATABASES["default"]["ENGINE"] = "psqlextra.backend"
INSTALLED_APPS = [
    "django.contrib.postgres",
    "psqlextra",
    "tests.works_with.shop",
    "tests.works_with.postgres_extra.archive",
]
