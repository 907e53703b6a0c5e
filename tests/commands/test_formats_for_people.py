"""The output of check_migrations that test reports and comments show: JUnit's XML, and Markdown."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from junitparser import Failure, JUnitXml, Skipped, TestSuite
from markdown_it import MarkdownIt

from django_zero_downtime_migrations.findings import Severity
from django_zero_downtime_migrations.reporting import Options, Report, render
from django_zero_downtime_migrations.reporting.markdown import LIMIT
from tests.commands.reports import EMPTY, FULL, MESSAGE, at, entry

NAMES = tuple(f"shop.{name}" for name in ("0002_pages", "0003_fill", "0004_note", "0009_quiet"))
JUDGED = FULL.named(judged=NAMES)
ODD = "a < b & c > d \x1b[31m \"e\" 'f' `g` | *h* <script>@team</script> ``` \ud800"


def suite(report: Report, **options: Any) -> TestSuite:
    text = render("junit", report, Options(**options))
    (found,) = JUnitXml.fromstring(text.encode())
    return found


def results(report: Report, **options: Any) -> dict[str, list[type]]:
    found: dict[str, list[type]] = {}
    for case in suite(report, **options):
        found.setdefault(f"{case.classname}.{case.name}", []).extend(type(result) for result in case.result)
    return found


def html(report: Report, **options: Any) -> str:
    """Return what a code host makes of the text, with HTML in it as GitHub and GitLab allow it."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    made: str = markdown.render(render("markdown", report, Options(**options)))
    return made


def test_junit_has_a_case_for_each_finding_and_for_each_migration_without_one() -> None:
    found = results(JUDGED)

    assert found["shop.0002_pages: ADD_COLUMN_NOT_NULL"] == [Failure, Failure]
    assert found["shop.0005_more: ADD_COLUMN_NOT_NULL"] == []
    assert found["shop.0003_fill: UNANALYSED"] == [Skipped]
    assert found["shop.0009_quiet"] == []
    assert "shop.0003_fill" not in found


@pytest.mark.parametrize(
    ("failing", "unanalysed", "failures"),
    [
        ((Severity.REFUSE,), False, 2),
        ((Severity.REFUSE, Severity.WARN), False, 3),
        (tuple(Severity), False, 4),
        (tuple(Severity), True, 5),
    ],
)
def test_junit_fails_where_the_check_fails(failing: tuple[Severity, ...], unanalysed: bool, failures: int) -> None:
    found = suite(JUDGED, failing=failing, unanalysed_fails=unanalysed)

    assert found.failures == sum(Failure in [type(x) for x in case.result] for case in found) == failures
    assert found.tests == len(list(found)) == 8
    assert found.skipped == (0 if unanalysed else 1)


def test_junit_failure_says_what_where_and_what_to_write_instead() -> None:
    case = next(iter(suite(JUDGED)))
    (failure,) = case.result

    assert (failure.type, failure.message) == ("ADD_COLUMN_NOT_NULL", MESSAGE)
    assert failure.text.endswith("\ndb_default=0")
    assert (case._elem.get("file"), case._elem.get("line")) == ("shop/migrations/0002_pages.py", "7")


def test_junit_of_nothing() -> None:
    assert list(suite(EMPTY)) == []


def test_junit_has_no_character_that_xml_cannot_have() -> None:
    report = Report(entries=(entry(message=ODD, location=at(ODD)),))
    (case,) = ElementTree.fromstring(render("junit", report).encode()).iter("testcase")
    expected = ODD.replace("\x1b", "\ufffd").replace("\ud800", "\ufffd")

    assert case.get("file") == expected
    assert case.find("failure").get("message") == expected  # type: ignore[union-attr]


def test_markdown_has_the_verdict_first() -> None:
    assert "<strong>Not to be deployed like this.</strong> 7 migrations judged: 2 refused" in html(FULL)
    assert "<strong>Nothing stops this deployment.</strong> 2 migrations judged: 0 refused" in html(EMPTY)


def test_markdown_counts_as_the_check_does() -> None:
    report = Report(entries=(entry(severity=Severity.WARN),), migrations=1)

    assert "Nothing stops" in html(report)
    assert "Not to be deployed" in html(report, failing=(Severity.REFUSE, Severity.WARN))


def test_markdown_has_a_row_and_the_sql_for_each_finding() -> None:
    text = html(FULL)

    assert text.count("<tr>") == 1 + 5
    assert "<td><code>shop/migrations/0002_pages.py:7</code></td>" in text
    assert "about 1,234,567 rows, 300 MB" in text
    assert '<pre><code class="language-sql">ALTER TABLE &quot;shop_book&quot;' in text
    assert '<pre><code class="language-python">db_default=0' in text
    assert "python manage.py check_migrations --explain ADD_COLUMN_NOT_NULL" in text
    assert "RunPython (shop.0003_fill): it runs Python" in text


def test_markdown_leaves_out_the_baseline_and_shows_what_was_accepted() -> None:
    text = render("markdown", FULL)

    assert "0008_old" not in text
    assert "Accepted: Nothing writes it yet." in text


def test_markdown_of_odd_text_has_no_mark_up_of_it() -> None:
    odd = entry(message=ODD, location=at("a|b`c.py"), example="```\nx", assured="")
    text = html(Report(entries=(odd,)))

    assert "<script" not in text and "@team" not in text and "<em>" not in text
    assert text.count("<tr>") == 2 and text.count("<td>") == 4
    assert '<pre><code class="language-python">```\nx\n</code></pre>' in text
    assert text.count("<details>") == text.count("</details>") == 1


def test_markdown_is_as_long_as_a_comment_may_be() -> None:
    report = Report(entries=tuple(entry(example="x = 1\n" * 50) for _ in range(300)))
    text = render("markdown", report)

    assert len(text) <= LIMIT
    assert text.count("<details>") == text.count("</details>") > 20
    assert text.rstrip().endswith("prints all of it.")
