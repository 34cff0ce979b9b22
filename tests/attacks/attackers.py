"""The attackers of tests/attacks/run, each a program of its own.

    attackers.py NAME HOST PORT COUNT    goes on until its standard input ends; prints "in position" once it
                                         is, and at its end one JSON object: how often it saw what

An attacker is COUNT workers that each begin again when they are turned away. Every worker has a loopback
address of its own choice, so that no limit on one address helps against those that come from many.
"""

import asyncio
import collections
import contextlib
import itertools
import json
import logging
import random
import resource
import socket
import ssl
import struct
import sys

FILLED_S = 3  # until all buffers on the way are full; before that it is a download like any other
PASSWORD = "wrong"  # the backend refuses it
RETRY_S = 0.2  # between being turned away and the next try, on average: they do not move in step


def pause():
    return random.uniform(0.5, 1.5) * RETRY_S


class Attack:
    """What one kind of attacker does; `seen` counts what it met."""

    addresses = 1  # it comes from so many
    version = None  # the TLS version it insists on

    def __init__(self, host, port, count):
        self.host, self.port, self.count = host, port, count
        self.seen = collections.Counter()
        self.arrived = 0
        self.in_position = asyncio.Event()

    def source(self, number):
        """127.2.x.y, never the honest clients' address."""
        number %= self.addresses
        return f"127.2.{number // 250}.{number % 250 + 1}"

    async def connect(self, number, secure=True):
        context = None
        if secure:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if self.version:
                context.minimum_version = context.maximum_version = self.version
        return await asyncio.open_connection(self.host, self.port, ssl=context, limit=1 << 16,
                                             server_hostname="attack.test" if secure else None,
                                             local_addr=(self.source(number), 0))

    def here(self):
        self.arrived += 1
        if self.arrived >= self.count:
            self.in_position.set()

    async def worker(self, number):
        first = True
        while True:
            try:
                reader, writer = await self.connect(number, self.secure)
            except OSError:  # refused, or reset in the handshake
                self.seen["turned away"] += 1
            else:
                self.seen["connected"] += 1
                try:
                    await self.attack(reader, writer)
                    self.seen["ended in order"] += 1
                except (OSError, asyncio.IncompleteReadError):
                    self.seen["cut off"] += 1
                finally:
                    with contextlib.suppress(OSError):
                        writer.transport.abort()
            if first:
                self.here()
                first = False
            await asyncio.sleep(pause())

    async def attack(self, reader, writer):
        raise NotImplementedError

    secure = True

    async def greeted(self, reader):
        line = await reader.readline()
        if not line.startswith(b"* OK"):
            self.seen["greeted with BYE" if line.startswith(b"* BYE") else "not greeted"] += 1
            raise OSError("not greeted")

    async def drain(self, reader):
        """Reads whatever comes until the end, and notes a last word."""
        last = b""
        while piece := await reader.read(1 << 16):
            last = (last + piece)[-200:]
        if b"* BYE" in last:
            self.seen["got BYE"] += 1


class Silent(Attack):
    """Opens a connection and never says anything."""
    addresses, secure = 1000, False

    async def attack(self, reader, writer):
        self.here()
        await reader.read(1)


class SlowHandshake(Attack):
    """Sends its ClientHello an octet at a time."""
    addresses, secure = 100, False

    async def attack(self, reader, writer):
        self.here()
        incoming, hello = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context()
        tls = context.wrap_bio(incoming, hello, server_hostname="postern.test")
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        gone = asyncio.ensure_future(reader.read(1))
        for octet in hello.read():
            if gone.done():
                break
            writer.write(bytes([octet]))
            await asyncio.sleep(0.05)
        await gone


class HalfHandshake(Attack):
    """Sends a whole ClientHello, has the server work for it, and never finishes."""
    addresses, secure = 100, False

    async def attack(self, reader, writer):
        incoming, hello = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = ssl.create_default_context().wrap_bio(incoming, hello, server_hostname="postern.test")
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        writer.write(hello.read())
        self.here()
        while await reader.read(1 << 16):
            pass


class Places(Attack):
    """From five addresses, the first octet of TLS and nothing more: as many as there are places."""
    addresses, secure = 5, False

    async def attack(self, reader, writer):
        writer.write(b"\x16")
        self.here()
        await reader.read(1)


class Churn(Attack):
    """From five addresses, the first octet of TLS, and a moment later again: new connections all the time."""
    addresses, secure = 5, False

    async def attack(self, reader, writer):
        writer.write(b"\x16")
        self.here()
        await asyncio.sleep(0.05)


class HelloStorm(Attack):
    """From five addresses, 2,000 whole ClientHellos a second, and nothing more: each is work for the gateway."""
    addresses = 5
    a_millisecond = 2

    async def worker(self, number):
        self.here()
        if number > 0:
            return  # the first opens them all
        hello, opened = self.hello(), collections.deque()
        for number in itertools.count():
            if number % self.a_millisecond == 0:
                await asyncio.sleep(0.001)
            opened.append(self.connected(number))
            with contextlib.suppress(OSError):
                opened[-1].send(hello)
            if len(opened) >= self.count:
                opened.popleft().close()
            self.seen["sent"] += 1

    def hello(self):
        incoming, hello = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = ssl.create_default_context().wrap_bio(incoming, hello, server_hostname="attack.test")
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        return hello.read()

    def connected(self, number):
        client = socket.socket()
        client.setblocking(False)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # no port waits for its end
        client.bind((self.source(number), 0))
        with contextlib.suppress(BlockingIOError):
            client.connect((self.host, self.port))
        return client


class BeforeLogin(Attack):
    """Inside TLS, greeted, and silent: as many as there are places."""
    addresses = 100

    async def attack(self, reader, writer):
        await self.greeted(reader)
        self.here()
        await self.drain(reader)


class HeldCommands(Attack):
    """Begins a command as long as it may be and never ends it: as many as fill the memory."""
    addresses = 5

    async def attack(self, reader, writer):
        await self.greeted(reader)
        writer.write(b"a LOGIN {120000}\r\n")
        await reader.readline()
        writer.write(b"x" * 110_000)
        await writer.drain()
        self.here()
        await self.drain(reader)


class EndlessCommands(Attack):
    """Good commands before login, without end."""
    async def attack(self, reader, writer):
        await self.greeted(reader)
        self.here()
        answer = asyncio.ensure_future(self.drain(reader))
        with contextlib.suppress(OSError):
            while not answer.done() and not writer.is_closing():
                writer.write(b"a NOOP\r\n" * 100)
                await asyncio.sleep(0)  # drain() alone does not yield while there is room
                await writer.drain()
        await answer


class AfterViolation(Attack):
    """Breaks a rule, is refused, and goes on talking as fast as it can."""
    async def attack(self, reader, writer):
        await self.greeted(reader)
        self.here()
        writer.write(b"a LOGIN {4294967295}\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 65536)
            await asyncio.sleep(0)
            await writer.drain()


class AdminStall(Attack):
    """Requests on the admin endpoint that never end; as many again as it has places."""
    addresses, secure = 8, False

    async def attack(self, reader, writer):
        writer.write(b"GET /metrics HT")
        self.here()
        await reader.read(1)


class AdminScrape(Attack):
    """Scrapes as fast as it can, 64 requests in one write."""
    addresses, secure = 8, False

    async def attack(self, reader, writer):
        self.here()
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 64)
        while await reader.read(1 << 16):
            pass


class OneByteWrites(Attack):
    """Speaks IMAP in records of one octet."""
    async def attack(self, reader, writer):
        await self.greeted(reader)
        self.here()
        for _ in range(200):
            for octet in b"a NOOP\r\n":
                writer.write(bytes([octet]))
                await writer.drain()
            await reader.readline()


class EndlessLine(Attack):
    """Never ends its first command."""
    async def attack(self, reader, writer):
        await self.greeted(reader)
        self.here()
        answer = asyncio.ensure_future(self.drain(reader))
        with contextlib.suppress(OSError):
            for _ in range(1000):
                writer.write(b"a" * 16384)
                await writer.drain()
        await answer


class HugeLiterals(Attack):
    """Announces literals that nobody could take."""
    async def attack(self, reader, writer):
        await self.greeted(reader)
        self.here()
        for line in (b"a LOGIN {4294967295}\r\n", b"b LOGIN {99999999999999999999+}\r\n"):
            writer.write(line)
        writer.write(b"x" * 65536)
        await self.drain(reader)


class EightBit(Attack):
    """NUL and 8-bit octets where a command should be."""
    async def attack(self, reader, writer):
        await self.greeted(reader)
        self.here()
        for _ in range(64):
            writer.write(bytes(range(256)) + b"\r\n\0\0\r\n")
        writer.write(b"z LOGOUT\r\n")
        await self.drain(reader)


class Pipelined(Attack):
    """A thousand commands in one write."""
    async def attack(self, reader, writer):
        await self.greeted(reader)
        self.here()
        writer.write(b"".join(b"p%d NOOP\r\n" % number for number in range(1000)) + b"z LOGOUT\r\n")
        await self.drain(reader)


class NotTls(Attack):
    """Plaintext IMAP, HTTP, SSH and noise on the port for TLS."""
    secure = False
    words = itertools.cycle((b"a LOGIN anna sesame\r\n", b"GET / HTTP/1.1\r\nHost: mail\r\n\r\n",
                             b"SSH-2.0-OpenSSH_9.2\r\n", bytes(range(255, -1, -1)), b"\x16\x03\x01\xff\xff" * 100))

    async def attack(self, reader, writer):
        self.here()
        writer.write(next(self.words))
        await self.drain(reader)


class Renegotiate(Attack):
    """Asks for TLS 1.2's renegotiation, again and again (openssl s_client's R)."""
    async def worker(self, number):
        arguments = ["-connect", f"{self.host}:{self.port}", "-tls1_2", "-legacy_renegotiation"]
        while True:
            client = await asyncio.create_subprocess_exec(
                "openssl", "s_client", *arguments, stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
            try:
                await self.ask(client)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    client.kill()
                await client.wait()
            self.here()
            await asyncio.sleep(pause())

    async def ask(self, client):
        while b"* OK" not in (line := await client.stdout.readline()):
            if not line:
                self.seen["not greeted"] += 1
                return
        client.stdin.write(b"R\n")
        answer = await client.stdout.read()
        refused = b"no renegotiation" in answer or b"alert" in answer or b"error" in answer
        self.seen["renegotiation refused" if refused else "hung up on"] += 1


class Spray(Attack):
    """One wrong password after the other, from a thousand addresses."""
    addresses = 1000

    async def attack(self, reader, writer):
        await self.greeted(reader)
        self.here()
        for number in range(5):
            writer.write(b"s%d LOGIN user%d %s\r\n" % (number, number, PASSWORD.encode()))
            line = await reader.readline()
            self.seen["refused" if b" NO" in line else "got BYE" if b"BYE" in line else "other answer"] += 1
            if not line or line.startswith(b"* BYE"):
                return


class NeverRead(Attack):
    """Asks for a gigabyte and never reads it."""
    async def attack(self, reader, writer):
        await self.greeted(reader)
        writer.write(b"a LOGIN user password\r\n")
        await reader.readline()
        writer.transport.pause_reading()
        writer.write(b"b FETCH 1073741824\r\n")
        await asyncio.sleep(FILLED_S)
        self.here()
        await asyncio.sleep(3600)


ATTACKS = {"silent": Silent, "slow-handshake": SlowHandshake, "half-handshake": HalfHandshake,
           "places": Places, "churn": Churn, "hello-storm": HelloStorm, "held-commands": HeldCommands, "before-login": BeforeLogin, "endless-commands": EndlessCommands,
           "after-violation": AfterViolation, "admin-stall": AdminStall, "admin-scrape": AdminScrape,
           "one-byte-writes": OneByteWrites, "endless-line": EndlessLine, "huge-literals": HugeLiterals,
           "eight-bit": EightBit, "pipelined": Pipelined, "not-tls": NotTls, "renegotiate": Renegotiate,
           "spray": Spray, "never-read": NeverRead}


async def main(name, host, port, count):
    attack = ATTACKS[name](host, int(port), int(count))
    workers = []

    async def gather():
        for number in range(attack.count):
            workers.append(asyncio.ensure_future(attack.worker(number)))
            if number % 50 == 49:  # no faster than a listen queue is emptied
                await asyncio.sleep(0.01)
        await attack.in_position.wait()
        print("in position", flush=True)

    gathering = asyncio.ensure_future(gather())
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for task in [gathering, *workers]:
        task.cancel()
    await asyncio.gather(gathering, *workers, return_exceptions=True)
    print(json.dumps(attack.seen), flush=True)


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of each write to one that has hung up
    asyncio.run(main(*sys.argv[1:]))
