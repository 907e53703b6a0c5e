"""A proxy that ends a connection at a chosen statement, once."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tests.execution.wire import Wire


class Cut(Wire):
    """A wire that is cut when a statement has been handed to the server: neither side hears of the other any more.

    :param sql: a regular expression: the first statement that it finds.
    :param act: called then.
    :param tells_server: whether the server notices that its client is gone; if not, its session is there until
        :meth:`tell_server`.
    """

    def __init__(
        self, host: str, port: int, sql: str, act: Callable[[], None] = lambda: None, tells_server: bool = True
    ) -> None:
        self.sql = re.compile(sql.encode())
        self.act = act
        self.tells_server = tells_server
        self.happened = threading.Event()
        self.kept: list[socket.socket] = []
        super().__init__(host, port)

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
                if not self.happened.is_set() and self.sql.search(data):
                    self.happened.set()
                    try:
                        self.act()
                    finally:
                        client.shutdown(socket.SHUT_RDWR)
                    break
        if self.happened.is_set() and not self.tells_server:
            self.kept.append(server)
            return
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        super()._answers(server, client)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def tell_server(self) -> None:
        for server in self.kept:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)


@contextmanager
def cut(host: str, port: int, sql: str, **how: bool | Callable[[], None]) -> Iterator[Cut]:
    made = Cut(host, port, sql, **how)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.tell_server()
        made.close()
