from __future__ import annotations

import pytest
from django.db import migrations, models
from django.db.models.functions import Now, Random

from django_zero_downtime_migrations.locks import LockMode
from tests.operations import features

from .verbs import assert_finding, assert_safe

NAMES = ('"new"', '"shop_book"')


class Domain(models.Field):
    """A field of a type that the database has."""

    def __init__(self, domain, **options):
        super().__init__(**options)
        self.domain = domain

    def deconstruct(self):
        name, path, args, options = super().deconstruct()
        return name, path, args, options | {"domain": self.domain}

    def db_type(self, connection):
        return self.domain


def added(field):
    return migrations.AddField("book", "new", field)


def test_domain_with_a_condition(books):
    books.run("CREATE DOMAIN positive AS integer CHECK (value > 0)")
    found = assert_finding(books, "ADD_COLUMN_REWRITE", added(Domain("positive", null=True)), names=NAMES)
    assert (found.origin.app, found.origin.model, found.origin.field) == ("shop", "book", "new")
    assert found.lock is LockMode.ACCESS_EXCLUSIVE


def test_domain_without_a_condition(books):
    books.run("CREATE DOMAIN number AS integer")
    assert_safe(books, added(Domain("number", null=True)))


def test_type_of_the_server(books):
    assert_safe(books, added(Domain("point", null=True)))


if features.db_default:

    def test_volatile_default(books):
        assert_finding(books, "ADD_COLUMN_REWRITE", added(models.FloatField(db_default=Random())), names=NAMES)

    @pytest.mark.parametrize(
        "field",
        [models.IntegerField(db_default=7), models.DateTimeField(db_default=Now())],
        ids=["constant", "stable"],
    )
    def test_default_that_is_the_same_for_every_row(books, field):
        assert_safe(books, added(field))


def test_identity(shop):
    shop.migrate(migrations.CreateModel("tag", [("name", models.CharField(max_length=9, primary_key=True))]))
    shop.migrate(migrations.AlterField("tag", "name", models.CharField(max_length=9)))
    shop.run("INSERT INTO shop_tag VALUES ('a'), ('b')")
    number = migrations.AddField("tag", "id", models.BigAutoField(primary_key=True))
    assert_finding(shop, "ADD_COLUMN_REWRITE", number, names=('"id"', '"shop_tag"'))
