"""``backfills``: the backfills that have begun and are not complete, how far they are, and what to do with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

if TYPE_CHECKING:
    from ...django_types import Connection
    from ...execution.batches.records import Backfills, KeptBackfill

#: The same status as of a ``migrate`` whose time is over.
NOT_YET = 3
SOMEBODY_ELSE = 4


class Command(BaseCommand):
    help = (
        "Lists the backfills that have begun and are not through, and those that are owed; runs what is owed; pauses, "
        "resumes or abandons one. Exit status: 0 done, 3 not through yet, 4 another process is at one, 1 an error."
    )
    requires_system_checks: Any = []  # noqa: RUF012 (the name and type are Django's)

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--database", default=DEFAULT_DB_ALIAS, help="Alias of the database. Default: default.")
        add("--format", choices=("text", "json"), default="text", help="How they are listed. Default: text.")
        add("--timeout", metavar="SECONDS", type=float, help="With --wait: for so long at most.")
        one = parser.add_mutually_exclusive_group()
        one.add_argument("--run", action="store_true", help="Do what migrations have left for later.")
        one.add_argument(
            "--enqueue",
            metavar="BACKEND",
            nargs="?",
            const="default",
            help="Let a worker of django.tasks do that (Django 6.0); BACKEND is an alias of TASKS. Default: default.",
        )
        one.add_argument(
            "--wait", action="store_true", help="Return when nothing is owed; with 3 when the time is over."
        )
        one.add_argument("--pause", metavar="ID", help="Let it wait from its next batch on, whoever runs it.")
        one.add_argument("--resume", metavar="ID", help="Let it go on.")
        one.add_argument("--abandon", metavar="ID", help="Forget where it stands.")

    def handle(self, *args: object, **options: Any) -> None:
        # Imported here: most commands of a project only look at this one's help.
        from ...backfills.listing import as_json, as_text, listed
        from ...execution.batches.records import Backfills

        connection: Any = connections[options["database"]]
        if connection.vendor != "postgresql":
            raise CommandError(
                f"The database {options['database']!r} is not PostgreSQL: there a backfill is one UPDATE."
            )
        if options["run"] or options["wait"]:
            self._work(connection, options)
            return
        if options["enqueue"]:
            from ..enqueue import enqueue

            for line in enqueue(options["database"], options["enqueue"]):
                self.stdout.write(line)
            return
        backfills = Backfills(connection)
        for name in ("pause", "resume", "abandon"):
            if options[name] is not None:
                getattr(self, f"_{name}")(backfills, options[name])
                return
        for unread in [*backfills.strangers(), *backfills.elsewhere()]:
            self.stderr.write(unread)
        found = listed(backfills)
        self.stdout.write(as_json(found) if options["format"] == "json" else as_text(found), ending="")

    def _work(self, connection: Connection, options: dict[str, Any]) -> None:
        from ...backfills.worker import Worker
        from ...execution.batches.records import Backfills

        for unread in Backfills(connection).strangers():
            self.stderr.write(unread)
        # The adapter is written to like a file.
        stream: Any = self.stdout if options["verbosity"] else None
        worker = Worker(connection, self.stdout.write, stream)
        if options["wait"]:
            owed = worker.wait(options["timeout"])
            if owed:
                names = ", ".join(entry.id for entry in owed)
                raise CommandError(f"Still owed: {names}. manage.py backfills --run does them.", returncode=NOT_YET)
            return
        worker.run()
        if left := worker.elsewhere + worker.unready:
            raise CommandError("\n".join(left), returncode=SOMEBODY_ELSE if worker.elsewhere else NOT_YET)

    def _pause(self, backfills: Backfills, name: str) -> None:
        for entry in backfills.find(name):
            backfills.pause(entry)
            self.stdout.write(
                f"{entry.id} waits from its next batch on. To let it go on: backfills --resume {entry.id}"
            )

    def _resume(self, backfills: Backfills, name: str) -> None:
        for entry in backfills.find(name):
            backfills.resume(entry)
            self.stdout.write(f"{entry.id} goes on." if entry.is_paused else f"{entry.id} was not paused.")

    def _abandon(self, backfills: Backfills, name: str) -> None:
        for entry in backfills.find(name):
            backfills.abandon(entry)
            self.stdout.write(f"{entry.id} is forgotten; the rows that it has changed stay changed. {_means(entry)}")


def _means(entry: KeptBackfill) -> str:
    if entry.later:
        return "The others are not changed any more, and nothing waits for them."
    return "If its migration runs again, it begins at the first page, and changes the rows that are left."
