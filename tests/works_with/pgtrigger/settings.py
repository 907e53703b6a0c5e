from tests.works_with.settings import *  # noqa: F403

INSTALLED_APPS = ["pgtrigger", "tests.works_with.pgtrigger.journal"]
