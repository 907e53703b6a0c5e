"""``insert_git_hooks``: a commit-msg hook that judges the migrations of a commit."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from django.conf import ENVIRONMENT_VARIABLE
from django.core.management import load_command_class
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...git_hooks import TOKEN
from ...git_hooks.install import CannotInstall, Installation, insert, remove


def _refuse_unknown(options: list[str]) -> None:
    """Refuse options that check_migrations would refuse at each commit.

    :raises CommandError: for an unknown option.
    """
    # Imported here: without options the hook can be inserted before a driver is installed.
    from ...errors import CannotJudge
    from ...judging.main import refuse_contradictions

    command = load_command_class(__package__.rpartition(".management")[0], "check_migrations")
    given = command.create_parser("insert_git_hooks", "--").parse_args(["--staged", *options])
    try:
        refuse_contradictions(vars(given))
    except CannotJudge as error:
        raise CommandError(str(error)) from None


class Command(BaseCommand):
    help = (
        "Installs a git commit-msg hook that runs check_migrations on the migrations that a commit stages and stops "
        f"the commit on findings. {TOKEN} in the commit message skips it."
    )
    requires_system_checks = ()
    #: How this very command was started, which is how the hook starts check_migrations.
    started_as = ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--remove", action="store_true", help="Take the hook away; a hook that was there before it comes back."
        )
        parser.add_argument(
            "options",
            nargs="*",
            metavar="option",
            help="After --: further options of check_migrations for the hook, such as -- --without-database.",
        )

    def run_from_argv(self, argv: list[str]) -> None:
        self.started_as = argv[0]
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["options"] and not options["remove"]:
            _refuse_unknown(options["options"])
        wanted = self._installation(options)
        try:
            if options["remove"]:
                removed = remove(wanted.project)
                self.stdout.write("The commit-msg hook was removed." if removed else "There is no hook of ours.")
            else:
                self.stdout.write(f"{insert(wanted)} judges the migrations of each commit from now on.")
        except CannotInstall as error:
            raise CommandError(str(error)) from error

    def _installation(self, options: dict[str, Any]) -> Installation:
        script = Path(self.started_as).absolute()
        if script.suffix == ".py" and script.name != "__main__.py" and script.is_file():
            project, command = script.parent, [script.name]
        else:
            project, command = Path.cwd(), ["-m", "django"]
        return Installation(project, command, options["options"], self._environment(options), sys.executable)

    def _environment(self, options: dict[str, Any]) -> list[tuple[str, str]]:
        paths = [options.get("pythonpath"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        found = os.pathsep.join(os.path.abspath(path) for path in paths if path)
        settings = os.environ.get(ENVIRONMENT_VARIABLE, "")
        return [pair for pair in (("PYTHONPATH", found), (ENVIRONMENT_VARIABLE, settings)) if pair[1]]
