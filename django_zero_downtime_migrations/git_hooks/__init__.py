"""Git's ``commit-msg`` hook: put into a repository, taken away again (``install``), and run (``__main__``).

It needs neither Django nor the rest of the package: most commits stage no migration, and then nothing else is imported.
"""

from __future__ import annotations

#: In a commit's message it says that the migrations are wanted as they are.
TOKEN = "[allow-unsafe-migrations]"
HOOK = "commit-msg"
