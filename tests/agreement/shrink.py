"""Makes a failing conversation small: steps, waits, cuts, then octets go, as long as it fails in the same way."""

import asyncio

from script import Script, Step


def smaller(script):
    """Candidates, the boldest first."""
    steps = script.steps
    for size in (len(steps) // 2, 1):
        if 0 < size < len(steps):
            for at in range(len(steps) - size, -1, -1):
                yield Script(steps[:at] + steps[at + size:], script.end)
    if script.end != "close":
        yield Script(steps, "close")
    for at, step in enumerate(steps):
        yield from (_with(script, at, other) for other in _smaller_steps(step))
    for at in range(len(steps) - 1):
        if not steps[at].wait:
            joined = Step((*steps[at].segments[:-1], steps[at].segments[-1] + steps[at + 1].segments[0],
                           *steps[at + 1].segments[1:]), steps[at + 1].wait)
            yield Script((*steps[:at], joined, *steps[at + 2:]), script.end)


def _with(script, at, step):
    return Script((*script.steps[:at], step, *script.steps[at + 1:]), script.end)


def _smaller_steps(step):
    if len(step.segments) > 1:
        yield Step((step.data,), step.wait)
        for at in range(len(step.segments) - 1):
            yield Step((*step.segments[:at], step.segments[at] + step.segments[at + 1], *step.segments[at + 2:]), step.wait)
    if step.wait:
        yield Step(step.segments)
    lines = step.data.splitlines(keepends=True)
    if len(lines) > 1 and len(step.segments) == 1:
        for at in range(len(lines)):
            yield Step((b"".join(lines[:at] + lines[at + 1:]),), step.wait)
    for number, segment in enumerate(step.segments):
        size = len(segment) // 2
        while size:
            for at in range(0, len(segment) - size + 1, size):
                if left := segment[:at] + segment[at + size:]:
                    yield Step((*step.segments[:number], left, *step.segments[number + 1:]), step.wait)
            size //= 2


async def shrink(script, fails, seconds, at_once=6):
    """The smallest found within the time for which `await fails(script)`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    progress = True
    while progress and loop.time() < deadline:
        progress = False
        candidates = list(dict.fromkeys(smaller(script)))
        for at in range(0, len(candidates), at_once):
            some = candidates[at:at + at_once]
            results = await asyncio.gather(*(fails(candidate) for candidate in some))
            if any(results):
                script = some[results.index(True)]
                progress = True
                break
            if loop.time() > deadline:
                break
    return script
