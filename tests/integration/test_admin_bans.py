"""Bans outlast the process: a thousand of them over SIGUSR2 and over a restart, ended on time by the time of day."""

import contextlib
import http.client
import json
import os
import secrets
import signal
import socket
import time
import unittest

from harness import Folder, Gateway, ScriptedBackend, wait_until

TOKEN = secrets.token_urlsafe(48)
COUNT = 1000


class Bans(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(Folder("bans")).path
        self.token = self.folder / "token"
        self.token.write_text(TOKEN, encoding="ascii")
        self.token.chmod(0o600)
        self.state = self.folder / "state"
        self.state.mkdir()
        self.backend = self.enterContext(ScriptedBackend())

    def start(self):
        return self.enterContext(Gateway(backends={"mail": self.backend.backend()}, state_directory=str(self.state),
                                         admin={"address": "127.0.0.1:0", "token_file": str(self.token)}))

    @contextlib.contextmanager
    def calls(self, gateway):
        """ask(method, path, body) on connections that are kept."""
        client = http.client.HTTPConnection(*gateway.admin, timeout=20)
        with contextlib.closing(client):
            def ask(method, path, body=None):
                client.request(method, path, body, {"Authorization": f"Bearer {TOKEN}"})
                answer = client.getresponse()
                found = json.loads(answer.read())
                self.assertEqual(answer.status, 200, found)
                return found
            yield ask

    def bans(self, gateway):
        with self.calls(gateway) as ask:
            return {ban["client"]: ban for ban in ask("GET", "/v1/bans")["bans"]}

    def ban_many(self, gateway, seconds):
        with self.calls(gateway) as ask:
            for number in range(COUNT):
                ask("POST", "/v1/ban", f"client=10.9.{number // 250}.{number % 250 + 1}&for=1h")
            ask("POST", "/v1/ban", f"client=127.0.6.1&for={seconds}s")
        return time.time() + seconds

    def refused(self, gateway, source):
        with socket.create_connection(gateway.address("starttls"), 20, (source, 0)) as connection:
            return connection.recv(4096).startswith(b"* BYE [LIMIT]")

    def expect_all(self, gateway, short_ends):
        bans = self.bans(gateway)
        self.assertEqual(len(bans), COUNT + 1)
        self.assertEqual(gateway.metrics().sum("postern_bans_active"), COUNT + 1)
        self.assertAlmostEqual(bans["10.9.3.250"]["until"], time.time() + 3600, delta=120)
        self.assertAlmostEqual(bans["127.0.6.1"]["until"], short_ends, delta=3)
        self.assertEqual({ban["by"] for ban in bans.values()}, {"admin"})
        self.assertTrue(self.refused(gateway, "127.0.6.1"))
        wait_until(lambda: not self.refused(gateway, "127.0.6.1"), "the short ban to end", 60)
        self.assertGreater(time.time(), short_ends - 2)
        self.assertLess(time.time(), short_ends + 10)
        self.assertEqual(len(self.bans(gateway)), COUNT)

    def test_outlast_an_upgrade(self):
        gateway = self.start()
        short_ends = self.ban_many(gateway, 20)
        gateway.process.signal(signal.SIGUSR2)
        pid = int(gateway.wait_for_log(r"upgraded, the new process serves pid=(\d+)")[1])
        self.addCleanup(lambda: os.kill(pid, signal.SIGKILL))
        gateway.expect_end(0)
        gateway.expect_running = lambda: None  # another process is
        self.expect_all(gateway, short_ends)
        gateway.process.signal = lambda number: os.kill(pid, number)

    def test_outlast_a_restart_and_a_kill(self):
        before = self.start()
        short_ends = self.ban_many(before, 20)
        before.stop()
        self.assertEqual((self.state / "bans").stat().st_mode & 0o777, 0o600)
        between = self.start()
        with self.calls(between) as ask:
            ask("POST", "/v1/unban", "client=10.9.0.1")
            ask("POST", "/v1/ban", "client=10.9.99.1&for=1h")
        wait_until(lambda: b"10.9.99.1 " in (self.state / "bans").read_bytes(), "the file to follow")
        between._ended = True  # pylint: disable=protected-access
        between.process.kill()
        after = self.start()
        self.assertIn("10.9.99.1", self.bans(after))
        self.assertNotIn("10.9.0.1", self.bans(after))
        self.expect_all(after, short_ends)

    def test_a_damaged_file_is_named_and_ignored(self):
        (self.state / "bans").write_text("postern bans 1\n127.0.6.1 9999999999 admin\n127.0.6.2 garbage\n", encoding="ascii")
        gateway = self.start()
        gateway.wait_for_log(r"warn +bans not read fault=.*/bans:3: is no address, time and reason of a ban")
        self.assertEqual(self.bans(gateway), {})
        self.assertFalse(self.refused(gateway, "127.0.6.1"))

    def test_a_folder_that_cannot_be_written_is_named_and_serving_goes_on(self):
        self.state.rmdir()
        gateway = self.start()
        with self.calls(gateway) as ask:
            ask("POST", "/v1/ban", "client=127.0.6.1&for=1h")
        gateway.wait_for_log(r"error bans not written file=\S+/bans reason=\"No such file or directory\"")
        self.assertTrue(self.refused(gateway, "127.0.6.1"))


if __name__ == "__main__":
    unittest.main()
