"""How one knows the same migration in another process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
from django.db import migrations, models
from django_zero_downtime_migrations.migrate_run.run_python_once import digests

operations = [
    migrations.AlterUniqueTogether("book", {("a", "b"), ("c", "d"), ("e", "f"), ("g", "h")}),
    migrations.CreateModel("book", [], options={"unique_together": {("a", "b"), ("c", "d"), ("e", "f")}}),
    migrations.AlterModelOptions("book", {"permissions": frozenset("abcdefgh"), "ordering": ["b", "a"]}),
    migrations.RunSQL("SELECT {1, 2"),
]
print(digests(type("Migration", (migrations.Migration,), {"operations": operations})("0001", "shop"), False))
"""


def digests_in(hash_seed: str) -> str:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    return subprocess.check_output([sys.executable, "-c", CODE], env=environment, text=True)


@pytest.mark.parametrize("hash_seed", ["1", "2", "3", "4"])
def test_sets_have_no_order(hash_seed: str) -> None:
    assert digests_in(hash_seed) == digests_in("0")


def test_lists_have_one() -> None:
    other = CODE.replace('["b", "a"]', '["a", "b"]')
    assert other != CODE
    assert subprocess.check_output([sys.executable, "-c", other], text=True) != digests_in("0")
