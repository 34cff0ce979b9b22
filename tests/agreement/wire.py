"""Sockets of one conversation on the event loop: the client's ends, and the tap between gateway and server."""

import asyncio
import socket
import ssl
import struct
import time

CHUNK = 1 << 16
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends RST


class End:
    """A client's end of a connection, in clear or inside TLS. Collects what comes; until() waits for it."""

    def __init__(self, connection, loop):
        self.socket = connection
        self.plain = getattr(connection, "plain", connection)
        self.loop = loop
        self.octets = bytearray()
        self.lines = []  # complete ones, with their line ends
        self.sent = 0
        self.sent_when = []  # for each line, how many octets had been sent when it came
        self.closed = None  # how the other side ended it: "end" or "reset"
        self._begin = 0
        self._waiting = None
        loop.add_reader(connection.fileno(), self._readable)
        loop.call_soon(self._readable)  # the greeting may have come with the end of the handshake

    def _readable(self):
        while not self.closed:
            try:
                data = self.socket.recv(CHUNK)
            except BlockingIOError:
                break
            except (OSError, ValueError) as error:
                data = b""
                self.closed = "end" if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) else "reset"
            if not data:
                self.closed = self.closed or "end"
                self.loop.remove_reader(self.socket.fileno())
                break
            self.octets += data
            while (end := self.octets.find(b"\n", self._begin)) >= 0:
                self.lines.append(bytes(self.octets[self._begin:end + 1]))
                self.sent_when.append(self.sent)
                self._begin = end + 1
            if self.socket is self.plain and len(data) < CHUNK:
                break  # all there was
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(True)

    async def until(self, condition, seconds):
        """Whether the condition became true within the time, or by then the connection had ended."""
        deadline = self.loop.time() + seconds
        while not condition():
            left = deadline - self.loop.time()
            if left <= 0 or self.closed:
                return False
            await self._pause(left)
        return True

    async def quiet(self, seconds):
        """Until nothing has come for so long, or the end."""
        while not self.closed:
            seen = len(self.octets)
            await self._pause(seconds)
            if len(self.octets) == seen:
                return

    async def _pause(self, seconds):
        self._waiting = self.loop.create_future()
        timer = self.loop.call_later(seconds, lambda future: future.done() or future.set_result(False), self._waiting)
        await self._waiting
        timer.cancel()

    async def send(self, data, seconds=5):
        """False if the other side takes no more."""
        view, deadline = memoryview(data), self.loop.time() + seconds
        while view:
            try:
                count = self.socket.send(view)
                self.sent += count
                view = view[count:]
            except BlockingIOError:
                if self.loop.time() > deadline:
                    return False
                await asyncio.sleep(0.005)
            except (OSError, ValueError):
                return False
        while getattr(self.socket, "pending", bool)() and self.loop.time() < deadline:
            await asyncio.sleep(0.005)
        return True

    def close_writing(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self, reset=False):
        self.loop.remove_reader(self.socket.fileno())
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        elif not self.closed:
            self.close_writing()
        self.socket.close()


class Tls:
    """A socket inside TLS. Unlike SSLSocket it can close one direction and read on in the other."""

    def __init__(self, connection, context, session):
        self.plain, self._in, self._out = connection, ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname="postern.test", session=session)
        self.fileno, self.setsockopt, self.getsockname = connection.fileno, connection.setsockopt, connection.getsockname
        self._waiting = b""

    def resumed(self):
        return self._tls.session_reused

    def session(self):
        """A copy, which takes its time."""
        return self._tls.session

    def _flush(self):
        self._waiting += self._out.read()
        while self._waiting:
            self._waiting = self._waiting[self.plain.send(self._waiting):]

    def do_handshake(self):
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            data = self.plain.recv(CHUNK)
            self._in.write(data) if data else self._in.write_eof()
            self.do_handshake()
        self._flush()

    def recv(self, size):
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                data = self.plain.recv(CHUNK)
                self._in.write(data) if data else self._in.write_eof()

    def send(self, data):
        self._flush()
        count = self._tls.write(data)
        try:
            self._flush()
        except BlockingIOError:
            pass  # goes out with what is sent next, or by pending()
        return count

    def pending(self):
        """True while octets wait for the socket."""
        try:
            self._flush()
        except BlockingIOError:
            return True
        return False

    def shutdown(self, _):
        """close_notify, and the end of this direction."""
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            pass  # the other side has not said its own yet
        self._flush()
        self.plain.shutdown(socket.SHUT_WR)

    def close(self):
        self.plain.close()


async def connect(loop, address, context=None, session=None):
    connection = socket.socket()
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await loop.sock_connect(connection, address)
    if context is not None:
        connection = Tls(connection, context, session)
        while True:
            try:
                connection.do_handshake()
                break
            except BlockingIOError:
                await _readiness(loop, loop.add_reader, loop.remove_reader, connection.fileno())
    return connection


async def _readiness(loop, add, remove, descriptor):
    ready = loop.create_future()
    add(descriptor, lambda: ready.done() or ready.set_result(None))
    try:
        await asyncio.wait_for(ready, 20)
    finally:
        remove(descriptor)


class Tapped:
    """One connection of the gateway to the server as the tap saw it.

    `events` are ("client" or "server", octets) in the order in which the tap passed them on, `times` when that was; an
    event without octets is the end of that direction."""

    def __init__(self):
        self.events = []
        self.times = []
        self.gateway_gone = None  # when, by time.monotonic()
        self.server_gone = None
        self.over = False
        self.relay = self.waiting = None

    async def until(self, condition, when, loop):
        """Waits until the condition holds, which an end at the tap may bring about, or the time has come."""
        while not condition() and (left := when - time.monotonic()) > 0:
            self.waiting = loop.create_future()
            timer = loop.call_later(left, self.wake)
            await self.waiting
            timer.cancel()

    def wake(self):
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(None)

    def begin_again(self):
        """With another connection for the same client: of the one before, nothing counts."""
        self.relay.tapped = Tapped()
        self.wake()
        self.__init__()

    def octets(self, side, until=float("inf")):
        return b"".join(data for (whose, data), when in zip(self.events, self.times) if whose == side and when <= until)


class Tap:
    """A TCP relay. The gateway names its client by a PROXY header, which goes no further."""

    def __init__(self, loop, server):
        self.loop, self.server = loop, server
        self.clients = {}  # the client's port -> Tapped
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self._listener.setblocking(False)
        self.address = self._listener.getsockname()
        self._tasks = set()
        loop.add_reader(self._listener.fileno(), self._accept)

    def close(self):
        self.loop.remove_reader(self._listener.fileno())
        self._listener.close()

    def _accept(self):
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        task = self.loop.create_task(self._open(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self, gateway):
        gateway.setblocking(False)
        head = b""
        while b"\r\n" not in head:
            data = await self.loop.sock_recv(gateway, 107)
            if not data:
                gateway.close()
                return
            head += data
        header, _, early = head.partition(b"\r\n")
        tapped = self.clients.setdefault(int(header.split(b" ")[4]), Tapped())
        if tapped.relay and tapped.gateway_gone and not tapped.octets("client"):
            tapped.begin_again()  # the server was too late with its greeting
        server = socket.socket()
        server.setblocking(False)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        gateway.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await self.loop.sock_connect(server, self.server)
        tapped.relay = Relay(self.loop, tapped, gateway, server, early)


class Relay:
    def __init__(self, loop, tapped, gateway, server, early):
        self.loop, self.tapped = loop, tapped
        self.sockets = {"client": gateway, "server": server}
        self.waiting = {"client": bytearray(), "server": bytearray()}  # for the other side
        self.ended, self.blocked = set(), set()
        if early:
            self._pass("client", early)
        for side, connection in self.sockets.items():
            loop.add_reader(connection.fileno(), self._readable, side)

    def _readable(self, side):
        while True:
            try:
                data = self.sockets[side].recv(CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            self._pass(side, data)
            if len(data) < CHUNK:
                return

    def _pass(self, side, data):
        now = time.monotonic()
        self.tapped.events.append((side, data))
        self.tapped.times.append(now)
        if data:
            self.waiting[side] += data
        else:
            if side == "client":
                self.tapped.gateway_gone = self.tapped.gateway_gone or now
            else:
                self.tapped.server_gone = self.tapped.server_gone or now
            self.tapped.wake()
            self.ended.add(side)
            self.loop.remove_reader(self.sockets[side].fileno())
        self._write(side)

    def _write(self, side):
        other = self.sockets["server" if side == "client" else "client"]
        waiting = self.waiting[side]
        while waiting:
            try:
                del waiting[:other.send(waiting)]
            except BlockingIOError:
                self.loop.add_writer(other.fileno(), self._write, side)
                self.blocked.add(side)
                return
            except OSError:
                waiting.clear()
        if side in self.blocked:
            self.blocked.remove(side)
            self.loop.remove_writer(other.fileno())
        if side in self.ended:
            try:
                other.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        if len(self.ended) == 2 and not any(self.waiting.values()):
            for connection in self.sockets.values():
                connection.close()
            self.tapped.over = True
            self.tapped.wake()
