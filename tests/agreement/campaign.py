"""A run of many conversations against one server: batches, confirmation, the count of logins, shrinking."""

import asyncio
import dataclasses
import random
import time

from compare import Verdict
from grammar import Maker
from owed import owed
from player import BRISK, FAST, SLOW, Heard
from script import Script, Step
from shrink import shrink

DIRECT = ("answers", "no answer", "end")  # what is held against the direct conversation only
TIMED = (*DIRECT, "silence", "left", "lost words", "octets")  # what a busy machine may feign; all else is a fact


class Campaign:
    def __init__(self, world, server, options):
        self.world, self.server, self.options = world, server, options
        self.found = {}  # kind -> how often
        self.begun = {}  # kind -> how many of them are made small
        self.looking = {}  # kind -> so many are looked into at once
        self.shown = set()
        self.passing = 0  # disagreements that did not come again
        self.played = self.comparable = 0
        self.due = (0, 0)  # what the gateway's count of logins has to grow by, at least and at most
        self.begin = time.monotonic()
        self.slots = asyncio.Semaphore(min(options.at_once, world.server.at_once))

    def script(self, number):
        rng = random.Random(f"{self.options.seed}/{self.server}/{number}")
        return Maker(rng, self.world.server.sink).script()

    async def run(self):
        """True if all agreed."""
        for first in range(0, self.options.count, self.options.batch):
            if time.monotonic() - self.begin > self.options.seconds or (any(self.found.values()) and not self.options.all):
                break
            await self._batch(range(first, min(first + self.options.batch, self.options.count)))
            rate = self.played / (time.monotonic() - self.begin)
            print(f"{self.server}: {self.played} conversations, {self.comparable} owed an equal answer, {rate:.0f} a second, "
                  f"disagreements: {self.found or 'none'}; {self.passing} did not come again", flush=True)
        return not any(self.found.values())

    async def _batch(self, numbers):
        self.world.revive()
        before = await self.world.logins()
        self.due = (0, 0)
        verdicts = await asyncio.gather(*(self._judged(number) for number in numbers))
        if self.world.death():
            await self._find_killer(verdicts)
            return
        counted = await self.world.logins() - before
        least, most = self.due
        self.played += len(verdicts)
        self.comparable += sum(verdict.owed for verdict in verdicts)
        if not least <= counted <= most and self.found.get("logins", 0) < self.options.per_kind:
            await self._bisect([verdict.script for verdict in verdicts if not verdict.faults],
                               f"{counted}, not {least} to {most}")

    async def _judged(self, number):
        verdict = await self._one(self.script(number))
        if verdict.faults and not self.world.death():
            await self._look_into(number, verdict)
        return verdict

    async def _one(self, script, pace=FAST):
        verdict = await self._compared(script, script, pace)
        cut = any(len(step.segments) > 1 for step in script.steps)
        if cut and verdict.faults and verdict.faults[0][0] in DIRECT:
            # Cut so, some servers misread even what is well formed. What the gateway sent may have come in one piece,
            # or the first of two read alone.
            joined = Script(tuple(Step((step.data,), step.wait) for step in script.steps), script.end)
            for other_script, other_pace in ((joined, pace), (script, dataclasses.replace(pace, cut=0.15))):
                other = await self._compared(script, other_script, pace, other_pace)
                logins = tuple(map(sum, zip(verdict.logins, other.logins)))
                verdict = verdict if other.faults else other
                verdict.logins = logins
                if not verdict.faults:
                    break
        return verdict

    async def _compared(self, script, direct_script, pace, direct_pace=None):
        async with self.slots:
            direct = await self.world.player.directly(direct_script, direct_pace or pace)
            is_owed, why = owed(script, direct, self.server)
            heard = Heard(failed=direct.failed) if direct.failed else await self.world.player.through(script, direct, is_owed, pace)
        await self.world.player.gone(heard, pace)
        verdict = Verdict(script, direct, heard, is_owed, why)
        self.due = tuple(map(sum, zip(self.due, verdict.logins)))
        return verdict

    async def replay(self, script):
        """Alone and with time, the logins counted."""
        before = await self.world.logins()
        verdict = await self._one(script, SLOW)
        if self.world.death():
            verdict.faults.insert(0, ("death", self.world.death()))
            return verdict
        counted = await self.world.logins() - before
        if not verdict.logins[0] <= counted <= verdict.logins[1]:
            verdict.faults.insert(0, ("logins", f"{counted} logins counted, not {verdict.logins[0]} to {verdict.logins[1]}"))
        return verdict

    async def _look_into(self, number, verdict):
        """Plays it again with time; what comes again is a disagreement, and is made small. A machine that stalls makes
        hundreds at once: each has to come again, unless so many of its kind have that it is only counted."""
        kind = verdict.faults[0][0]
        self.found[kind] = self.found.get(kind, 0) + 1
        async with self.looking.setdefault(kind, asyncio.Semaphore(self.options.per_kind)):
            if self.begun.get(kind, 0) < self.options.per_kind:
                await self._repeat(number, verdict, kind)

    async def _repeat(self, number, verdict, kind):
        what = f"seed {self.options.seed}, number {number}"
        for _ in range(2):
            again = await self._one(verdict.script, SLOW)
            if self._has(again, kind):
                await self._confirmed(what, again, kind)
                return
        if kind not in TIMED and kind != "no conversation":
            await self._confirmed(f"{what}, once only", verdict, kind)
            return
        self.found[kind] -= 1
        self.passing += 1
        if kind not in DIRECT:  # those come from answers that were late directly
            print(f"{self.server}: seed {self.options.seed}, number {number}: once only: {verdict.faults[0]}", flush=True)
            self._keep("once", self.passing, verdict.text())

    async def _confirmed(self, what, verdict, kind):
        self.begun[kind] = self.begun.get(kind, 0) + 1
        await self._report(what, verdict, kind)

    async def _report(self, what, verdict, kind):
        pace = SLOW if kind == "left" else BRISK

        async def fails(script):
            return self._has(await self._one(script, pace), kind)
        small = await shrink(verdict.script, fails, self.options.shrink_seconds)
        verdict_of_small = await self._one(small, SLOW)
        if self._has(verdict_of_small, kind):
            verdict = verdict_of_small
        if (kind, verdict.script) in self.shown:
            return
        self.shown.add((kind, verdict.script))
        print(f"{self.server}: {what}, after {time.monotonic() - self.begin:.0f} s: {kind}\n{verdict.text()}", flush=True)
        self._keep("finding", len(self.shown), verdict.text())

    def _keep(self, word, number, text):
        if self.options.findings:
            self.options.findings.mkdir(parents=True, exist_ok=True)
            name = f"{self.server}-{self.options.seed}-{word}-{number}.txt"
            (self.options.findings / name).write_text(text, encoding="utf-8")

    @staticmethod
    def _has(verdict, kind):
        return any(found == kind for found, _ in verdict.faults)

    async def _find_killer(self, verdicts):
        """The gateway died during a batch. Of what?"""
        words = self.world.death()
        self.found["death"] = self.found.get("death", 0) + 1
        print(f"{self.server}: the gateway died: {words}", flush=True)
        if self.found["death"] > self.options.per_kind:
            return
        scripts = [verdict.script for verdict in sorted(verdicts, key=lambda verdict: not verdict.faults)]
        for at in range(0, len(scripts), 20):
            some = scripts[at:at + 20]
            if await self._kills(some):
                for script in some:
                    if await self._kills([script] * 3):
                        small = await shrink(script, lambda other: self._kills([other] * 3), self.options.shrink_seconds, at_once=1)
                        print(f"{self.server}: death\n{small.text()}", flush=True)
                        await self._kills([small] * 3)
                        self._keep("death", self.found["death"], f"# death: {self.world.death() or words}\n{small.text()}")
                        self.world.revive()
                        return
        print(f"{self.server}: what it died of does not kill it again", flush=True)

    async def _kills(self, scripts):
        self.world.revive()
        await asyncio.gather(*(self._one(script, BRISK) for script in scripts))
        return bool(self.world.death())

    async def _bisect(self, scripts, what):
        """The batch's count of logins is wrong; whose is?"""
        halves = [scripts] if scripts else []
        while scripts:
            for some in halves:
                if await self._miscounted(some):
                    scripts = some
                    break
            else:
                self.passing += 1
                print(f"{self.server}: logins counted: {what}, once only", flush=True)
                return
            if len(scripts) == 1:
                break
            half = len(scripts) // 2
            halves = [scripts[:half], scripts[half:]]
        verdict = await self.replay(scripts[0])
        self.found["logins"] = self.found.get("logins", 0) + 1
        if self.found["logins"] <= self.options.per_kind:
            self.shown.add(("logins", verdict.script))
            print(f"{self.server}: logins counted: {what}\n{verdict.text()}", flush=True)
            self._keep("finding", len(self.shown), verdict.text())

    async def _miscounted(self, scripts):
        before = await self.world.logins()
        verdicts = await asyncio.gather(*(self._one(script) for script in scripts))
        counted = await self.world.logins() - before
        return not sum(v.logins[0] for v in verdicts) <= counted <= sum(v.logins[1] for v in verdicts)
