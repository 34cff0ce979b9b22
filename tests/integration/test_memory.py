"""limits.memory: readers that never read, against a process that may not grow beyond its limit."""

import time
import unittest

from harness import Closed, Gateway, ScriptedBackend, sanitized
from harness.traps import bulk, greedy

LIMIT = 32 << 20
# What is not counted: one small read of each session and what the allocator rounds up to, kernel
# pages that are counted in the next tenth of a second, the loops' own.
SLACK = 8 << 20
READERS = 700


class Memory(unittest.TestCase):
    @unittest.skipIf(sanitized(), "a sanitizer's memory says nothing")
    def test_is_bounded_whoever_does_not_read(self):
        backend = self.enterContext(ScriptedBackend(bulk))
        gateway = self.enterContext(Gateway(backends={"mail": backend.backend()}, limits={"memory": f"{LIMIT >> 20}MiB"}))
        honest = self.enterContext(gateway.connect())
        honest.ok(b"LOGIN anna sesame")
        most, refused, readers = 0, 0, []
        try:
            for _ in range(READERS):
                try:
                    readers.append(greedy(gateway))
                except (OSError, Closed):  # not let in: what the limit is for
                    refused += 1
                most = max(most, gateway.resident_bytes())
            end = time.monotonic() + 5
            while time.monotonic() < end:
                most = max(most, gateway.resident_bytes())
                honest.ok(b"NOOP")  # a client that reads is served all the while
            self.assertLess(most, LIMIT + SLACK)
            metrics = gateway.metrics()
            self.assertGreater(metrics.sum("postern_memory_shortages_total"), 0, f"{most} bytes at most")
            self.assertGreater(metrics.sum("postern_waiting_bytes"), 0)
            self.assertEqual(metrics.sum("postern_memory_limit_bytes"), LIMIT)
            self.assertGreater(metrics.sum("postern_sessions_total", end_reason="limit_memory"), 0)
            self.assertGreater(refused, 0)
        finally:
            for reader in readers:
                reader.close()
        gateway.wait_for_metric("postern_sessions_active", 1)
        gateway.wait_for_metric("postern_waiting_bytes", 0)
        gateway.wait_for_log("memory is enough again")
        with gateway.connect() as late:  # the door is open again
            late.ok(b"LOGIN anna sesame")
        honest.ok(b"NOOP")


if __name__ == "__main__":
    unittest.main()
