"""Settings that belong together, under one name. What a name means is in the docs, with the version that changed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PRESETS: Final[Mapping[str, Mapping[str, object]]] = {
    "recommended": {
        "LOCK_TIMEOUT": "2s",
        "LOCK_RETRY_TIMEOUT": "10min",
        "STATEMENT_TIMEOUT": "3s",
        "FLEXIBLE_STATEMENT_TIMEOUT": True,
        "RAISE_FOR_UNSAFE": True,
        "ONLINE_TYPE_CHANGES": True,
        "EXPAND_CONTRACT": True,
    },
}
