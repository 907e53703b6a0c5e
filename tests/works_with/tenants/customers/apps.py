from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "tests.works_with.tenants.customers"
    label = "customers"
