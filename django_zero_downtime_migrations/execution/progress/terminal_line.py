"""One line on a terminal that is rewritten again and again, below the line that ``migrate`` has begun."""

from __future__ import annotations

import os
import shutil
import threading
from typing import Any

from ...printable import printable

# ESC D goes down a row and keeps the column, scrolling if it has to; only then is the position saved (ESC 7) to which
# ESC 8 returns, since a saved position does not scroll.
_BEGIN = "\x1bD\x1b[A\x1b7\x1b[B"
_CLEAR = "\r\x1b[K"
_END = f"{_CLEAR}\x1b8"


def shows_line(stream: Any) -> bool:
    """Return whether a line can be rewritten on this stream."""
    return stream is not None and bool(stream.isatty()) and os.environ.get("TERM", "dumb") != "dumb"


class Line:
    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._shown = self._closed = False

    def show(self, text: str) -> None:
        with self._lock:
            if self._closed:
                return
            begin, self._shown = "" if self._shown else _BEGIN, True
            # The last column stays empty: some terminals begin a new row after it.
            self._write(f"{begin}{_CLEAR}{printable(text)[: shutil.get_terminal_size().columns - 1]}")

    def close(self) -> None:
        """Remove the line, and go on where the cursor was."""
        with self._lock:
            if self._shown and not self._closed:
                self._write(_END)
            self._closed = True

    def _write(self, text: str) -> None:
        from django.core.management.base import OutputWrapper

        if isinstance(self._stream, OutputWrapper):
            self._stream.write(text, ending="")
        else:
            self._stream.write(text)
        self._stream.flush()
