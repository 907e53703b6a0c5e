"""``contract``: show what is left for old code, and what keeps it there; drop the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

if TYPE_CHECKING:
    from ...execution.owed.debts import Debt
    from ...migrate_run.contraction import Contraction, Looked

#: The same status as of ``backfills``.
NOT_YET = 3
NOTHING = "Nothing is owed."


class Command(BaseCommand):
    help = (
        "Drops the columns, tables and old names that removals and renames have left for old code, where none of it is "
        "seen any more. Exit "
        "status: 0 nothing is owed any more, 3 something is, 1 an error."
    )
    requires_system_checks: Any = []  # noqa: RUF012 (the name and type are Django's)

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("debts", nargs="*", metavar="ID", help="Only these, as --list calls them. Default: all.")
        add("--database", default=DEFAULT_DB_ALIAS, help="Alias of the database. Default: default.")
        add("--list", action="store_true", help="Show what is owed, and drop nothing.")
        add("--json", action="store_true", help="The list as JSON.")
        add("--now", metavar="REASON", help="Drop it whatever was seen, and say why: no process of the old code runs.")

    def handle(self, *args: object, **options: Any) -> None:
        # Imported here: most commands of a project only look at this one's help.
        from ...migrate_run.contraction import Contraction

        connection: Any = connections[options["database"]]
        if not hasattr(connection.SchemaEditorClass, "is_contracting"):
            raise CommandError(f"The database {options['database']!r} has another engine, which leaves nothing.")
        if options["now"] is not None and not options["now"].strip():
            raise CommandError("--now needs a reason: write why no old code runs, for the reader of the log.")
        contraction = Contraction(connection)
        for told in (*contraction.debts.unread(), *map(_begun, contraction.debts.being_paid())):
            self.stderr.write(told)
        if options["list"] or options["json"]:
            looked = _chosen(contraction.look(write=False), options["debts"])
            as_json = json.dumps({"owed": [_object(x) for x in looked]}, indent=2)
            as_text = "\n".join(map(_line, looked)) or NOTHING
            self.stdout.write(as_json if options["json"] else as_text)
        else:
            self._in_turn(connection, options)

    def _in_turn(self, connection: Any, options: dict[str, Any]) -> None:
        from ...execution.one_migrate.one_at_a_time import take_turn
        from ...execution.session.pooler import refuse_statement_pooler
        from ...migrate_run.contraction import Contraction
        from ...settings import MigrationSettings

        refuse_statement_pooler(connection)
        settings = MigrationSettings.load(connection.alias)
        turn = take_turn(connection, settings.migrate_lock_timeout, settings.show_blocking_queries)
        try:
            # The debts are asked for now: a migrate may have dropped something, or taken it back.
            contraction = Contraction(connection)
            self._drop(contraction, _chosen(contraction.look(), options["debts"]), options["now"])
        finally:
            turn.release()

    def _drop(self, contraction: Contraction, looked: list[Looked], now: str | None) -> None:
        from ...errors import MigrationError
        from ...execution.session.interrupt import terminable

        left = [x for x in looked if x.reasons and now is None]
        failed: list[str] = []
        for each in looked:
            if each in left:
                continue
            try:
                with terminable():
                    contraction.pay(each)
            except MigrationError as error:
                failed.append(f"{each.debt.id}: {error}")
                continue
            why = f" ({now})" if now else ""
            self.stdout.write(f"{each.debt.id}: {each.debt.what} {each.done}{why}.")
        if failed:
            raise CommandError("\n".join(failed))
        if left:
            raise CommandError("\n".join(map(_line, left)), returncode=NOT_YET)
        if not looked:
            self.stdout.write(NOTHING)


def _chosen(looked: list[Looked], names: list[str]) -> list[Looked]:
    """Return the chosen debts.

    :raises CommandError: when one of the names is not owed.
    """
    known = {x.debt.id: x for x in looked}
    if unknown := [name for name in names if name not in known]:
        raise CommandError(f"Nothing is owed by {', '.join(unknown)}. Owed: {', '.join(known) or 'nothing'}.")
    return [known[name] for name in names] if names else looked


def _begun(debt: Debt) -> str:
    from ...printable import printable

    return printable(
        f"{debt.id}: a Contract has begun to drop {debt.what}. Unless that migrate is still at work, run it again: it "
        "goes on."
    )


def _line(looked: Looked) -> str:
    from ...execution.owed.evidence import told
    from ...printable import printable

    why = "; ".join(looked.reasons) or "no old code is seen: manage.py contract, or the next migrate, drops it"
    return printable(f"{looked.debt.id}: {looked.debt.what}, owed for {told(looked.age)}: {why}")


def _object(looked: Looked) -> dict[str, Any]:
    debt = looked.debt
    return {
        "id": debt.id,
        **debt.whose.about,
        "tables": list(debt.tables),
        "column": debt.column or None,
        "owed_for_seconds": round(looked.age),
        "reasons": list(looked.reasons),
        "ready": not looked.reasons,
    }
