"""The traffic on the wire, seen from between the client and the server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Wire:
    """A proxy on 127.0.0.1 that counts what a client waits for an answer to: simple queries, and Sync messages.

    https://www.postgresql.org/docs/current/protocol-message-formats.html
    """

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.round_trips = 0
        self.texts: list[str] = []
        self.open: list[socket.socket] = [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.target)
                self.open += [client, server]
                threading.Thread(target=self._requests, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answers, args=(server, client), daemon=True).start()

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        buffer, started = b"", False
        with suppress(OSError):
            while data := client.recv(65536):
                buffer += data
                while message := self._message(buffer, started):
                    buffer = buffer[len(message) :]
                    self._count(message, started)
                    # An offer of encryption is not a startup message: that comes next, without a type as well.
                    started = started or message[4:8] not in (b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30")
                server.sendall(data)

    @staticmethod
    def _message(buffer: bytes, started: bool) -> bytes:
        """Return the first message, empty while it is incomplete. Only messages before the start have no type."""
        skip = 1 if started else 0
        if len(buffer) < skip + 4:
            return b""
        length = skip + int.from_bytes(buffer[skip : skip + 4], "big")
        return buffer[:length] if len(buffer) >= length else b""

    def _count(self, message: bytes, started: bool) -> None:
        if started and message[:1] in (b"Q", b"S"):
            self.round_trips += 1
        if started and message[:1] == b"Q":
            self.texts.append(message[5:-1].decode())

    def close(self) -> None:
        for each in self.open:
            with suppress(OSError):
                each.close()


@contextmanager
def wire(host: str, port: int) -> Iterator[Wire]:
    made = Wire(host, port)
    try:
        yield made
    finally:
        made.close()
