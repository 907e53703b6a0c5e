from django.apps import AppConfig


class NotesConfig(AppConfig):
    name = "tests.works_with.tenants.notes"
    label = "notes"
