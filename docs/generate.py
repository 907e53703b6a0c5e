"""Writes all pages that are made from the package: `python -m docs.generate`.

The rules' are in `docs/rules`. That of the settings is `docs/reference/_settings.md`, where each setting has a heading
and what it does, with its default and the values that it takes from the records, and with the presets.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from django_zero_downtime_migrations.presets import PRESETS
from django_zero_downtime_migrations.settings import MigrationSettings
from django_zero_downtime_migrations.stated_settings import ALL
from docs.rules import generate as rules

REFERENCE = Path(__file__).parent / "reference"
SETTINGS, SETTINGS_SOURCE = REFERENCE / "settings.md", REFERENCE / "_settings.md"
NOTE = "<!-- Made of _settings.md and the records by: python -m docs.generate -->\n\n"


def settings() -> str:
    """The page of the settings."""
    source = SETTINGS_SOURCE.read_text("utf-8").replace("<!-- presets -->\n", presets())
    text = re.sub(r"^### ([A-Z_]+)\n\n", lambda found: f"{found[0]}{_facts(found[1])}\n", source, flags=re.M)
    return NOTE + text


def _facts(name: str) -> str:
    default = repr(getattr(MigrationSettings(), name.lower())).replace("''", '""')
    takes = ALL[name].accepted
    return textwrap.fill(f"Default: `{default}`. Takes {takes}.", 120, break_on_hyphens=False) + "\n"


def presets() -> str:
    (columns, names) = (list(PRESETS), list(dict.fromkeys(name for meant in PRESETS.values() for name in meant)))
    head = f"| setting | {' | '.join(f'`{preset}`' for preset in columns)} |\n|---|{'---|' * len(columns)}\n"
    cells = [
        [f"`{PRESETS[preset][name]!r}`" if name in PRESETS[preset] else "" for preset in columns] for name in names
    ]
    rows = zip(names, cells, strict=True)
    return head + "".join(f"| [{name}](#{name.lower()}) | {' | '.join(values)} |\n" for name, values in rows)


def main() -> None:
    rules.main()
    SETTINGS.write_text(settings(), "utf-8")
    print(f"1 page in {REFERENCE}")


if __name__ == "__main__":
    main()
