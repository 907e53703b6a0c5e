"""`check_migrations --explain RULE`: what a refusal says to type, with neither a network nor a database."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_zero_downtime_migrations.errors import Unsafe
from django_zero_downtime_migrations.management.commands.check_migrations import Command
from tests.docs.test_rules import BY_CODE

CODES = [name for name in vars(Unsafe) if name.isupper()]


def explain(rule: str) -> str:
    """Return what the command prints, with the alias of a database that is not there."""
    out = StringIO()
    call_command(Command(stdout=out), "--explain", rule, "--database", "nowhere")
    return out.getvalue()


def words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize("code", CODES)
def test_each_refusal_has_a_page_with_what_its_rule_says_and_an_example(code: str) -> None:
    page = explain(code)

    assert page.startswith(f"{code}\n\nFound: ")
    assert f"--explain {code}`" in getattr(Unsafe, code)
    for text in (BY_CODE[code].when, BY_CODE[code].effect, BY_CODE[code].instead):
        assert " ".join(words(text)) in " ".join(words(page))
    assert "\n\nUnsafe\n\n" in page and "\n    operations = [\n" in page
    assert "**" not in page and "```" not in page


def test_code_may_be_written_as_the_name_of_its_page() -> None:
    assert explain("drop-column") == explain("DROP_COLUMN")


@pytest.mark.parametrize(("rule", "likely"), [("DROP_COLUM", "write DROP_COLUMN."), ("xyz", ", ".join(sorted(CODES)))])
def test_rule_that_is_none_is_an_error_that_says_what_to_write(rule: str, likely: Any) -> None:
    with pytest.raises(CommandError, match=likely) as refused:
        explain(rule)

    assert refused.value.returncode == 2
