"""``migrate_phase``: apply before a release what the running code survives, and the rest after it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

CANNOT_JUDGE = 2
#: The exit status of ``contract`` when something has to wait.
NOT_YET = 3


class Command(BaseCommand):
    help = (
        "before: applies the pending migrations that the code which runs now survives, and names the others. after: "
        "applies the rest, and drops what is owed where no old code is seen. Exit status: 0, 1 an error, 2 could not "
        "judge."
    )
    requires_system_checks: Any = []  # noqa: RUF012 (the name and type are Django's)

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("phase", choices=("before", "after"), help="Whether the release is still to come.")
        add("--plan", action="store_true", help="Show what each phase would apply, and apply nothing.")
        add("--database", default=DEFAULT_DB_ALIAS, help="Alias of the database. Default: default.")
        add("--noinput", "--no-input", action="store_false", dest="interactive", help="As that of migrate.")

    def handle(self, *args: object, **options: Any) -> None:
        if options["plan"]:
            found = self._phases(options)
            self._list("before", [f"{x.app_label}.{x.name}" for x in found.before])
            self._list("after", list(map(str, found.after)))
        elif options["phase"] == "before":
            self._before(options)
        else:
            self._migrate(options)
            self._contract(options)

    def _before(self, options: dict[str, Any]) -> None:
        # Imported here: most commands of a project only look at this one's help.
        from ...migrate_run.part_of_plan import only

        found = self._phases(options)
        with only(found.before):
            self._migrate(options)
        if found.after:
            self._list("after", list(map(str, found.after)))

    def _phases(self, options: dict[str, Any]) -> Any:
        from ...errors import CannotJudge
        from ...judging.phases import phases

        try:
            return phases(options["database"])
        except (CannotJudge, ImproperlyConfigured) as error:
            raise CommandError(" ".join(str(error).split()), returncode=CANNOT_JUDGE) from None

    def _list(self, phase: str, lines: list[str]) -> None:
        self.stdout.write(self.style.MIGRATE_HEADING(f"{phase.capitalize()} the release:"))
        self.stdout.write("\n".join(f"  {line}" for line in lines) or "  nothing")

    def _migrate(self, options: dict[str, Any]) -> None:
        names = ("database", "interactive", "verbosity")
        call_command("migrate", stdout=self.stdout, stderr=self.stderr, **{name: options[name] for name in names})

    def _contract(self, options: dict[str, Any]) -> None:
        from ...execution.owed.debts import Debts

        connection: Any = connections[options["database"]]
        if not Debts(connection).all():
            return
        try:
            call_command("contract", database=options["database"], stdout=self.stdout, stderr=self.stderr)
        except CommandError as error:
            if error.returncode != NOT_YET:
                raise
            # The next run drops it, and so does manage.py contract.
            self.stdout.write(str(error))
