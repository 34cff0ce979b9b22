"""A network of its own for a test: nothing but a loopback interface, whose local ports it may use up."""

import contextlib
import ctypes
import os
import pathlib

from .processes import run

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def own_network():
    """What this thread and its children open meanwhile is in there. It needs root."""
    with open("/proc/thread-self/ns/net", encoding="ascii") as former:
        expect(LIBC.unshare(CLONE_NEWNET))
        try:
            run("ip", "link", "set", "lo", "up")
            yield
        finally:
            expect(LIBC.setns(former.fileno(), CLONE_NEWNET))


def set_local_ports(first, last):
    """Those from which this network connects. A listener's port is never one of them: listen first."""
    pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(f"{first} {last}", encoding="ascii")


def expect(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
