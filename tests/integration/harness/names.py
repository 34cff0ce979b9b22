"""A name server of the test's own, and programs that ask no other."""

import contextlib
import socket
import threading
from unittest import mock

from . import gateway as harness_gateway

A, SRV = b"\0\1", b"\0\x21"
SILENT, SERVFAIL, NXDOMAIN, EMPTY = "silent", "servfail", "nxdomain", "empty"
CODES = {SERVFAIL: b"\x81\x82", NXDOMAIN: b"\x81\x83", EMPTY: b"\x81\x80"}


class NameServer(contextlib.AbstractContextManager):
    """Knows these names: to each belongs a (type, data) of one record, or one of the four words above, which say what
    comes in place of an answer. No other name is there."""

    def __init__(self, host, names):
        self.names = names
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind((host, 53))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def __exit__(self, *_):
        with contextlib.suppress(OSError):  # it is not connected, and yet this wakes the thread
            self.socket.shutdown(socket.SHUT_RD)
        self.thread.join(20)
        self.socket.close()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                question, asker = self.socket.recvfrom(4096)
                if not question:
                    return
                if answer := self.answer(question):
                    self.socket.sendto(answer, asker)

    def answer(self, question):
        labels, at = [], 12
        while size := question[at]:
            labels.append(question[at + 1:at + 1 + size].decode())
            at += size + 1
        asked = question[12:at + 5]
        known = self.names.get(".".join(labels).lower(), NXDOMAIN)
        if isinstance(known, str):
            return None if known == SILENT else question[:2] + CODES[known] + b"\0\1\0\0\0\0\0\0" + asked
        kind, data = known
        if kind != asked[-4:-2]:
            return question[:2] + CODES[EMPTY] + b"\0\1\0\0\0\0\0\0" + asked
        record = b"\xc0\x0c" + kind + b"\0\1\0\0\0\x3c" + len(data).to_bytes(2, "big") + data
        return question[:2] + CODES[EMPTY] + b"\0\1\0\1\0\0\0\0" + asked + record


def through(folder, script):
    """Runs the gateway's binary through a shell script, in which "$@" is its command line."""
    wrapper = folder / "wrapper"
    wrapper.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
    wrapper.chmod(0o755)
    return mock.patch.object(harness_gateway, "BINARY", str(wrapper))


def names_from(folder, hosts, resolver):
    """Runs the gateway's binary with these files for /etc/hosts and /etc/resolv.conf."""
    return through(folder, f"""exec unshare --mount --propagation slave sh -ec '
        mount --bind {hosts} /etc/hosts; mount --bind {resolver} /etc/resolv.conf
        exec "$0" "$@"' {harness_gateway.BINARY} "$@" """)


@contextlib.contextmanager
def asking(folder, host):
    """As names_from(): no name is known but by a name server at this address, which is asked once."""
    (hosts := folder / "hosts").write_text("", encoding="ascii")
    (resolver := folder / "resolv.conf").write_text(f"nameserver {host}\noptions timeout:30 attempts:1\n", encoding="ascii")
    with names_from(folder, hosts, resolver):
        yield
