"""``check_migrations``: find what would block traffic or break the running code, before it is migrated."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.management.color import supports_color
from django.db.utils import Error

from ...reporting import FAIL_ON, FORMATS, render

CANNOT_JUDGE = 2


class Command(BaseCommand):
    help = (
        "Judges migrations that have not been applied, with the plan that migrate would run. Exit status: 0 clean, 1 "
        "findings, 2 could not judge."
    )
    requires_system_checks: Any = []  # noqa: RUF012 (the name and type are Django's)

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("app", nargs="?", default="", help="Judge the migrations of this app only.")
        add("migration", nargs="?", default="", help="Judge this migration only, also if it is applied.")
        add("--database", help="Alias of the database; by default CHECK_MIGRATIONS where there is one, else default.")
        add("--format", choices=list(FORMATS), default="text", help="What is printed. Default: text.")
        add("--output", metavar="FILE", help="Write there instead of to the standard output.")
        add(
            "--fail-on",
            choices=FAIL_ON,
            action="append",
            help="Exit with 1 for this severity or a higher one (default: refuse); unanalysed: also for operations of "
            "which it is not known what they do. It may be given twice.",
        )
        add("--list-rules", action="store_true", help="Print all rules, as the project has them, and judge nothing.")
        add("--explain", metavar="RULE", help="Print the page of a rule, such as DROP_COLUMN, and judge nothing.")
        self._add_choice(parser)
        self._add_files(parser)

    def _add_choice(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--ignore", metavar="RULE", action="append", help="Do not look for what this rule finds, here alone.")
        add("--exclude", metavar="APP[.NAME]", action="append", help="Leave out an app's migrations, or one of them.")
        add("--all", action="store_true", help="Judge applied migrations as well, each on tables that are in use.")
        add("--since", metavar="REF", default="", help="Judge the migrations whose files have changed since a commit.")
        add("--staged", action="store_true", help="Judge the migrations whose files are staged in git's index.")
        add("--strict", action="store_true", help="Only CreateModel, AddField without default, AlterModelOptions pass.")
        add("--without-database", action="store_true", help="Judge from the migrations alone, each on tables in use.")
        add(
            "--include-third-party",
            action="store_true",
            help="With --all or --without-database: judge the migrations of installed packages as well.",
        )

    def _add_files(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--baseline", metavar="FILE", type=Path, help="Findings in this file do not count.")
        add("--write-baseline", metavar="FILE", type=Path, help="Write today's findings there, and exit with 0.")
        add("--stats-file", metavar="FILE", type=Path, help="Take the sizes of tables from there.")
        add("--write-stats", metavar="FILE", type=Path, help="Write the sizes of all tables there, and do no more.")

    def handle(self, *args: object, **options: object) -> None:
        # Imported here: most commands of a project only look at this one's help.
        from ...errors import CannotJudge
        from ...judging.explain import explanation
        from ...judging.main import judge, list_rules, write_stats

        try:
            if options["explain"]:
                self.stdout.write(explanation(str(options["explain"])))
                return
            if options["list_rules"]:
                self.stdout.write(list_rules(options))
                return
            if options["write_stats"]:
                count = write_stats(options)
                self.stderr.write(f"The sizes of {count} tables are in {options['write_stats']}.")
                return
            result = judge(options)
        except (CannotJudge, ImproperlyConfigured) as error:
            raise CommandError(" ".join(str(error).split()), returncode=CANNOT_JUDGE) from None
        except Error as error:
            raise CommandError(
                f"The database stopped answering: {' '.join(str(error).split())}", returncode=CANNOT_JUDGE
            ) from None
        for line in result.said:
            self.stderr.write(line)
        self._write(result, options)
        if result.fails:
            sys.exit(1)

    def _write(self, result: Any, options: dict[str, Any]) -> None:
        file = options["output"]
        how = result.options.named(colour=not file and self._colour(options))
        text = render(options["format"], result.report, how)
        if not file:
            self.stdout.write(text, ending="")
            return
        try:
            Path(file).write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error}.", returncode=CANNOT_JUDGE) from None

    def _colour(self, options: dict[str, Any]) -> bool:
        if options["no_color"] or options["force_color"]:
            return bool(options["force_color"])
        return self.stdout.isatty() and supports_color()
