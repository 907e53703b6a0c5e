from tests.works_with.settings import *  # noqa: F403
from tests.works_with.settings import DATABASES, ENGINE

ORIGINAL_BACKEND = ENGINE
DATABASES["default"]["ENGINE"] = "django_tenants.postgresql_backend"
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
SHARED_APPS = ["django_tenants", "django.contrib.contenttypes", "tests.works_with.tenants.customers"]
TENANT_APPS = ["tests.works_with.shop", "tests.works_with.tenants.notes"]
INSTALLED_APPS = [*SHARED_APPS, *TENANT_APPS]
TENANT_MODEL = "customers.Client"
TENANT_DOMAIN_MODEL = "customers.Domain"
