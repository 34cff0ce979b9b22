"""An IMAP client that shows what is on the wire: bytes in, whole responses out, literals included."""

import base64
import re
import socket
import ssl

from .processes import DEADLINE_S

# A status response is text to its end: what looks like a literal there is none.
LITERAL = re.compile(rb"\A(?!\+|\S+ (?:OK|NO|BAD|BYE|PREAUTH) ).*\{(\d+)\}\r\n\Z", re.DOTALL | re.IGNORECASE)


class Closed(Exception):
    """The server has ended the connection; `.args[0]` is what came last."""


class Client:
    """Attributes: socket, greeting. One command at a time; every wait has a deadline."""

    def __init__(self, connection):
        self.socket = connection
        self.socket.settimeout(DEADLINE_S)
        self._received = bytearray()
        self._tags = 0
        self.greeting = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        """The next line with its CRLF."""
        while (end := self._received.find(b"\n")) < 0:
            self._more()
        return self._take(end + 1)

    def bytes(self, count):
        while len(self._received) < count:
            self._more()
        return self._take(count)

    def some(self):
        """Whatever has come, at least a byte."""
        if not self._received:
            self._more()
        return self._take(len(self._received))

    def goodbye(self):
        """Everything until the server closes, which it has to do in order: close_notify, then FIN."""
        try:
            while True:
                self._more()
        except Closed:
            return self._take(len(self._received))

    def rest(self):
        """Everything until the connection ends in whatever way."""
        try:
            return self.goodbye()
        except OSError:
            return self._take(len(self._received))

    def response(self):
        """One whole response: a line, or several joined by the literals between them."""
        whole = self.line()
        while literal := LITERAL.search(whole):
            whole += self.bytes(int(literal[1])) + self.line()
        return whole

    def until(self, start):
        """The responses up to the first that starts so, this one included."""
        found = []
        while not (found and found[-1].startswith(start)):
            found.append(self.response())
        return found

    def start(self, command):
        """Sends a command (without CRLF) and returns its tag."""
        self._tags += 1
        tag = b"t%d" % self._tags
        self.send(tag + b" " + command + b"\r\n")
        return tag

    def command(self, command):
        """Sends a command; all responses up to the tagged one, which is the last."""
        return self.until(self.start(command) + b" ")

    def ok(self, command):
        """As command(), but the answer has to be OK."""
        return self._expect_ok(command, self.command(command))

    def literals(self, *parts, synchronising=True):
        """A command in which every part but the last ends where a literal begins: `parts` are text,
        literal, text, literal, …, text. Answered as ok()."""
        self._tags += 1
        tag = b"t%d" % self._tags
        data = tag + b" " + parts[0]
        for literal, text in zip(parts[1::2], parts[2::2]):
            data += b"{%d%s}\r\n" % (len(literal), b"" if synchronising else b"+")
            if synchronising:
                self.send(data)
                self.until(b"+")
                data = b""
            data += literal + text
        self.send(data + b"\r\n")
        return self._expect_ok(parts[0], self.until(tag + b" "))

    def login(self, user="anna", password="open sesame"):
        return self.ok(b'LOGIN %s "%s"' % (user.encode(), password.encode()))

    def authenticate_plain(self, user="anna", password="open sesame", initial_response=True):
        token = base64.b64encode(f"\0{user}\0{password}".encode())
        if initial_response:
            return self.ok(b"AUTHENTICATE PLAIN " + token)
        tag = self.start(b"AUTHENTICATE PLAIN")
        self.until(b"+")
        self.send(token + b"\r\n")
        return self._expect_ok(b"AUTHENTICATE PLAIN", self.until(tag + b" "))

    def start_tls(self):
        """STARTTLS on a connection in clear; secure() has to follow."""
        self.ok(b"STARTTLS")
        assert not self._received, f"sent before TLS: {bytes(self._received)!r}"

    def secure(self, context, server_name, session=None):
        """The client's side of a TLS handshake. An end without close_notify will be an error."""
        self.socket = context.wrap_socket(self.socket, server_hostname=server_name, session=session,
                                          suppress_ragged_eofs=False)

    def _expect_ok(self, command, responses):
        verdict = responses[-1].split(b" ", 2)[1]
        assert verdict == b"OK", f"{command[:60]!r} was answered {responses[-1]!r}"
        return responses

    def _more(self):
        data = self.socket.recv(262144)
        if not data:
            raise Closed(bytes(self._received))
        self._received += data

    def _take(self, count):
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken


def connect(address, tls, context=None, server_name=None, session=None):
    """A client of (host, port) that has read the greeting. tls: "implicit", "starttls", or "none" to
    stay in clear."""
    client = Client(socket.create_connection(address, DEADLINE_S))
    try:
        if tls == "implicit":
            client.secure(context, server_name, session)
        client.greeting = client.response()
        if tls == "starttls":
            client.start_tls()
            client.secure(context, server_name, session)
    except BaseException:
        client.close()
        raise
    return client


def capabilities(responses):
    """The names in capability data of these responses: untagged CAPABILITY and the code of OK."""
    shown = re.compile(rb"^(?:\* CAPABILITY |\S+ (?:OK|PREAUTH) \[CAPABILITY )([^\]\r\n]*)", re.IGNORECASE)
    return [match[1].decode().upper().split() for match in map(shown.search, responses) if match]
