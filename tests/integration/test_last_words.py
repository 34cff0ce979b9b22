"""The last words of either side arrive: those of a server that hangs up in the middle of what it is sent, and the
tail that a slow client, or one that has closed its writing half, is still owed. And a peer that is gone is noticed."""

import concurrent.futures
import contextlib
import fcntl
import pathlib
import socket
import struct
import termios
import threading
import time
import unittest

from harness import Authority, Client, Dovecot, Folder, Gateway, ScriptedBackend, wait_until

GREETING = b"* OK [CAPABILITY IMAP4rev1 LITERAL+ IDLE] ready\r\n"
TOO_BIG = b" NO [TOOBIG] Message is too big\r\n* BYE Too big\r\n"
MESSAGE = b"From: anna@example.org\r\nSubject: long\r\n\r\n" + b"0123456789 a line of it\r\n" * 200_000
KIB = 1024


def half_close(client):
    """FIN without close_notify; what the server says is still heard. (SSLSocket's own would stop TLS.)"""
    socket.socket.shutdown(client.socket, socket.SHUT_WR)


def unacknowledged(client):
    return struct.unpack("i", fcntl.ioctl(client.socket, termios.TIOCOUTQ, bytes(4)))[0]


class Pace:
    """Something that happens each so many seconds of the other side's own, however long the rest takes."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.next = time.monotonic()
        self._never = threading.Event()

    def wait(self):
        """Until the next beat, the first of which is a whole one away."""
        self.next += self.seconds
        self._never.wait(max(0, self.next - time.monotonic()))


class OfTheServer(unittest.TestCase):
    """What a server says that hangs up in the middle of what it is sent."""

    def test_a_literal_that_is_too_big(self):
        def script(peer):
            peer.send(GREETING)
            peer.command(b"LOGIN")
            tag = peer.line().split()[0]
            peer.bytes(200 * KIB)
            peer.send(tag + TOO_BIG)
            # Closed with bytes of the literal unread: a reset follows what was said.

        backend = self.enterContext(ScriptedBackend(script))
        gateway = self.enterContext(Gateway(backends={"mail": backend.backend()}))
        for turn in range(200):
            with self.subTest(turn=turn), gateway.connect() as client:
                client.login()
                with contextlib.suppress(OSError):
                    client.send(b"a APPEND box {1000000+}\r\n" + b"x" * 1_000_000 + b"\r\n")
                self.assertEqual(client.rest(), b"a" + TOO_BIG)

    def test_a_literal_that_a_real_server_does_not_read(self):
        authority = Authority(self.enterContext(Folder("authority")).path)
        server = self.enterContext(Dovecot(authority))
        gateway = self.enterContext(Gateway(backends={"mail": server.backend()}))
        for turn in range(200):
            with self.subTest(turn=turn), gateway.connect() as client:
                client.login()
                with contextlib.suppress(OSError):
                    client.send(b"a SEARCH TEXT {1000000+}\r\n" + b"x" * 1_000_000 + b"\r\n")
                self.assertEqual(client.rest(), b"* BYE Literal size too large\r\n")

    def test_input_that_a_real_server_does_not_read(self):
        authority = Authority(self.enterContext(Folder("authority")).path)
        server = self.enterContext(Dovecot(authority))
        gateway = self.enterContext(Gateway(backends={"mail": server.backend()}))
        words = b'a ID ("name" "' + b"x" * 1100 + b'")\r\nb LOGOUT\r\n'
        for turn in range(50):
            with self.subTest(turn=turn), gateway.connect() as client:
                client.send(words)
                heard = client.rest()
                self.assertIn(b"* BYE Input buffer full, aborting", heard)
                self.assertEqual(heard.count(b"* BYE"), 1, heard)


class OwedToTheClient(unittest.TestCase):
    """A tail that is read slowly. All cases run beside each other, for each takes as long as it takes."""

    def setUp(self):
        self.authority = Authority(self.enterContext(Folder("authority")).path)
        self.pool = self.enterContext(concurrent.futures.ThreadPoolExecutor(20))

    def log_in(self, gateway):
        """A client with small buffers of its own, logged in."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * KIB)
        connection.settimeout(120)
        connection.connect(gateway.address())
        client = Client(connection)
        client.secure(gateway.client_context(), "postern.test")
        client.socket.settimeout(120)
        client.greeting = client.response()
        client.login()
        return client

    def test_that_it_arrives(self):
        server = self.enterContext(Dovecot(self.authority))
        trickling = self.enterContext(ScriptedBackend(trickle))
        gateway = self.enterContext(Gateway(backends={"mail": server.backend()}))
        stalled = self.enterContext(Gateway(backends={"mail": server.backend()}))
        trickled = self.enterContext(Gateway(backends={"mail": trickling.backend()}))
        with gateway.connect() as client:
            client.login()
            client.literals(b"APPEND INBOX ", MESSAGE, b"")
        cases = {"stalls near the end": self.pool.submit(self.stall, stalled)}
        cases["half-closed, reads slowly"] = self.pool.submit(self.read_slowly, gateway)
        cases["half-closed, hears slowly"] = self.pool.submit(self.hear_slowly, trickled)
        for name, case in cases.items():
            with self.subTest(name):
                case.result()

    def stall(self, gateway):
        """FETCH and LOGOUT in one write. The client does not read for a while, just when the server has said all and
        gone. Of some lengths a part of the tail is then the gateway's alone, of others the kernel has it all."""
        clients = []
        for size in range(len(MESSAGE) - 1000 * KIB, len(MESSAGE), 80 * KIB):
            client = self.enterContext(self.log_in(gateway))
            client.ok(b"SELECT INBOX")
            client.send(b"f FETCH 1 BODY.PEEK[]<0.%d>\r\nz LOGOUT\r\n" % size)
            heard = bytearray()
            while gateway.metrics().sum("postern_sessions_total", end_reason="client_logout") == len(clients):
                # In small pieces at last, or a slow gateway has said all before the next look.
                heard += client.bytes(16 * KIB if len(heard) < size - 128 * KIB else 2 * KIB)
            self.assertLess(len(heard), size, "nothing is left")
            clients.append((client, heard, size))
        Pace(12).wait()
        for client, heard, size in clients:
            self.check_fetched(bytes(heard) + client.rest(), MESSAGE[:size])

    def read_slowly(self, gateway):
        """As fast as a phone in a tunnel: longer than a session may stand still, but it does not stand still."""
        with self.log_in(gateway) as client:
            client.ok(b"SELECT INBOX")
            client.send(b"f FETCH 1 BODY.PEEK[]\r\nz LOGOUT\r\n")
            half_close(client)
            pace = Pace(1)
            heard = bytearray()
            for _ in range(75):
                heard += client.bytes(len(MESSAGE) // 80)
                self.check_owned(gateway, client)
                pace.wait()
            self.check_fetched(bytes(heard) + client.rest())

    def check_owned(self, gateway, client):
        """Of a connection that nobody owns the kernel resets what it cannot send soon, when it is short of memory."""
        ends = [f":{port:04X}" for port in (gateway.address()[1], client.socket.getsockname()[1])]
        for row in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
            _, here, there, _, queues, _, _, _, _, inode, *_ = row.split()
            if [here[-5:], there[-5:]] == ends and int(queues.split(":")[0], 16) > 1:
                self.assertNotEqual(inode, "0", "the gateway has left a client that is owed something")

    def hear_slowly(self, gateway):
        with self.log_in(gateway) as client:
            client.send(b"f FETCH 1 BODY.PEEK[]\r\n")
            half_close(client)
            heard = client.rest()
            self.assertEqual(heard.count(b"x"), 75 * KIB)
            self.assertTrue(heard.endswith(b"f OK done\r\n"), heard[-100:])

    def check_fetched(self, heard, message=MESSAGE):
        self.assertIn(b"\r\n" + message + b")\r\nf OK", heard)
        self.assertRegex(heard[-200:], rb"\* BYE [^\r\n]*\r\nz OK [^\r\n]*\r\n\Z")


def trickle(peer):
    """Sends 75 KiB in 75 seconds."""
    peer.send(GREETING)
    peer.command(b"LOGIN")
    peer.line()
    peer.send(b"* 1 FETCH (BODY[] {%d}\r\n" % (75 * KIB))
    pace = Pace(1)
    for _ in range(75):
        peer.send(b"x" * KIB)
        pace.wait()
    peer.send(b")\r\nf OK done\r\n")


class OfAClient(unittest.TestCase):
    """A client that has hung up."""

    def test_that_is_gone_while_its_bytes_wait_for_a_server_that_does_not_read(self):
        read_on = threading.Event()

        def script(peer):
            peer.send(GREETING)
            peer.command(b"LOGIN")
            read_on.wait(60)

        backend = self.enterContext(ScriptedBackend(script))
        self.addCleanup(read_on.set)
        gateway = self.enterContext(Gateway(backends={"mail": backend.backend()}))
        with gateway.connect() as client:
            client.login()
            client.send(b"a APPEND box {90000000+}\r\n")
            while not gateway.metrics().sum("postern_read_pauses_total", hop="client"):
                client.send(b"x" * 64 * KIB)
            # Its end can be seen once it is behind nothing that has not been sent.
            wait_until(lambda: unacknowledged(client) == 0, "the gateway's kernel to have all")
        gateway.wait_for_metric("postern_sessions_active", 0, seconds=6)
        self.assertEqual(gateway.metrics().sum("postern_sessions_total", end_reason="client_closed"), 1)


if __name__ == "__main__":
    unittest.main()
