"""What a client that has not logged in can cost, in all, and whom strangers keep out: nobody.

Each way to be a burden is tried to its end, as fast as the gateway allows, and the processor time that the gateway spent on
one such connection is stated. docs/robustness.md has the bounds."""

import contextlib
import os
import pathlib
import signal
import socket
import ssl
import time
import unittest
import urllib.request

from harness import Gateway, ScriptedBackend, sanitized, wait_until

MOST_S = 0.050  # of processor time, for one connection
AGAIN = 10  # connections of each kind: the clock has ticks of 10 ms
SILENCE = b"\x16"


def server(peer):
    peer.send(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
    while line := peer.line():
        peer.send(line.split()[0] + b" OK done\r\n")


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def until_the_end(send):
    """Sends again and again until the other side has had enough. No delays: small pieces stay small."""
    with contextlib.suppress(OSError):
        while True:
            send()


def without_delay(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(20)
    return connection


class Cost(unittest.TestCase):
    def setUp(self):
        backend = self.enterContext(ScriptedBackend(server))
        self.gateway = self.enterContext(Gateway(
            backends={"mail": backend.backend()}, workers=1, log={"format": "text", "level": "info"}))

    def clear(self, tls="implicit"):
        return without_delay(socket.create_connection(self.gateway.address(tls)))

    def costs(self, name, burden):
        pid = self.gateway.process.pid
        before = processor_seconds(pid)
        for _ in range(AGAIN):
            burden()
        self.gateway.wait_for_metric("postern_sessions_active", 0, seconds=30)
        each = (processor_seconds(pid) - before) / AGAIN
        print(f"{name}: {each * 1000:.0f} ms of processor time for one connection")
        if not sanitized():
            self.assertLess(each, MOST_S, name)

    def test_good_commands_without_end(self):
        def burden():
            with self.gateway.connect() as client:
                until_the_end(lambda: client.send(b"a NOOP\r\n" * 50))
        self.costs("commands before login", burden)

    def test_records_of_one_octet(self):
        def burden():
            with self.gateway.connect() as client:
                without_delay(client.socket)
                until_the_end(lambda: client.send(b"a"))
        self.costs("records of one octet before login", burden)

    def test_segments_of_one_octet_in_clear(self):
        def burden():
            with self.clear("starttls") as client:
                until_the_end(lambda: client.send(b"a"))
        self.costs("segments of one octet before STARTTLS", burden)

    def test_commands_in_clear(self):
        def burden():
            with self.clear("starttls") as client:
                until_the_end(lambda: client.send(b"a NOOP\r\n" * 50))
        self.costs("commands before STARTTLS", burden)

    def test_segments_of_one_octet_in_a_handshake(self):
        def burden():
            with self.clear() as client:
                hello = b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc" + bytes(16_380)
                left = iter(hello)
                with contextlib.suppress(StopIteration):
                    until_the_end(lambda: client.send(bytes([next(left)])))
        self.costs("a ClientHello of 16 KiB in segments of one octet", burden)

    def test_segments_of_one_octet_on_the_admin_endpoint(self):
        def burden():
            with without_delay(socket.create_connection(self.gateway.admin)) as client:
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n")
                until_the_end(lambda: client.send(b"a"))
        self.costs("a request in segments of one octet", burden)

    def test_segments_of_one_octet_before_a_proxy_header(self):
        backend = self.enterContext(ScriptedBackend(server))
        listeners = [{"address": "127.0.0.1:0", "tls": "implicit", "proxy_protocol": {"from": ["127.0.0.0/8"]}}]
        self.gateway = self.enterContext(Gateway(
            backends={"mail": backend.backend()}, workers=1, listeners=listeners, log={"format": "text", "level": "info"}))

        def burden():
            with self.clear() as client:
                header = iter(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x0f\x00" + bytes(3840))
                with contextlib.suppress(StopIteration):
                    until_the_end(lambda: client.send(bytes([next(header)])))
        self.costs("a PROXY header of 4 KiB in segments of one octet", burden)

    def test_whole_handshakes(self):
        def burden():
            self.gateway.connect_to_tls().close()
        self.costs("a handshake", burden)

    def test_nonsense_after_the_last_word(self):
        def burden():
            with self.gateway.connect() as client:
                without_delay(client.socket)
                client.send(b"a LOGIN {4294967295}\r\n")
                until_the_end(lambda: client.send(b"x"))
        self.costs("records of one octet after a violation", burden)

    def test_much_nonsense_after_the_last_word(self):
        def burden():
            with self.clear("starttls") as client:
                client.send(b"a LOGIN {99999999999999999999+}\r\n")
                until_the_end(lambda: client.send(b"x" * 65536))
        self.costs("as much as fits after a violation on 143", burden)


class NobodyIsKeptOut(unittest.TestCase):
    """Strangers from five addresses hold every place, and newcomers get in."""

    def setUp(self):
        backend = self.enterContext(ScriptedBackend(server))
        self.gateway = self.enterContext(Gateway(
            backends={"mail": backend.backend()}, workers=1,
            limits={"sessions": 60, "handshakes_in_flight": 30}))

    def strangers(self, address, count, says=b""):
        for number in range(count):
            stranger = self.enterContext(contextlib.closing(socket.create_connection(
                address, 20, (f"127.9.0.{number % 5 + 1}", 0))))
            stranger.sendall(says)

    def welcomes_ten(self):
        for _ in range(10):
            with self.gateway.connect() as client:
                client.send(b"a LOGIN user secret\r\n")
                self.assertEqual(client.response(), b"a OK done\r\n")

    def test_one_octet_and_silence(self):
        self.strangers(self.gateway.address(), 50, SILENCE)
        self.gateway.wait_for_metric("postern_handshakes_in_flight", 30)
        self.welcomes_ten()
        self.gateway.wait_for_metric("postern_sessions_total", lambda ended: ended >= 20, {"end_reason": "gave_way"})

    def test_not_even_an_octet(self):
        self.strangers(self.gateway.address(), 60)
        self.gateway.wait_for_metric("postern_sessions_active", 60)
        self.welcomes_ten()

    def test_silence_before_starttls(self):
        self.strangers(self.gateway.address("starttls"), 60)
        self.gateway.wait_for_metric("postern_sessions_active", 60)
        self.welcomes_ten()

    def test_silence_before_login(self):
        for _ in range(60):
            self.enterContext(self.gateway.connect())
        self.gateway.wait_for_metric("postern_sessions_active", 60)
        self.welcomes_ten()

    def half_a_handshake(self):
        """An honest client whose ClientHello is answered: the connection, and a function that does the rest."""
        plain = self.enterContext(contextlib.closing(socket.create_connection(self.gateway.address(), 20)))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.gateway.client_context().wrap_bio(incoming, outgoing, server_hostname="postern.test")
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        plain.sendall(outgoing.read())
        incoming.write(plain.recv(65536))

        def finish():
            while True:
                try:
                    tls.do_handshake()
                    plain.sendall(outgoing.read())
                    return
                except ssl.SSLWantReadError:
                    plain.sendall(outgoing.read())
                    incoming.write(plain.recv(65536))
        return finish

    def test_a_flood_does_not_overtake_a_handshake_on_its_way(self):
        """However fast strangers come: a client far away needs some time between its two flights."""
        self.strangers(self.gateway.address(), 30, SILENCE)
        self.gateway.wait_for_metric("postern_handshakes_in_flight", 30)
        finish = self.half_a_handshake()
        self.strangers(self.gateway.address(), 100, SILENCE)
        self.gateway.wait_for_metric("postern_sessions_total", lambda ended: ended >= 100, {"end_reason": "gave_way"})
        finish()
        self.gateway.wait_for_metric("postern_handshakes_total", 1)

    def test_a_flood_does_not_overtake_a_user_who_is_about_to_log_in(self):
        with self.gateway.connect() as client:
            self.strangers(self.gateway.address(), 150)
            self.gateway.wait_for_metric("postern_sessions_total", lambda ended: ended >= 90, {"end_reason": "gave_way"})
            client.send(b"a LOGIN user secret\r\n")
            self.assertEqual(client.response(), b"a OK done\r\n")

    def test_a_crowd_at_one_listener_keeps_nobody_out_of_another(self):
        listeners = [{"address": "127.0.0.1:0", "tls": "implicit", "sessions": 10},
                     {"address": "127.0.0.2:0", "tls": "starttls"}]
        backend = self.enterContext(ScriptedBackend(server))
        self.gateway = self.enterContext(Gateway(
            backends={"mail": backend.backend()}, workers=1, listeners=listeners, limits={"sessions": 3000}))
        self.strangers(self.gateway.address("starttls"), 1200)  # older than those in the way
        self.gateway.wait_for_metric("postern_sessions_active", 1200)
        self.strangers(self.gateway.address(), 10)
        self.gateway.wait_for_metric("postern_sessions_active", 1210)
        self.welcomes_ten()

    def test_sessions_that_have_logged_in_stay(self):
        clients = [self.enterContext(self.gateway.connect()) for _ in range(60)]
        for client in clients:
            client.send(b"a LOGIN user secret\r\n")
            client.response()
        with self.assertRaises((OSError, ssl.SSLError)):
            self.gateway.connect()
        for client in clients:
            client.send(b"b NOOP\r\n")
            self.assertEqual(client.response(), b"b OK done\r\n")

    def test_probes_are_answered_at_once(self):
        for number in range(400):
            self.enterContext(contextlib.closing(socket.create_connection(
                self.gateway.admin, 20, (f"127.9.0.{number % 5 + 1}", 0)))).sendall(b"GET /metrics HT")
        for path in ("/live", "/ready", "/metrics"):
            begin = time.monotonic()
            url = f"http://{self.gateway.admin[0]}:{self.gateway.admin[1]}{path}"
            with urllib.request.urlopen(url, timeout=20) as answer:
                self.assertEqual(answer.status, 200)
            self.assertLess(time.monotonic() - begin, 1, path)

    def test_a_burst_of_connections_makes_no_probe_knock_twice(self):
        """The kernel drops what finds the queue full, and a client knocks again after a second: a kubelet's whole patience."""
        self.gateway.process.signal(signal.SIGSTOP)  # nothing is accepted while they come
        try:
            self.strangers(self.gateway.admin, 400)
            probe = self.enterContext(socket.create_connection(self.gateway.admin, 0.9))
        finally:
            self.gateway.process.signal(signal.SIGCONT)
        probe.settimeout(20)
        probe.sendall(b"GET /live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        self.assertTrue(probe.recv(100).startswith(b"HTTP/1.1 200 "))

    def test_a_crowd_that_scrapes_delays_no_probe(self):
        scrapers = []
        for number in range(100):
            scraper = self.enterContext(contextlib.closing(socket.create_connection(
                self.gateway.admin, 20, (f"127.9.0.{number % 5 + 1}", 0))))
            scraper.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                scraper.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 64)
            scrapers.append(scraper)
        begin = time.monotonic()
        self.assertEqual(self.gateway.get("/live")[0], 200)
        self.assertLess(time.monotonic() - begin, 1 if not sanitized() else 10)
        wait_until(lambda: self.gateway.get("/ready")[0] == 200, lambda: "readiness")


class MemoryOfStrangers(unittest.TestCase):
    """Commands that are begun and never ended fill the memory that limits.memory allows."""

    @unittest.skipIf(sanitized(), "a sanitizer's memory says nothing")
    def test_keeps_nobody_out(self):
        backend = self.enterContext(ScriptedBackend(server))
        gateway = self.enterContext(Gateway(backends={"mail": backend.backend()}, workers=1, limits={"memory": "32MiB"}))
        strangers = []
        for number in range(400):
            plain = self.enterContext(contextlib.closing(socket.create_connection(
                gateway.address(), 20, (f"127.9.0.{number % 5 + 1}", 0))))
            stranger = self.enterContext(gateway.client_context().wrap_socket(plain, server_hostname="postern.test"))
            stranger.recv(1000)
            stranger.sendall(b"a LOGIN {120000}\r\n")
            stranger.recv(1000)
            stranger.sendall(b"x" * 110_000)
            strangers.append(stranger)
            if gateway.metrics().sum("postern_sessions_total", end_reason="gave_way"):
                break
        else:
            self.fail("the memory lasted")
        for _ in range(10):
            with gateway.connect() as client:
                client.send(b"a LOGIN user secret\r\n")
                self.assertEqual(client.response(), b"a OK done\r\n")


class LoginsThatTakeLong(unittest.TestCase):
    """Strangers whose logins are at a slow server hold every place: their crowd makes room, an office does not."""

    def setUp(self):
        backend = self.enterContext(ScriptedBackend(self.slow_for_strangers))
        self.gateway = self.enterContext(Gateway(
            backends={"mail": backend.backend()}, workers=1, limits={"sessions": 40}))

    @staticmethod
    def slow_for_strangers(peer):
        peer.send(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        while line := peer.line():
            if b"stranger" in line:
                peer.until_gone()
                return
            peer.send(line.split()[0] + b" OK done\r\n")

    def logins_of_strangers(self, addresses):
        for number in range(40):
            plain = self.enterContext(contextlib.closing(socket.create_connection(
                self.gateway.address(), 20, (f"127.9.1.{number % addresses + 1}", 0))))
            stranger = self.enterContext(self.gateway.client_context().wrap_socket(plain, server_hostname="postern.test"))
            stranger.sendall(b"a LOGIN stranger guess\r\n")
        wait_until(lambda: self.gateway.metrics().sum("postern_bytes_total", hop="backend", direction="out") >=
                   40 * len(b"a LOGIN stranger guess\r\n"), lambda: "the logins to reach the server")

    def test_a_crowd_of_logins_makes_room(self):
        self.logins_of_strangers(4)
        with self.gateway.connect() as client:
            client.send(b"a LOGIN user secret\r\n")
            self.assertEqual(client.response(), b"a OK done\r\n")

    def test_a_few_logins_of_an_address_are_left_alone(self):
        self.logins_of_strangers(10)
        with self.assertRaises((OSError, ssl.SSLError)):
            self.gateway.connect()


if __name__ == "__main__":
    unittest.main()
