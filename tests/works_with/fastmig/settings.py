from tests.works_with.settings import *  # noqa: F403
from tests.works_with.settings import INSTALLED_APPS

INSTALLED_APPS = ["fastmig", "django_zero_downtime_migrations", *INSTALLED_APPS]
