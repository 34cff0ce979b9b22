"""A backend that does exactly what a test says, for everything no real server would do.

A script is a function that gets a Peer; it runs in a thread of its own for each connection and may end
by raising Gone when the gateway hangs up. What the gateway sent is in `transcripts`.
"""

import contextlib
import socket
import threading

from .processes import DEADLINE_S, wait_until


class Gone(Exception):
    """The gateway has closed the connection."""


class Peer:
    """The scripted side of one connection."""

    def __init__(self, connection):
        self.socket = connection
        self.socket.settimeout(DEADLINE_S)
        self.transcript = bytearray()
        self._unread = bytearray()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Gone from error

    def line(self):
        while (end := self._unread.find(b"\n")) < 0:
            self._more()
        return self._take(end + 1)

    def bytes(self, count):
        while len(self._unread) < count:
            self._more()
        return self._take(count)

    def command(self, name, answer=b"OK done"):
        """Reads a command, which has to be this one, and answers it under its tag; returns the tag."""
        line = self.line()
        tag, _, rest = line.partition(b" ")
        assert rest.upper().startswith(name), f"expected {name!r}, got {line!r}"
        if answer is not None:
            self.send(tag + b" " + answer + b"\r\n")
        return tag

    def start_tls(self, context):
        """Becomes the server of a TLS handshake."""
        assert not self._unread, f"before the handshake came {bytes(self._unread)!r}"
        try:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        except OSError as error:
            raise Gone from error

    def serve(self, answers=None):
        """Answers commands until LOGOUT: OK, or what `answers` has for the command's name."""
        while True:
            tag, _, rest = self.line().partition(b" ")
            name = (rest.split() or [b""])[0].upper()
            answer = (answers or {}).get(name, b"%s OK done\r\n")
            self.send(answer.replace(b"%s", tag))
            if name == b"LOGOUT":
                return

    def until_gone(self):
        """Reads on until the gateway hangs up."""
        with contextlib.suppress(Gone):
            while True:
                self._more()

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except OSError as error:
            raise Gone from error
        if not data:
            raise Gone
        self.transcript += data
        self._unread += data

    def _take(self, count):
        taken = bytes(self._unread[:count])
        del self._unread[:count]
        return taken


def polite(peer):
    """The script of a backend that greets and says OK to everything."""
    peer.send(b"* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n")
    peer.serve()


class ScriptedBackend(contextlib.AbstractContextManager):
    """Listens on a port of 127.0.0.1, or where `address` says, and runs the script for each connection. A script's AssertionError, or any
    error but Gone, fails the test at the end of the `with`."""

    def __init__(self, script=polite, implicit_tls=None, address=("127.0.0.1", 0)):
        self.script = script
        self.implicit_tls = implicit_tls  # an SSLContext
        self._errors = []
        self._peers = []
        self._threads = []
        self._listener = socket.create_server(address, backlog=128)
        self.server = "%s:%d" % self._listener.getsockname()
        self._start(self._accept)

    def backend(self, hop="none", **more):
        return {"servers": [self.server], "tls": hop} | ({} if hop == "none" else {"verify": "none"}) | more

    @property
    def transcripts(self):
        """What the gateway sent on each connection so far."""
        return [bytes(peer.transcript) for peer in self._peers]

    def wait_for_connections(self, count):
        wait_until(lambda: len(self._peers) >= count, f"{count} connections to the scripted backend")

    def __exit__(self, kind, *_):
        # shutdown() wakes the thread that waits in accept(), close() would not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._peers:
            with contextlib.suppress(OSError):  # not SSLSocket's own: its thread may be using it
                socket.socket.shutdown(peer.socket, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(DEADLINE_S)
        if self._errors and kind is None:
            raise AssertionError(f"the backend's script failed: {self._errors[0]!r}") from self._errors[0]

    def _start(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                peer = Peer(connection)
                self._peers.append(peer)
                self._start(self._serve, peer)

    def _serve(self, peer):
        try:
            if self.implicit_tls is not None:
                peer.start_tls(self.implicit_tls)
            self.script(peer)
        except Gone:
            pass
        except Exception as error:  # pylint: disable=broad-except
            self._errors.append(error)
        finally:
            peer.socket.close()
