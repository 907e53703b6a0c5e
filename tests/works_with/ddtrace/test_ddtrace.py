"""ddtrace around the driver: it looks at the class of each query."""

from __future__ import annotations

from tests.works_with.history import Compare, Run, same_history
from tests.works_with.project import Project

TRACED = """
import ddtrace.trace
from django.core.management import call_command
from django.db import connection
names = []
class Seen(ddtrace.trace.TraceFilter):
    def process_trace(self, trace):
        names.extend(str(span.resource) for span in trace)
ddtrace.trace.tracer.configure(trace_processors=[Seen()])
call_command("migrate", verbosity=0)
ddtrace.trace.tracer.flush()
print(any("CREATE INDEX CONCURRENTLY" in name for name in names))
"""


def test_history_is_that_of_stock(ours: Project, stock: Project, both: Run, compare: Compare) -> None:
    same_history(ours, stock, both, compare)


def test_its_traces_have_the_statements_of_a_migration(ours: Project) -> None:
    ours.manage("migrate", "shop", "0001")
    assert ours.python(TRACED) == "True\n"
