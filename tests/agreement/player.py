"""Plays a script directly to the server and through the gateway, and keeps what was heard.

Directly, silence is judged by time alone. Through the gateway the player knows what came directly, and waits for
that until a generous deadline: so a busy machine makes no finding, and a quiet answer costs no time.
"""

import asyncio
import dataclasses
import time

from wire import End, Tapped, connect

CUT_S = 0.004  # between two segments: the first is read alone, mostly
PROBES = 3
PAD = b"".join(b"zp%038d NOOP\r\n" % number for number in range(60))  # longer than what two generated literals may still want


@dataclasses.dataclass(frozen=True)
class Pace:
    """Seconds: until silence counts as one, at the end of all answers, and for what must come."""

    silence: float = 0.4
    settle: float = 0.05
    deadline: float = 4.0
    linger: float = 6.0  # for the gateway to close behind its client
    cut: float = CUT_S


FAST, SLOW, BRISK = Pace(), Pace(4.0, 1.0, 12.0), Pace(0.25, 0.05, 1.5, 0.3)


@dataclasses.dataclass
class Heard:
    """What one way of playing a script gave."""

    lines: list = dataclasses.field(default_factory=list)
    octets: bytes = b""
    waits: list = dataclasses.field(default_factory=list)  # per wait: the line that ended it, "end" or ""
    before: int = 0  # lines before the closing NOOPs
    probe: int = 0  # which of the closing NOOPs was answered; 0: none was
    closed: str = ""  # the server or the gateway ended it, before the client did: "end" or "reset"
    ended: str = ""  # how it was at the very end
    over: float = 0.0  # when the client closed, by time.monotonic()
    sent: int = 0  # octets of the script
    sent_when: list = dataclasses.field(default_factory=list)  # for each line, how many octets had been sent when it came
    tapped: Tapped | None = None
    left: float = 0.0  # seconds from the client's close to the gateway's, at the tap
    failed: str = ""  # there was no conversation at all


class Player:
    def __init__(self, loop, server, front, context, tap):
        self.loop, self.server, self.front, self.context, self.tap = loop, server, front, context, tap
        self._session = None
        self._usual = 0.0  # how long answers take, of late

    def meet(self, front):
        """The gateway is there from now on."""
        self.front, self._session = front, None

    def _silence(self, pace):
        """How long nothing must come to be silence: longer on a busy machine."""
        return max(pace.silence, 8 * self._usual)

    async def directly(self, script, pace=FAST):
        return await self._play(script, pace, await connect(self.loop, self.server), None, False)

    async def through(self, script, direct, owed, pace=FAST):
        """`owed`: the gateway has no right to answer other than the server did."""
        heard = Heard()
        try:
            connection = await connect(self.loop, self.front, self.context, self._session)
        except (OSError, asyncio.TimeoutError) as error:
            heard.failed = f"no TLS connection to the gateway: {error}"
            return heard
        port = connection.getsockname()[1]
        tapped = self.tap.clients.setdefault(port, Tapped())  # the gateway may have been faster
        heard = await self._play(script, pace, connection, direct, owed)
        heard.tapped = tapped
        del self.tap.clients[port]
        return heard

    async def gone(self, heard, pace=FAST):
        """Once the gateway has closed behind its client, and the server behind the gateway, or has not in time."""
        tapped = heard.tapped
        if tapped is None or not tapped.events:
            return
        await tapped.until(lambda: tapped.gateway_gone, heard.over + pace.linger, self.loop)
        heard.left = (tapped.gateway_gone or time.monotonic()) - heard.over
        if tapped.gateway_gone:
            await tapped.until(lambda: tapped.over, heard.over + pace.linger + 2, self.loop)

    async def _play(self, script, pace, connection, direct, owed):
        end, heard = End(connection, self.loop), Heard()
        try:
            await self._converse(script, pace, end, heard, direct, owed)
        finally:
            if connection is not end.plain and not connection.resumed():
                self._session = connection.session()
            heard.ended, heard.over = end.closed or "", time.monotonic()
            heard.lines, heard.octets, heard.sent_when = list(end.lines), bytes(end.octets), end.sent_when
            end.close(reset=script.end == "reset")
        return heard

    async def _converse(self, script, pace, end, heard, direct, owed):
        if not await end.until(lambda: end.lines, 60):
            heard.failed = "no greeting"
            return
        for step in script.steps:
            since = len(end.lines)
            for number, segment in enumerate(step.segments):
                if number:
                    await end.until(lambda: False, pace.cut)
                if not end.closed and await end.send(segment):
                    heard.sent += len(segment)
            if step.wait:
                number = len(heard.waits)
                must = owed and number < len(direct.waits) and direct.waits[number]
                heard.waits.append(await self._wait(end, step.wait, since, pace.deadline if must else self._silence(pace)))
        await getattr(self, "_" + script.end)(pace, end, heard, direct, owed)

    async def _wait(self, end, tag, since, seconds):
        """The line that ends the wait."""
        found, seen, begin = [], since, self.loop.time()

        def answered():
            nonlocal seen
            while seen < len(end.lines):
                line = end.lines[seen]
                seen += 1
                if line.startswith((tag + b" ", b"+", b"* BYE")):
                    found.append(line)
                    return True
            return False
        if await end.until(answered, seconds):
            took = min(self.loop.time() - begin, seconds)  # a process that was stopped must not wait for ever after
            self._usual += (took - self._usual) / 50
        return found[0] if found else b"end" if end.closed else b""

    async def _close(self, pace, end, heard, direct, owed):
        if owed:
            await end.until(lambda: len(end.lines) >= direct.before, pace.deadline)
        await end.quiet(pace.settle)
        if owed and direct.closed:
            await end.until(lambda: False, pace.deadline)
        heard.closed, heard.before = end.closed or "", len(end.lines)
        if end.closed:
            return
        must = direct is not None and (direct.probe or direct.closed)
        for number in range(1, PROBES + 1):
            last = owed and must and number >= max(direct.probe, 1)
            if await self._probe(end, b"zz%d " % number, b"zz%d NOOP\r\n" % number, pace.deadline if last else self._silence(pace)):
                heard.probe = number
                return
        if must and await self._probe(end, b"zp", PAD, pace.deadline):
            heard.probe = PROBES + 1
            await end.quiet(pace.settle)
        heard.closed = end.closed or ""

    async def _probe(self, end, answer, commands, seconds):
        since = len(end.lines)
        await end.send(commands)
        return await end.until(lambda: any(line.startswith(answer) for line in end.lines[since:]), seconds)

    async def _half(self, pace, end, heard, direct, owed):
        end.close_writing()
        await end.until(lambda: False, pace.deadline if direct is None or direct.closed else pace.silence)
        heard.closed, heard.before = end.closed or "", len(end.lines)

    async def _now(self, pace, end, heard, direct, owed):
        heard.before = len(end.lines)

    _reset = _now
