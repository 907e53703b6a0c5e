import os

from django.conf import settings as ds
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.operations.case import Case
from tests.operations.runs import connected, new_database

from .strategies import chains
from .test_sequences import Walk, difference, nulls, tables_of, written

OUT = open(os.environ.get("SCRATCH", "/tmp/scratch_seq.txt"), "a")
N = int(os.environ.get("SEQUENCES", "40"))


@seed(int(os.environ.get("SEED", "1")))
@settings(
    max_examples=N, database=None, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck)
)
@given(chain=chains())
def test_scratch(chain, django_db_blocker):
    case = Case("chain", chain.before, [], data=tuple(nulls(chain)))
    ours = chain.in_quotes() if chain.quoted else chain
    with django_db_blocker.unblock(), tables_of(case) as runs:
        walks = []
        for engine, each in ((ds.STOCK_ENGINE, chain), (ds.ENGINE, ours)):
            with new_database(runs.template) as name, connected(engine, name) as connection:
                walks.append(Walk(each, runs, connection))
        found = difference(*walks)
    print(
        "ok" if not found else "DIFF",
        walks[0].seen[-1:][0][0] if walks[0].seen else "",
        [x[1] for x in walks[0].seen if x[0] == "error"],
        file=OUT,
        flush=True,
    )
    if found:
        import traceback

        err = getattr(walks[1], "error", None)
        print("=======", chain.quoted, "\n", found, "\n", written(ours), file=OUT, flush=True)
        if err is not None:
            traceback.print_exception(err, file=OUT)
        OUT.flush()
