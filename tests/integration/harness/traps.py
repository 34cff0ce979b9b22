"""Servers that fail in a known way, as scripts of a ScriptedBackend; clients that do; and places where nobody answers."""

import contextlib
import socket
import struct
import time

from .imap import Client
from .processes import DEADLINE_S

OFFER = b"* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n"
NO_OFFER = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n"
ANSWERS = {b"CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n%s OK done\r\n"}

# ---- scripts


def greets(line):
    """Says this and nothing more."""
    def script(peer):
        peer.send(line)
        peer.until_gone()
    return script


def hangs_up(_):
    """Leaves before a word."""


def resets(peer):
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def resets_in_handshake(peer):
    peer.bytes(1)
    resets(peer)


def http(peer):
    peer.bytes(1)
    peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def preauth(peer):
    peer.send(b"* PREAUTH welcome\r\n")
    peer.serve()


def imap_in_tls(peer):
    peer.send(NO_OFFER)
    peer.serve(ANSWERS)


def stripper(peer):
    """What an inspecting firewall leaves of a server."""
    imap_in_tls(peer)


def injector(peer):
    """Bytes come in clear after the OK to STARTTLS."""
    peer.send(OFFER)
    tag = peer.line().split()[0]
    peer.send(tag + b" OK begin\r\n* OK injected\r\n")
    peer.until_gone()


def greets_after(seconds):
    """Slow, and else without fault."""
    def script(peer):
        time.sleep(seconds)  # the server's own slowness, not a wait for an event
        imap_in_tls(peer)
    return script


def bulk(peer):
    """Answers FETCH with more than anybody takes, everything else with OK."""
    peer.send(b"* OK ready\r\n")
    while True:
        tag, command = peer.line().split()[:2]
        if command == b"FETCH":
            peer.send(b"* 1 FETCH (BODY[] {1000000000}\r\n")
            while True:
                peer.send(b"x" * 65536)
        peer.send(tag + b" OK done\r\n")


# ---- clients


def greedy(gateway):
    """A client that asks a server of bulk() for a gigabyte and takes nothing of it, through a socket that holds little."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    plain.settimeout(DEADLINE_S)
    plain.connect(gateway.address())
    client = Client(plain)
    try:
        client.secure(gateway.client_context(), "postern.test")
        client.response()
        client.ok(b"LOGIN anna sesame")
        client.start(b"FETCH 1 BODY[]")
    except BaseException:
        client.close()
        raise
    return client


# ---- what the TLS of servers is


def only_version(context, version):
    """OpenSSL that speaks this version and no other, however old."""
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


# ---- where nobody answers


@contextlib.contextmanager
def nobody():
    """The address of a port where nobody listens; bound, so that nobody else can come to."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield "%s:%d" % bound.getsockname()


@contextlib.contextmanager
def black_hole():
    """A server whose queue is full: the kernel drops whatever knocks, as a firewall or a dead host would."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with contextlib.suppress(TimeoutError):
            while True:
                filler = sockets.enter_context(socket.socket())
                filler.settimeout(0.3)
                filler.connect(listener.getsockname())
        yield "%s:%d" % listener.getsockname()
