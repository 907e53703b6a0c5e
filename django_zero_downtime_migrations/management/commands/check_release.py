"""``check_release``: may an earlier release be deployed beside this one, and again after it?"""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

CANNOT_JUDGE = 2


class Command(BaseCommand):
    help = (
        "Tries the models of an earlier release on the schema that this release's migrations make, and the models of "
        "this release before them: SELECT, INSERT, UPDATE and DELETE of each, on a database made for it and dropped. "
        "Exit status: 0 the earlier release works, 1 it does not, 2 could not judge."
    )
    requires_system_checks: Any = []  # noqa: RUF012 (the name and type are Django's)

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--against", metavar="REF", required=True, help="The commit of the earlier release, such as a tag.")
        add("--database", help="Alias of the database on whose server the trial is made. Default: default.")
        add("--copy", metavar="FILE", action="append", help="A file that git does not have and the project needs.")
        add("--format", choices=("text", "json"), default="text", help="What is printed. Default: text.")

    def handle(self, *args: object, **options: Any) -> None:
        # Imported here: most commands of a project only look at this one's help.
        from ...errors import CannotJudge
        from ...judging.connect import connected, default_alias
        from ...releases.comparison import compare
        from ...releases.text import as_json, as_text

        def say(text: str) -> None:
            if options["verbosity"] > 1:
                self.stderr.write(text)

        try:
            connection = connected(options["database"] or default_alias())
            found = compare(connection, options["against"], options["copy"] or (), say)
        except CannotJudge as error:
            raise CommandError(" ".join(str(error).split()), returncode=CANNOT_JUDGE) from None
        self.stdout.write((as_json if options["format"] == "json" else as_text)(found), ending="")
        if found.breaks:
            sys.exit(1)
