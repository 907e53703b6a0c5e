from tests.works_with.settings import *  # noqa: F403
from tests.works_with.settings import DATABASES

DATABASES["default"]["OPTIONS"] |= {"pool": {"min_size": 1, "max_size": 4}}
