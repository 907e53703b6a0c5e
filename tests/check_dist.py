"""Is what would be uploaded whole? `python -m tests.check_dist FOLDER`, run by tox on a wheel and an sdist."""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

folder = Path(sys.argv[1])
(wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")

with zipfile.ZipFile(wheel) as archive:
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    about = message_from_bytes(archive.read(name))
readme = str(about.get_payload())
links = re.findall(r"\]\(([^)\s]+)\)", readme)
assert about["Name"] == "django-online-migrations", about["Name"]
assert "## Five-minute start" in readme
assert [link for link in links if not link.startswith("https:")] == [], "the package index has no such files"

with tarfile.open(sdist) as archive:
    names = {name.partition("/")[2] for name in archive.getnames()}
wanted = {
    "README.md",
    "CHANGES.md",
    "LICENSE",
    "docs/index.md",
    "docs/conf.py",
    "tests/conftest.py",
    "dev.py",
    "tox.ini",
}
assert wanted <= names, wanted - names
paths = set(re.findall(r"\(`([^`]+)`\)", readme))
assert len(paths) > 20 and {path for path in paths if not path.endswith("/")} <= names, paths - names
print(f"{wheel.name}, {sdist.name}: {len(names)} files, {len(paths)} pages named")
