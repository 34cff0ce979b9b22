"""What happens around a gateway and is not its fault: the disk full under its log, the backend killed, the names
gone. It stays up, says what is wrong, and serves again as soon as it can."""

import os
import pathlib
import socket
import sys
import time
import unittest
from unittest import mock

from harness import Authority, Folder, Gateway, Process, ScriptedBackend, gateway as harness_gateway, wait_until
from harness.names import names_from, through

CROWD = pathlib.Path(__file__).parent / "harness" / "crowd.py"
UNAVAILABLE = rb"\A\* BYE \[UNAVAILABLE\] [^\r\n]+\r\n"


class Misfortunes(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(Folder("misfortune")).path

    def test_a_disk_that_is_full_under_the_log(self):
        disk = self.folder / "disk"
        disk.mkdir()
        script = f"""exec unshare --mount --propagation slave sh -ec '
            mount -t tmpfs -o size=64k tmpfs {disk}
            exec "$0" "$@" 2>{disk}/log' {harness_gateway.BINARY} "$@" """
        backend = self.enterContext(ScriptedBackend())
        with through(self.folder, script), mock.patch.object(Gateway, "log", lambda gateway: inside(gateway, disk)):
            gateway = self.enterContext(Gateway(backends={"mail": backend.backend()}))

            def lost():
                with gateway.connect() as client:
                    client.login()
                    client.ok(b"LOGOUT")
                return gateway.metrics().sum("postern_log_lines_lost_total")

            wait_until(lost, "a line that was lost", seconds=60)
            self.assertEqual(gateway.get("/ready")[0], 200)
            os.truncate(f"/proc/{gateway.process.pid}/root{disk}/log", 0)  # room again
            gateway.reload()
            gateway.wait_for_log(r"warn  log lines lost count=\d+")

    def test_a_backend_that_is_killed(self):
        backend = Process([sys.executable, CROWD, "backend"], self.folder / "backend")
        self.addCleanup(backend.kill)
        port = int(wait_until(backend.text, "the backend's port"))
        gateway = self.enterContext(Gateway(backends={"mail": {"servers": [f"127.0.0.1:{port}"]}}))
        clients = [self.enterContext(gateway.connect()) for _ in range(20)]
        for client in clients:
            client.login()
        backend.kill()
        for client in clients:
            self.assertRegex(client.goodbye(), UNAVAILABLE)
        with gateway.counting("postern_backend_connects_total", result="connection_refused"):
            with gateway.connect_to_tls() as late:
                self.assertRegex(late.goodbye(), UNAVAILABLE)
        gateway.wait_for_log(r"connection refused")
        self.assertEqual(gateway.get("/live")[0], 200)

    @unittest.skipUnless(os.geteuid() == 0, "a hosts file of one's own needs root")
    def test_names_that_are_gone_and_come_back(self):
        backend = self.enterContext(ScriptedBackend())
        hosts, nobody = self.folder / "hosts", self.folder / "resolv.conf"
        hosts.write_text("", encoding="ascii")
        nobody.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", encoding="ascii")
        port = backend.server.rpartition(":")[2]
        server = f"mail.postern.test:{port}"

        def greeted():
            with gateway.connect_to_tls() as client:
                return client.response().startswith(b"* OK")

        with names_from(self.folder, hosts, nobody):
            gateway = self.enterContext(Gateway(workers=1, backends={"mail": {"servers": [server]}}))
        with self.subTest("not there"):
            self.assertFalse(greeted())
            reason = gateway.wait_for_log(rf"warn  backend failed .*server={server} reason=(name_\w+)")[1]
            self.assertEqual(gateway.metrics().sum("postern_backend_connects_total", server=server, result=reason), 1)
            self.assertEqual(gateway.get("/live")[0], 200)
        with self.subTest("there"):
            hosts.write_text("127.0.0.1 mail.postern.test\n", encoding="ascii")
            self.assertTrue(greeted())
        with self.subTest("gone again: what it was goes on to serve"):
            hosts.write_text("", encoding="ascii")
            self.assertTrue(greeted())
        with self.subTest("and after a reload"):
            gateway.reload()
            self.assertTrue(greeted())

    def silent_name_server(self, hosts=""):
        """Names of which it is asked have no answer for 30 s; those of `hosts` need none."""
        silent = self.enterContext(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        silent.bind(("127.53.0.1", 53))
        known, resolver = self.folder / "hosts", self.folder / "resolv.conf"
        known.write_text(hosts, encoding="ascii")
        resolver.write_text("nameserver 127.53.0.1\noptions timeout:30 attempts:1\n", encoding="ascii")
        return names_from(self.folder, known, resolver)

    @unittest.skipUnless(os.geteuid() == 0, "a name server of one's own needs root")
    def test_names_without_an_answer_hold_up_no_other(self):
        backend = self.enterContext(ScriptedBackend())
        port = backend.server.rpartition(":")[2]
        names = [f"slow{number}" for number in range(6)] + ["known"]
        authority = Authority(self.folder)
        with self.silent_name_server("127.0.0.1 known.postern.test\n"):
            gateway = self.enterContext(Gateway(
                tls={"certificates": [authority.leaf("*.mail.test").files]},
                backends={name: {"servers": [f"{name}.postern.test:{port}"]} for name in names},
                routes=[{"sni": f"{name}.mail.test", "backend": name} for name in names]))
        gateway.authority = authority
        for name in names[:-1]:
            self.enterContext(gateway.connect_to_tls(server_name=f"{name}.mail.test"))
        begin = time.monotonic()
        with gateway.connect_to_tls(server_name="known.mail.test") as client:
            self.assertTrue(client.response().startswith(b"* OK"))
        self.assertLess(time.monotonic() - begin, 3)

    @unittest.skipUnless(os.geteuid() == 0, "a name server of one's own needs root")
    def test_a_name_server_that_is_silent_holds_up_no_stop(self):
        with self.silent_name_server():
            gateway = self.enterContext(Gateway(
                workers=1, backends={"mail": {"servers": ["mail.postern.test:143"]}},
                timeouts={"connect": "500ms", "drain": "1s"}))
        with gateway.connect_to_tls() as client:
            self.assertRegex(client.goodbye(), UNAVAILABLE)
        gateway.stop(seconds=15)  # far less than a look-up may take


def inside(gateway, disk):
    """A file in the gateway's own mounts."""
    try:
        return pathlib.Path(f"/proc/{gateway.process.pid}/root{disk}/log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


if __name__ == "__main__":
    unittest.main()
