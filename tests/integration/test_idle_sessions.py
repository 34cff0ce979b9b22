"""Many sessions, and stubborn ones: thousands stay open in one process at a few kilobytes each, and a
peer that stops reading stops the other side instead of filling the gateway's memory."""

import contextlib
import pathlib
import resource
import subprocess
import sys
import threading
import time
import unittest

from harness import Folder, Gateway, HarnessError, Process, ScriptedBackend, sanitized, wait_until

CROWD = pathlib.Path(__file__).parent / "harness" / "crowd.py"
SESSIONS = 1_000 if sanitized() else 9_500
IDLE_BOUND = 8 * 1024  # resident bytes a session; what a sanitizer adds is not bounded
SCRAPE_BOUND_MS = 20
LEFT_BOUND = 10 * 1024 * 1024  # resident bytes when all have gone, over the start

STUBBORN = 20
FLOOD = 64 * 1024 * 1024  # more than all socket buffers on the way can hold
BLOCK = bytes(range(256)) * 256
STUBBORN_BOUND = 256 * 1024


class Idle(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(Folder("crowd")).path
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if limit < 2 * SESSIONS + 500:
            raise HarnessError(f"the hard limit of {limit} open files is too low for {SESSIONS} sessions")

    def crowd(self, name, *arguments):
        process = Process([sys.executable, CROWD, *arguments], self.folder / name, stdin=subprocess.PIPE)
        self.addCleanup(process.kill)
        return process

    def wait_for(self, process, words):
        def said():
            if not process.running():
                raise AssertionError(f"the crowd broke up: {process.text()}")
            return words in process.text()
        wait_until(said, f"the crowd to be {words.strip()!r}", 180)

    def test_thousands_stay_open_and_small(self):
        backend = self.crowd("backend", "backend")
        self.wait_for(backend, "\n")
        limits = {"sessions": 2 * SESSIONS, "sessions_per_address": 2 * SESSIONS}
        server = f"127.0.0.1:{int(backend.text())}"
        with Gateway(backends={"crowd": {"servers": [server]}}, limits=limits) as gateway:
            self.warm_up(gateway)
            before = gateway.resident_bytes()
            half = [self.arrive(gateway, f"clients-{i}", SESSIONS // 2) for i in range(2)]
            for clients in half:
                self.wait_for(clients, "idling")
            for name in ("active", "authenticated", "idle"):
                gateway.wait_for_metric(f"postern_sessions_{name}", SESSIONS)
            each = (gateway.resident_bytes() - before) / SESSIONS
            print(f"\n{SESSIONS} idle sessions: {each / 1024:.2f} KiB resident each", file=sys.stderr)
            self.time_scrapes(gateway)
            if not sanitized():
                self.assertLess(each, IDLE_BOUND)
            for clients in half:
                clients.say("wake up")
            for clients in half:
                self.wait_for(clients, "alive")
            gateway.wait_for_metric("postern_sessions_idle", 0)
            self.assertEqual(gateway.metrics().sum("postern_sessions_active"), SESSIONS)
            for clients in half:
                clients.say("go")
                self.assertEqual(clients.wait(60), 0)
            gateway.wait_for_metric("postern_sessions_active", 0, seconds=60)
            if not sanitized():
                wait_until(lambda: gateway.resident_bytes() - before < LEFT_BOUND, "their memory to be given back", 30)

    def time_scrapes(self, gateway):
        """A scrape reads counters, and no session: as Prometheus asks, and as people do."""
        for headers in ({"Accept": "application/openmetrics-text", "Accept_Encoding": "gzip"}, {}):
            took = []
            for _ in range(20):
                begin = time.monotonic()
                with gateway.ask("/metrics", **headers) as answer:
                    size = len(answer.read())
                took.append(1000 * (time.monotonic() - begin))
            print(f"a scrape of {size} bytes: {min(took):.1f} to {max(took):.1f} ms", file=sys.stderr)
            if not sanitized():
                self.assertLess(min(took), SCRAPE_BOUND_MS)

    def arrive(self, gateway, name, count):
        return self.crowd(name, "clients", *gateway.address(), count, gateway.authority.chain)

    def warm_up(self, gateway):
        """What the first sessions make the process allocate once is no session's."""
        clients = self.arrive(gateway, "first", 50)
        self.wait_for(clients, "idling")
        clients.kill()
        gateway.wait_for_metric("postern_sessions_active", 0)


class Stubborn(unittest.TestCase):
    """Each test floods STUBBORN sessions in one direction while nobody reads at the far end, and then
    lets the first of them through."""

    def setUp(self):
        self.progress = []  # bytes that each flood got rid of so far

    def flood(self, send):
        progress = [0]
        self.progress.append(progress)
        for _ in range(FLOOD // len(BLOCK)):
            send(BLOCK)
            progress[0] += len(BLOCK)

    def expect_standstill(self, gateway, hop, before):
        """All sessions are paused, not a byte comes in from that hop any more, and little is kept."""
        gateway.wait_for_metric("postern_read_pauses_total", lambda pauses: pauses >= STUBBORN, {"hop": hop}, 60)
        last, since = None, time.monotonic()

        def still():
            nonlocal last, since
            now = gateway.metrics().sum("postern_bytes_total", hop=hop, direction="in")
            if now != last:
                last, since = now, time.monotonic()
            return time.monotonic() - since > 1
        wait_until(still, "a standstill", 60)
        self.assertEqual(len(self.progress), STUBBORN)
        for progress in self.progress:
            self.assertLess(progress[0], FLOOD, "was not paused")
        self.expect_small(gateway, before)

    def expect_small(self, gateway, before):
        each = (gateway.resident_bytes() - before) / STUBBORN
        print(f"\n{STUBBORN} stubborn sessions: {each / 1024:.1f} KiB resident each", file=sys.stderr)
        if not sanitized():
            self.assertLess(each, STUBBORN_BOUND)

    def test_a_client_that_stops_reading_pauses_its_backend(self):
        def script(peer):
            peer.socket.settimeout(120)
            peer.send(b"* OK ready\r\n")
            peer.command(b"LOGIN")
            tag = peer.command(b"FETCH", None)
            peer.send(b"* 1 FETCH (BODY[] {%d}\r\n" % FLOOD)
            self.flood(peer.send)
            peer.send(b")\r\n%s OK done\r\n" % tag)
            peer.until_gone()

        with ScriptedBackend(script) as backend, Gateway(backends={"flood": backend.backend()}) as gateway, \
                contextlib.ExitStack() as stack:
            clients = [stack.enter_context(gateway.connect()) for _ in range(STUBBORN)]
            for client in clients:
                client.login()
            before = gateway.resident_bytes()
            tags = [client.start(b"FETCH 1 BODY.PEEK[]") for client in clients]
            self.expect_standstill(gateway, "backend", before)
            clients[0].line()
            self.assertTrue(clients[0].bytes(FLOOD) == BLOCK * (FLOOD // len(BLOCK)), "the literal changed")
            clients[0].until(tags[0] + b" OK")
            self.expect_small(gateway, before)

    def test_a_backend_that_stops_reading_pauses_its_client(self):
        read_on = threading.Event()

        def script(peer):
            peer.socket.settimeout(120)
            peer.send(b"* OK ready\r\n")
            first = peer.command(b"LOGIN") == b"first"
            tag = peer.command(b"APPEND", None)
            read_on.wait(120)
            if first:
                received.append(peer.bytes(FLOOD))
                peer.line()
                peer.send(tag + b" OK done\r\n")
                peer.until_gone()

        def append(client):
            client.send(b"a APPEND INBOX {%d+}\r\n" % FLOOD)
            with contextlib.suppress(OSError):  # the test ends
                self.flood(client.send)
                client.send(b"\r\n")

        received = []
        with ScriptedBackend(script) as backend, Gateway(backends={"flood": backend.backend()}) as gateway, \
                contextlib.ExitStack() as stack:
            stack.callback(read_on.set)
            clients = [stack.enter_context(gateway.connect()) for _ in range(STUBBORN)]
            for number, client in enumerate(clients):
                client.send(b"%s LOGIN anna sesame\r\n" % (b"next" if number else b"first"))
                client.until(b"next OK" if number else b"first OK")
                client.socket.settimeout(120)
            before = gateway.resident_bytes()
            threads = [threading.Thread(target=append, args=(client,)) for client in clients]
            for thread in threads:
                thread.start()
            self.expect_standstill(gateway, "client", before)
            read_on.set()
            clients[0].until(b"a OK")
            self.assertTrue(received[0] == BLOCK * (FLOOD // len(BLOCK)), "the literal changed")
            self.expect_small(gateway, before)
            for thread in threads:
                thread.join()


if __name__ == "__main__":
    unittest.main()
