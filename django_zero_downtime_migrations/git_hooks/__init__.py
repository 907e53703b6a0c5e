"""Git's ``commit-msg`` hook: inserted into a repository, removed again (``install``), and run (``__main__``).

It needs neither Django nor the rest of the package: most commits stage no migration, and then nothing else is imported.
"""

from __future__ import annotations

#: The token in a commit's message which says that the migrations are wanted as they are.
TOKEN = "[allow-unsafe-migrations]"
HOOK = "commit-msg"
