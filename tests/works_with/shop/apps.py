from django.apps import AppConfig


class ShopConfig(AppConfig):
    name = "tests.works_with.shop"
    label = "shop"
