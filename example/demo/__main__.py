"""python -m example.demo: the shop's migrations under live traffic, with our backend and with stock Django.

Starts a throw-away PostgreSQL, needs no other, and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from servers import launch
from servers.binaries import NoServer

if TYPE_CHECKING:
    from example.demo.migrating import Applied
    from example.demo.traffic import Seen, Traffic

SERVER_SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "8GB", "maintenance_work_mem": "256MB", "jit": "off"}
QUIET_SECONDS = 1.5


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m example.demo", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument(
        "--rows", type=positive, default=1_000_000, help="orders in the main table (default: 1,000,000)"
    )
    parser.add_argument("--engine", choices=["ours", "stock", "both"], default="both", help="(default: both)")
    parser.add_argument("--keep", action="store_true", help="keep the server running at the end, until Ctrl-C")
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        return demo(arguments)
    except NoServer as error:
        print(error, file=sys.stderr)
        return 2
    except subprocess.CalledProcessError:
        print("The first migration failed; the others would have nothing to work on.", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of the output has gone; what Python still holds of it must not fail once more at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("\nStopped; the server and its files are gone.")
        return 130


def positive(text: str) -> int:
    number = int(text.replace(",", "").replace("_", ""))
    if number < 1:
        raise argparse.ArgumentTypeError("there must be at least one row")
    return number


def demo(arguments: argparse.Namespace) -> int:
    began = time.monotonic()
    with launch.server(options=SERVER_SETTINGS) as server:
        os.environ["DATABASE_URL"] = server.url
        os.environ["DJANGO_SETTINGS_MODULE"] = "example.demo.settings"
        import django

        django.setup()
        from example.demo import printing

        engines = ["ours", "stock"] if arguments.engine == "both" else [arguments.engine]
        introduce(server.major, arguments.rows)
        prepare(engines[0], arguments.rows)
        results: dict[str, list[Applied]] = {}
        whole: dict[str, Seen] = {}
        for engine in engines:
            results[engine], whole[engine] = run(engine, arguments.rows)
        printing.show_comparison(results, migrations(), whole)
        print(printing.explanation(time.monotonic() - began))
        if arguments.keep:
            databases = ", ".join(f"shop_{engine}" for engine in engines)
            print(f"\nThe server runs until Ctrl-C: {server.url} (databases: {databases})", flush=True)
            with suppress(KeyboardInterrupt):
                signal.pause()
    # Where both are shown, what stops stock Django (a deadlock with the traffic, say) is what the demo is about.
    return 1 if any(applied.failure for applied in results[engines[0]]) else 0


def interrupt(*_: object) -> None:
    """Ctrl-C once: end. A second one must not disturb the stopping of what was started."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def introduce(major: int, rows: int) -> None:
    import django
    from django.db import connections

    from example.demo import traffic

    driver = connections["server"].Database  # type: ignore[attr-defined]
    print(f"PostgreSQL {major}, Django {django.get_version()}, {driver.__name__} {driver.__version__.split()[0]}")
    print(
        f"{rows:,} orders; {traffic.READERS} readers, {traffic.WRITERS} writers, and a report that reads the orders "
        f"{traffic.REPORT_SECONDS:.0f} s in every {1.5 * traffic.REPORT_SECONDS:.0f}."
    )


def migrations() -> list[str]:
    from example.demo.migrating import names

    return names("server")[1:]


def prepare(engine: str, rows: int) -> None:
    """The first day's tables with their rows: the database that each engine gets a copy of."""
    from django.db import connections

    from example.demo.filling import fill
    from example.demo.migrating import migrate_in_a_process_of_its_own
    from example.demo.printing import Clock
    from example.demo.settings import url_of

    with Clock("creating the tables of the first day (0001_initial)"):
        create_database("shop_start")
        backend = os.environ.get("EXAMPLE_ENGINE", engine) if engine == "ours" else engine
        migrate_in_a_process_of_its_own(url_of("shop_start"), backend, "0001")
    with Clock(f"writing {rows:,} orders"):
        fill(connections["start"], rows)
    connections["start"].close()


def create_database(name: str, template: str = "template1") -> None:
    from django.db import connections

    with connections["server"].cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE {template}")


def run(engine: str, rows: int) -> tuple[list[Applied], Seen]:
    """A copy of the database, clients on it; then one migration after the other."""
    from django.db import connections

    from example.demo.printing import NAMES, Clock
    from example.demo.settings import url_of
    from example.demo.traffic import Traffic

    print(f"\n=== {NAMES[engine]} ===\n")
    with Clock("copying the database"):
        create_database(f"shop_{engine}", template="shop_start")
    try:
        with Traffic(url_of(f"shop_{engine}"), rows) as traffic:
            return under_traffic(engine, traffic)
    finally:
        connections.close_all()


def under_traffic(engine: str, traffic: Traffic) -> tuple[list[Applied], Seen]:
    from example.demo import printing
    from example.demo.migrating import apply_all

    with printing.Clock("traffic begins; without any migration"):
        traffic.wait_until_all_saw(0)
        quiet = time.monotonic()
        time.sleep(QUIET_SECONDS)
    begin = time.monotonic()
    calm = traffic.between(quiet, begin)
    print(
        f"    the longest of {len(calm.queries):,} queries takes {printing.milliseconds(calm.stall)} ms\n", flush=True
    )
    results: list[Applied] = []
    planned = migrations()

    def progress() -> str:
        now = time.monotonic()
        done = len(results)
        name = planned[done] if done < len(planned) else "done"
        last = traffic.between(now - 3, now)
        return (
            f"[{done + 1}/{len(planned)}] {name}   {now - begin:.0f} s   "
            f"last 3 s: {len(last.queries) / 3:.0f} queries/s, longest {printing.milliseconds(last.stall)} ms"
        )

    migrating = apply_all(engine, traffic)
    while True:
        with printing.Progress(progress):
            applied = next(migrating, None)
        if applied is None:
            break
        results.append(applied)
        printing.show_applied(applied)
    return results, traffic.between(begin, time.monotonic())


if __name__ == "__main__":
    sys.exit(main())
