"""The admin endpoint on its real socket: what browsers and Prometheus need, and whatever else knocks."""

import http.client
import re
import socket
import time
import unittest

from harness import Gateway, ScriptedBackend, wait_until

REQUEST = b"GET %s HTTP/1.1\r\nHost: postern\r\n%s\r\n"


def setUpModule():
    global gateway
    backend = unittest.enterModuleContext(ScriptedBackend())
    gateway = unittest.enterModuleContext(Gateway(backends={"mail": backend.backend()}))


class AdminHttp(unittest.TestCase):
    def connect(self):
        return self.enterContext(socket.create_connection(gateway.admin, 20))

    def exchange(self, request):
        """All that comes back until the other side closes."""
        connection = self.connect()
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has heard enough
        return self.rest(connection)

    def rest(self, connection):
        received = b""
        try:
            while data := connection.recv(65536):
                received += data
        except ConnectionResetError:
            pass
        return received

    def test_answers_what_it_knows(self):
        for path, status, kind, words in (
                ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", "# TYPE postern_build_info gauge"),
                ("/live", 200, "text/plain; charset=utf-8", "ok"),
                ("/ready", 200, "text/plain; charset=utf-8", "ok"),
                ("/", 200, "text/plain; charset=utf-8", "/metrics"),
                ("/metrics?name=x", 200, "text/plain; version=0.0.4; charset=utf-8", "postern_build_info"),
                ("/favicon.ico", 404, "text/plain; charset=utf-8", ""),
                ("/metrics/", 404, "text/plain; charset=utf-8", ""),
                ("/../etc/passwd", 404, "text/plain; charset=utf-8", "")):
            with self.subTest(path):
                client = http.client.HTTPConnection(*gateway.admin, timeout=20)
                client.request("GET", path)
                answer = client.getresponse()
                self.assertEqual((answer.status, answer.headers["Content-Type"]), (status, kind))
                self.assertIn(words, answer.read().decode())
                client.close()

    def test_head_has_the_head_and_no_body(self):
        client = http.client.HTTPConnection(*gateway.admin, timeout=20)
        for path, status in (("/metrics", 200), ("/nothing", 404)):  # on one connection
            client.request("HEAD", path)
            answer = client.getresponse()
            self.assertEqual(answer.status, status)
            self.assertGreater(int(answer.headers["Content-Length"]), 0)
            self.assertEqual(answer.read(), b"")
        client.close()

    def test_refuses_other_methods_and_says_which_it_has(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            with self.subTest(method):
                client = http.client.HTTPConnection(*gateway.admin, timeout=20)
                client.request(method, "/metrics", body=b"x=1" if method == "POST" else None)
                answer = client.getresponse()
                self.assertEqual((answer.status, answer.headers["Allow"]), (405, "GET, HEAD"))
                client.close()

    def test_answers_pipelined_requests_in_order(self):
        answers = self.exchange(REQUEST % (b"/live", b"") + REQUEST % (b"/nothing", b"") +
                                REQUEST % (b"/ready", b"Connection: close\r\n") + REQUEST % (b"/metrics", b""))
        self.assertEqual(re.findall(rb"HTTP/1\.1 (\d+)", answers), [b"200", b"404", b"200"], "nothing may follow Connection: close")

    def test_closes_after_http_1_0(self):
        connection = self.connect()
        connection.sendall(b"GET /live HTTP/1.0\r\n\r\n")
        self.assertRegex(self.rest(connection), rb"\AHTTP/1\.[01] 200 OK\r\n(.+\r\n)+\r\nok\n\Z")

    def test_turns_garbage_away_and_lives_on(self):
        for name, garbage, statuses in (
                ("binary", bytes(range(256)) * 64, (b"400",)),
                ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 508, (b"400",)),
                ("a line of no HTTP", b"a1 LOGIN anna hunter2-marker\r\n\r\n", (b"400",)),
                ("an endless line", b"GET /" + b"x" * 1_000_000, (b"414", b"431")),
                ("a header of 1 MB", REQUEST % (b"/", b"X-Long: " + b"x" * 1_000_000 + b"\r\n"), (b"431",)),
                ("many headers", REQUEST % (b"/", b"X-Short: x\r\n" * 100_000), (b"431",)),
                ("two Hosts", REQUEST % (b"/", b"Host: other\r\n"), (b"400",)),
                ("no Host", b"GET / HTTP/1.1\r\n\r\n", (b"400",)),
                ("two lengths", REQUEST % (b"/", b"Content-Length: 1\r\nContent-Length: 2\r\n"), (b"400",)),
                ("a huge body", REQUEST % (b"/", b"Content-Length: 99999999999\r\n"), (b"413",)),
                ("an unknown version", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", (b"400", b"505")),
                ("a header without colon", REQUEST % (b"/", b"nonsense\r\n"), (b"400",))):
            with self.subTest(name):
                answer = self.exchange(garbage)
                # A client that still sends when it is turned away may see a reset instead of the answer.
                if answer:
                    self.assertIn(answer.split(b" ", 2)[1], statuses, answer[:200])
                    self.assertEqual(answer.count(b"HTTP/1.1 "), 1)
                    self.assertNotIn(b"hunter2", answer)
                elif len(garbage) < 65536:
                    self.fail("no answer")
                self.assertEqual(gateway.get("/live"), (200, "ok\n"))
        self.assertNotIn("hunter2", gateway.log() + gateway.metrics().text)

    def test_answers_a_request_that_comes_byte_by_byte(self):
        connection = self.connect()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in REQUEST % (b"/live", b"Connection: close\r\n"):
            connection.sendall(bytes((byte,)))
        self.assertTrue(self.rest(connection).endswith(b"\r\n\r\nok\n"))

    def test_hangs_up_on_a_request_that_never_ends(self):
        silent, dripping = self.connect(), self.connect()
        dripping.sendall(b"GET /live HTTP/1.1\r\n")
        for connection in (silent, dripping):
            connection.setblocking(False)
        started = time.monotonic()

        def gone(connection, drip):
            try:
                connection.send(drip)  # bytes do not win time
                return connection.recv(1) == b""
            except BlockingIOError:
                return False
            except OSError:
                return True
        for connection, drip in ((silent, b""), (dripping, b"X")):
            wait_until(lambda c=connection, d=drip: gone(c, d), "a slow client to be dropped", 15)
            self.assertGreater(time.monotonic() - started, 5, "even a slow request has some seconds")

    def test_serves_on_while_others_hold_connections(self):
        held = [self.connect() for _ in range(20)]
        for connection in held:
            connection.sendall(b"GET /metr")
        self.assertEqual(gateway.get("/ready")[0], 200)
        for connection in held:
            connection.sendall(b"ics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        for connection in held:
            self.assertTrue(self.rest(connection).startswith(b"HTTP/1.1 200 OK\r\n"))

    def test_counts_its_requests_by_bounded_labels(self):
        name = "postern_admin_requests_total"
        with gateway.counting(name, path="other", code="404", by=2), gateway.counting(name, path="/live", code="200"):
            gateway.get("/some/path")
            gateway.get("/another")
            gateway.get("/live")


if __name__ == "__main__":
    unittest.main()
