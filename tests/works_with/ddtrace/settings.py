import os

# An agent that would take the traces is missing.
for name in ("DD_TRACE_STARTUP_LOGS", "DD_INSTRUMENTATION_TELEMETRY_ENABLED", "DD_REMOTE_CONFIGURATION_ENABLED"):
    os.environ[name] = "0"

import ddtrace  # noqa: E402

ddtrace.patch(psycopg=True, django=True)

from tests.works_with.settings import *  # noqa: E402, F403
