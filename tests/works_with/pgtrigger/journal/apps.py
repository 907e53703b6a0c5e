from django.apps import AppConfig


class JournalConfig(AppConfig):
    name = "tests.works_with.pgtrigger.journal"
    label = "journal"
