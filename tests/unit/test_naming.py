"""Names: cut, chosen, made up for a while, and read from SQL."""

from __future__ import annotations

import pytest

from django_zero_downtime_migrations import naming


def size(name):
    return len(name.encode())


@pytest.mark.parametrize(
    ("name1", "name2", "label", "expected"),
    [
        ("t", "c", "key", "t_c_key"),
        ("t", None, "pkey", "t_pkey"),
        ("t", "", "key", "t__key"),
        ("Shop Order", "E-Mail", "check", "Shop Order_E-Mail_check"),
        ("a" * 63, None, "pkey", "a" * 58 + "_pkey"),
        ("a" * 63, "b", "key", "a" * 57 + "_b_key"),
        ("a", "b" * 63, "key", "a_" + "b" * 57 + "_key"),
        ("a" * 63, "b" * 63, "key", "a" * 29 + "_" + "b" * 29 + "_key"),
        ("a" * 63, "b" * 63, "not_null", "a" * 27 + "_" + "b" * 26 + "_not_null"),
    ],
)
def test_object_name_cuts_the_longer_of_the_two(name1, name2, label, expected):
    assert naming.UTF8.make_object_name(name1, name2, label) == expected


def test_object_name_is_not_cut_inside_a_character():
    # 29 bytes are left for each name: 14 characters of two bytes and half of another.
    assert naming.UTF8.make_object_name("é" * 31, "ü" * 31, "key") == "é" * 14 + "_" + "ü" * 14 + "_key"


def test_first_free_name_is_chosen():
    taken = {"t_c_key", "t_c_key1"}
    assert naming.UTF8.choose("t", "c", "key", taken.__contains__) == "t_c_key2"


def test_number_of_a_chosen_name_takes_its_bytes_from_the_names():
    first = naming.UTF8.choose("a" * 63, "b" * 63, "key", lambda name: False)
    second = naming.UTF8.choose("a" * 63, "b" * 63, "key", {first}.__contains__)
    assert second == "a" * 29 + "_" + "b" * 28 + "_key1"
    assert size(second) == 63


def test_columns_are_joined():
    assert naming.UTF8.columns_part(["a", "b", "c"]) == "a_b_c"


def test_columns_are_joined_up_to_the_one_that_makes_it_too_long():
    assert naming.UTF8.columns_part(["a" * 40, "b" * 40, "c"]) == "a" * 40 + "_" + "b" * 40


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("t", "t"),
        ("a" * 63, "a" * 63),
        ("a" * 64, "a" * 63),
        ("é" * 32, "é" * 31),
        ("x" + "é" * 31, "x" + "é" * 31),
        ("日" * 22, "日" * 21),
        ("😀" * 16, "😀" * 15),
    ],
)
def test_too_long_name_is_cut_between_characters(name, expected):
    assert naming.UTF8.truncate(name) == expected


@pytest.mark.parametrize("name", ["t", "a" * 200, "日" * 63, 'quo"te', ""])
def test_temporary_name_fits(name):
    made = naming.UTF8.temporary(name, "proof")
    assert size(made) <= 63
    assert made.endswith("_zdm_proof")


def test_temporary_name_begins_as_the_name_does():
    assert naming.UTF8.temporary("shop_order_email", "proof").startswith("shop_order_email_")


def test_temporary_name_is_the_same_each_time():
    # Written down, because a later version must find what this one left.
    assert naming.UTF8.temporary("t_c_key", "new") == "t_c_key_f001925f_zdm_new"


def test_temporary_names_of_long_names_that_begin_alike_differ():
    assert naming.UTF8.temporary("a" * 60 + "x", "proof") != naming.UTF8.temporary("a" * 60 + "y", "proof")


def test_temporary_names_of_two_purposes_differ():
    assert naming.UTF8.temporary("t", "proof") != naming.UTF8.temporary("t", "new")


@pytest.mark.parametrize("purpose", ["", "Proof", "a b", 'a"', "a" * 21])
def test_purpose_that_is_no_plain_short_word_is_refused(purpose):
    with pytest.raises(ValueError, match="purpose"):
        naming.UTF8.temporary("t", purpose)


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ('"a"', "a"),
        ('"a""b"', 'a"b'),
        ('"A b"', "A b"),
        ('"a.b"', "a.b"),
        ('""""', '"'),
        ("a", "a"),
        ("Ab_1$", "ab_1$"),
        ("ÉA", "Éa"),
        (" t ", "t"),
    ],
)
def test_identifier_is_read_as_the_name_that_it_stands_for(sql, name):
    assert naming.unquote(sql) == name


@pytest.mark.parametrize(
    ("sql", "parts"),
    [
        ('"s"."t"', ("s", "t")),
        ("S.T", ("s", "t")),
        ('s."T"', ("s", "T")),
        ('"s" . "t"', ("s", "t")),
        ('"d"."s"."t"', ("d", "s", "t")),
        ('"a""."".b"."c"', ('a".".b', "c")),
    ],
)
def test_qualified_identifier_is_split(sql, parts):
    assert naming.split_identifier(sql) == parts


@pytest.mark.parametrize("sql", ["", '"', '""', '"a', 'a"', '"a"b"', "a.", ".a", "a..b", "1a", "a b", "a-b", "$a"])
def test_what_is_no_identifier_is_refused(sql):
    with pytest.raises(ValueError, match="not a name in SQL"):
        naming.split_identifier(sql)


def test_qualified_identifier_is_not_one_name():
    with pytest.raises(ValueError, match="2 parts"):
        naming.unquote('"s"."t"')


@pytest.mark.parametrize("name", ["c", "by_zdm_new", "ein größerer Name", "x" * 30])
def test_the_lasting_name_is_that_without_what_a_temporary_one_adds(name: str) -> None:
    names = naming.UTF8
    assert names.lasting(names.temporary(name, "new")) == name
    assert names.lasting(name) == name


@pytest.mark.parametrize("name", ["c_00000000_zdm_new", "c_zdm_new", naming.UTF8.temporary("x" * 63, "new")])
def test_a_name_that_is_not_made_so_or_was_cut_for_it_is_the_lasting_one(name: str) -> None:
    assert naming.UTF8.lasting(name) == name
