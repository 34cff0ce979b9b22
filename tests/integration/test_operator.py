"""What an operator does by mistake, and what the process makes of it: a second process, a signal that was meant for another
program or comes too early, a stop while clients are on their way in."""

import contextlib
import pathlib
import random
import re
import signal
import socket
import threading
import unittest

from harness import Folder, Gateway, ScriptedBackend, postern, wait_until
from harness.gateway import BINARY
from harness.processes import Process


def server(peer):
    peer.send(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
    while line := peer.line():
        peer.send(line.split()[0] + b" OK done\r\n")


def free_port():
    """A port below the range of which the kernel gives ports to others between this and the gateway's start."""
    for port in random.sample(range(20_000, 32_000), 100):
        with contextlib.suppress(OSError), socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True):
            return port
    raise AssertionError("no free port")


class Mistakes(unittest.TestCase):
    def setUp(self):
        self.backend = self.enterContext(ScriptedBackend(server))

    def gateway(self, **sections):
        return self.enterContext(Gateway(backends={"mail": self.backend.backend()}, **sections))

    def test_a_second_process_on_the_same_address(self):
        first = self.gateway()
        host, port = first.address()
        other = self.enterContext(Folder("second")).path / "postern.yaml"
        text = first.path.read_text(encoding="utf-8").replace('"127.0.0.1:0"', f'"{host}:{port}"', 1)
        other.write_text(text, encoding="utf-8")
        status, said = postern("serve", "--config", other)
        self.assertEqual(status, 1, said)
        self.assertIn(f"{host}:{port}: address already in use; another process listens there", said)
        self.assertRegex(said, rf'(?m)^\S+Z error +start failed where={re.escape(host)}:{port} fault="address already in use; .*"'
                               ' cause=cannot_listen advice=')
        first.connect().close()

    def test_one_process_on_all_addresses_of_both_families(self):
        port = free_port()
        self.gateway(listeners=[{"address": f"0.0.0.0:{port}", "tls": "implicit"},
                                {"address": f"[::]:{port}", "tls": "implicit"}])

    def test_a_signal_that_asks_to_reopen_the_log(self):
        gateway = self.gateway()
        with gateway.connect() as client:
            gateway.process.signal(signal.SIGUSR1)
            gateway.wait_for_log("nothing to reopen")
            client.send(b"a NOOP\r\n")
            self.assertEqual(client.response(), b"a OK done\r\n")

    def test_signals_that_nobody_listed(self):
        gateway = self.gateway()
        with gateway.connect() as client:
            for number in (signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGIO, signal.SIGPWR,
                           signal.SIGRTMIN, signal.SIGRTMAX):
                gateway.process.signal(number)
            client.send(b"a NOOP\r\n")
            self.assertEqual(client.response(), b"a OK done\r\n")

    def test_a_quit_says_goodbye(self):
        gateway = self.gateway()
        with gateway.connect() as client:
            gateway.process.signal(signal.SIGQUIT)
            self.assertIn(b"* BYE", client.goodbye())
        gateway.expect_end(0)

    def test_signals_from_the_first_moment_on(self):
        """A service manager's reload right after the start, on a process that reads its files still."""
        path = self.gateway().path
        for number in (signal.SIGHUP, signal.SIGUSR1):
            output = self.enterContext(Folder("early")).path / "log"
            process = Process([BINARY, "serve", "--config", path], output)
            self.addCleanup(process.kill)
            wait_until(lambda process=process: pathlib.Path(f"/proc/{process.pid}/comm").read_text(
                encoding="ascii") == "postern\n" or not process.running(), lambda: "the program to begin")
            held = pathlib.Path(f"/proc/{process.pid}/status")
            wait_until(lambda held=held, number=number: blocks_or_catches(held.read_text(encoding="ascii"), number),
                       lambda: "the signal to be held")
            for _ in range(20):
                process.signal(number)
            wait_until(lambda process=process: "ready" in process.text(), process.text)
            process.signal(signal.SIGTERM)
            self.assertEqual(process.wait(), 0, process.text())

    def test_nobody_on_the_way_in_is_reset_by_a_stop(self):
        gateway = self.gateway(workers=1, timeouts={"drain": "5s", "drain_delay": "500ms"})
        stopped = threading.Event()
        resets, served = [], []

        def knock():
            while not stopped.is_set():
                try:
                    with contextlib.closing(socket.create_connection(gateway.address("starttls"), 10)) as client:
                        client.settimeout(10)
                        said = client.recv(100)
                        (served if said.startswith((b"* OK", b"* BYE")) else resets).append(said)
                except ConnectionRefusedError:
                    return  # closed: the next address of the load balancer
                except OSError as error:
                    resets.append(error)

        knockers = [threading.Thread(target=knock) for _ in range(8)]
        for knocker in knockers:
            knocker.start()
        wait_until(lambda: len(served) > 20, lambda: "clients to come in")
        gateway.stop()
        stopped.set()
        for knocker in knockers:
            knocker.join()
        # The kernel resets what completes its handshake while the socket closes: the last of all.
        self.assertLessEqual(len(resets), 1, f"{resets} beside {len(served)}")


def blocks_or_catches(status, number):
    masks = {line.split(":")[0]: int(line.split()[1], 16) for line in status.splitlines()
             if line.startswith(("SigBlk", "SigCgt"))}
    return (masks["SigBlk"] | masks["SigCgt"]) >> (number - 1) & 1


if __name__ == "__main__":
    unittest.main()
