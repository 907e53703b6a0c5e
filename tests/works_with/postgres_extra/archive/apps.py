from django.apps import AppConfig


class ArchiveConfig(AppConfig):
    name = "tests.works_with.postgres_extra.archive"
    label = "archive"
