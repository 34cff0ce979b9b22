"""When descriptors are short: strangers give way, and the admin endpoint, a reload and the log go on with what is kept."""

import contextlib
import re
import socket
import time
import unittest
from unittest import mock

from harness import Gateway, ScriptedBackend, wait_until

LIMIT = 400  # of the gateway; a quarter of it is kept
AT_MOST_S = 1  # a kubelet's patience
SHORT = {"reason": "too_many_open_files"}


def server(peer):
    peer.send(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
    while line := peer.line():
        peer.send(line.split()[0] + b" OK done\r\n")


class Descriptors(unittest.TestCase):
    def setUp(self):
        backend = self.enterContext(ScriptedBackend(server))
        mute = [self.enterContext(socket.create_server(("127.0.0.1", 0), backlog=LIMIT)) for _ in range(3)]
        servers = [f"127.0.0.1:{one.getsockname()[1]}" for one in mute]
        with mock.patch.object(Gateway, "wrapper", ("prlimit", f"--nofile={LIMIT}:{LIMIT}")):
            self.gateway = self.enterContext(Gateway(
                backends={"mail": backend.backend(), "mute": {"servers": servers, "tls": "none"}},
                routes=[{"sni": "postern.test", "backend": "mail"}], default_backend="mute",
                timeouts={"connect": "60s"}, workers=1, log={"format": "text", "level": "info"}))

    def strangers(self, count):
        crowd = self.enterContext(contextlib.ExitStack())
        for number in range(count):
            crowd.enter_context(contextlib.closing(socket.create_connection(
                self.gateway.address("starttls"), 20, (f"127.9.0.{number % 5 + 1}", 0))))
        return crowd

    def crowd_at_mute_servers(self):
        """Sessions that try three servers each, until the peers have no descriptor left; clients that wait to be accepted."""
        crowd = self.enterContext(contextlib.ExitStack())
        context = self.gateway.client_context()
        for _ in range(LIMIT // 5):  # each takes four
            crowd.enter_context(self.gateway.connect_to_tls("implicit", "127.0.0.1", context))
        self.gateway.wait_for_metric(
            "process_open_fds", lambda count: count >= self.gateway.metrics().sum("postern_peer_descriptors_limit"))
        crowd.push(self.strangers(20).pop_all())
        self.gateway.wait_for_metric("postern_accept_failures_total", lambda count: count > 0, SHORT)
        return crowd

    def probe(self):
        for path in ("/live", "/ready", "/metrics"):
            begin = time.monotonic()
            self.assertEqual(self.gateway.get(path)[0], 200)
            self.assertLess(time.monotonic() - begin, AT_MOST_S, path)

    def test_the_admin_endpoint_answers_while_clients_have_all_of_theirs(self):
        self.crowd_at_mute_servers()
        self.probe()
        metrics = self.gateway.metrics()
        kept = metrics.sum("process_max_fds") - metrics.sum("postern_peer_descriptors_limit")
        self.assertEqual(kept, LIMIT / 4)
        self.assertLess(metrics.sum("process_open_fds"), LIMIT - kept / 2)
        with contextlib.ExitStack() as scrapers:  # 32 of an address, and more than the reserve in all
            for number in range(100):
                scrapers.enter_context(contextlib.closing(socket.create_connection(
                    self.gateway.admin, 20, (f"127.9.1.{number % 9 + 1}", 0)))).sendall(b"GET /metrics HT")
            self.probe()

    def test_sessions_go_on_and_clients_that_wait_get_in(self):
        with self.gateway.connect() as client:
            crowd = self.crowd_at_mute_servers()
            client.send(b"a LOGIN user secret\r\n")
            self.assertEqual(client.response(), b"a OK done\r\n")
            with socket.create_connection(self.gateway.address("starttls"), 20) as newcomer:
                crowd.close()
                self.assertTrue(newcomer.recv(100).startswith(b"* OK "))

    def test_strangers_that_keep_silent_give_way(self):
        with self.gateway.connect() as client:
            client.send(b"a LOGIN user secret\r\n")
            self.assertEqual(client.response(), b"a OK done\r\n")
            possible = self.gateway.metrics().sum("postern_sessions_limit")
            self.assertLess(possible, LIMIT / 2)
            for _ in range(2):  # those that have come and gone hold nothing
                self.strangers(LIMIT)
                for _ in range(5):
                    begin = time.monotonic()
                    with self.gateway.connect() as newcomer:
                        newcomer.send(b"a LOGIN user secret\r\n")
                        self.assertEqual(newcomer.response(), b"a OK done\r\n")
                    self.assertLess(time.monotonic() - begin, AT_MOST_S)
            client.send(b"b NOOP\r\n")
            self.assertEqual(client.response(), b"b OK done\r\n")
        self.assertEqual(self.gateway.metrics().sum("postern_accept_failures_total", **SHORT), 0)
        self.gateway.wait_for_log(f"session refused .*reason=gave_way setting=LimitNOFILE limit=\"{possible:.0f} sessions\"")

    def test_a_renewed_certificate_is_served(self):
        self.crowd_at_mute_servers()
        served = self.gateway.configuration["tls"]["certificates"][0]
        renewed = self.gateway.authority.leaf("postern.test", "127.0.0.1", "127.0.0.2", edition="-2")
        with self.gateway.counting("postern_certificate_reloads_total", result="success"):
            for part in ("key", "chain"):
                with open(served[part], "wb") as file:
                    file.write(getattr(renewed, part).read_bytes())

    def test_the_log_says_so_once_a_second(self):
        begin = time.monotonic()
        self.crowd_at_mute_servers()
        self.gateway.wait_for_metric("postern_accept_failures_total", lambda count: count > 15, SHORT)
        wait_until(lambda: re.search(r"suppressed of=\"?accept failed\"? listener=\S+ count=\d+", self.gateway.log()),
                   lambda: self.gateway.log()[-2000:])
        lines = re.findall(r"accept failed listener=.*advice=.*LimitNOFILE", self.gateway.log())
        self.assertTrue(lines)
        self.assertLessEqual(len(lines), time.monotonic() - begin + 2)


if __name__ == "__main__":
    unittest.main()
