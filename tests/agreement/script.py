"""A conversation as a script: what the client sends, where it cuts, for what it waits, how it ends.

As text, which --replay reads, one word and its argument a line; `#` begins a comment:

    send "a LOGIN {4}"      octets in one segment, with Python's escapes
    send "\\r\\nbert x\\r\\n"    another segment at once behind it: a cut
    wait "a"                for a line that begins with the tag `a`, a `+` line, BYE or the end
    end close               after all answers; or `half` (closes its writing half and reads on), `now`, `reset`
"""

import ast
import dataclasses

ENDS = ("close", "half", "now", "reset")


@dataclasses.dataclass(frozen=True)
class Step:
    """Segments sent one after the other, then a wait for the tag, if there is one."""

    segments: tuple
    wait: bytes = b""

    @property
    def data(self):
        return b"".join(self.segments)


@dataclasses.dataclass(frozen=True)
class Script:
    steps: tuple
    end: str = "close"

    @property
    def data(self):
        return b"".join(step.data for step in self.steps)

    def text(self):
        lines = []
        for step in self.steps:
            lines += ["send " + quoted(segment) for segment in step.segments]
            if step.wait:
                lines.append("wait " + quoted(step.wait))
        return "\n".join((*lines, f"end {self.end}", ""))

    @staticmethod
    def of(text):
        steps, segments, end = [], [], "close"
        for number, line in enumerate(text.splitlines(), 1):
            word, _, argument = line.strip().partition(" ")
            if word == "send":
                segments.append(unquoted(argument))
            elif word == "wait":
                steps.append(Step(tuple(segments), unquoted(argument)))
                segments = []
            elif word == "end" and argument in ENDS:
                end = argument
            elif word and not word.startswith("#"):
                raise ValueError(f"line {number}: {line!r} is no step")
        if segments:
            steps.append(Step(tuple(segments)))
        return Script(tuple(steps), end)


def quoted(octets):
    return '"' + "".join(
        {0x22: '\\"', 0x5C: "\\\\", 13: "\\r", 10: "\\n", 9: "\\t"}.get(octet)
        or (chr(octet) if 32 <= octet < 127 else f"\\x{octet:02x}") for octet in octets) + '"'


def unquoted(text):
    return ast.literal_eval("b" + text)
