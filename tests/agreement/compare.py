"""Holds against each other what came directly, what passed the tap, and what came through.

The table of what may differ; there is nothing else.

    where              what                                   why
    CAPABILITY data    STARTTLS, LOGINDISABLED, AUTH=*-PLUS   the gateway takes them out
    greetings          all behind `* OK`                      names, random tags
    any line           runs of digits, times, SESSIONID=<>    uids, clocks
    `* n RECENT`       the line                               other sessions take it
    `* OK Still here`  the line                               Dovecot says it by the clock, to a client that idles
    `+` lines          all behind the `+`                     prompts have words of their own
    BAD                its words                              before login the gateway may say it itself
    before login       local `x BAD …`, `* BAD …`, `+ …`      what the strict reader refuses, or asks for
    before login       `+` of either                          the gateway collects literals itself, and asks for them at once
    before login       a BYE of the gateway, and nothing then what is too long or too much
    the end            silence behind `{n}`, n > 999          the gateway may ask for it, and no script fills it
    the end            silence behind IDLE, UNAUTHENTICATE    Cyrus looks at a DONE it has read only when more comes
    the end            a BYE of the gateway                   where the server ends without one
    behind COMPRESS    everything                             it is deflated, clocks and all
"""

import re

from reading import Reading

HIDDEN = re.compile(rb" (?:STARTTLS|LOGINDISABLED|AUTH=\S+-PLUS)(?=[\] \r\n])")
CLOCK = re.compile(rb" \([\d.+ ]+secs\)|SESSIONID=<[^>]*>|Session=<[^>]*>")
PASSING = re.compile(rb"\* \d+ RECENT|\* OK Still here")
LOCAL = re.compile(rb"(?:\S+ (?:BAD|NO) |\+)")


def edited(line):
    return HIDDEN.sub(b"", line) if b"CAPABILITY" in line else line


def normal(lines):
    """As the table says."""
    found = []
    for number, line in enumerate(lines):
        if PASSING.match(line):
            continue
        if number == 0:
            found.append(line[:5])
        elif line.startswith(b"+"):
            found.append(b"+")
        else:
            tag, space, rest = line.partition(b" ")
            if rest.startswith(b"BAD"):
                rest = b"BAD"
            found.append(tag + space + re.sub(rb"\d+", b"#", CLOCK.sub(b"", edited(rest))).rstrip())
    return found


def unprompted(lines, granted):
    """Without the `+` lines before the login."""
    end = next((number for number, line in enumerate(lines) if line.startswith(granted)), len(lines))
    return [line for line in lines[:end] if line != b"+"] + lines[end:]


def readable(lines, sent):
    """Up to the OK to COMPRESS."""
    tags = {match[1] + b" OK" for match in re.finditer(rb"(?mi)^(\S+) COMPRESS\b", sent)}
    end = next((number for number, line in enumerate(lines) if line[:line.find(b" OK") + 3] in tags), len(lines))
    return lines[:end + 1]


def lines_of(octets):
    return re.findall(rb"[^\n]*\n|[^\n]+\Z", octets)


def faithful(server, client, login_line):
    """The server's lines at the tap against the client's. Returns what is wrong, what the gateway said by itself, and
    how many lines of the server the client did not get. `login_line` is the server's line that ended the login."""
    local, at, logged_in = [], 0, login_line is None
    for number, line in enumerate(client):
        mine = edited(line)
        if at < len(server) and edited(server[at]) == mine:
            logged_in = logged_in or at == login_line
            at += 1
            continue
        ahead = at
        while not logged_in and ahead < len(server) and server[ahead].startswith(b"+"):
            ahead += 1
        if ahead < len(server) and edited(server[ahead]) == mine:
            at = ahead
        if at < len(server) and edited(server[at]) == mine:
            logged_in = logged_in or at == login_line
            at += 1
        elif number + 1 == len(client) and at < len(server) and not line.endswith(b"\n") and server[at].startswith(line):
            break  # the end came in the middle of a line
        elif not logged_in and line.startswith(b"* BYE "):
            return "", [*local, line], 0
        elif (not logged_in and LOCAL.match(line)) or (line.startswith(b"* BYE ") and at == len(server)):
            local.append(line)
        else:
            expected = server[at] if at < len(server) else b"(nothing)"
            return f"line {number}: the server said {expected!r}, the client read {line!r}", local, 0
    left = server[at:]
    while left and not logged_in and left[0].startswith(b"+"):
        left = left[1:]
    return "", local, len(left)


# A literal that no script fills, nor the closing NOOPs. The side that takes it waits for ever: a server, for a login
# came about one way and not the other, or the gateway, which asks for LOGIN's literals itself.
ENDLESS = re.compile(rb"\{0*[1-9]\d{3,}")
# What a server answers to IDLE's "+" only once it hears more, which waits here for the answer to UNAUTHENTICATE.
BESIDE_IDLE = re.compile(rb"(?is) IDLE\r?\n.* UNAUTHENTICATE\b")


class Verdict:
    """`faults`: (kind, detail), the gravest first."""

    ORDER = ("hidden login", "hidden command", "answer to no command", "login out of turn", "logins", "no answer", "silence", "octets", "words", "answers",
             "lost words", "end", "left")

    def __init__(self, script, direct, heard, owed, why):
        self.script, self.direct, self.heard, self.owed, self.why = script, direct, heard, owed, why
        self.faults = []
        self.logins = (0, 0)  # what the gateway's count must be between
        if heard.failed or direct.failed:
            self._fault("no conversation", heard.failed or direct.failed)
            return
        self._at_the_tap()
        if script.end in ("close", "half") and not self.faults:
            self._against_direct()
        if heard.left > 5:
            self._fault("left", f"the connection to the server lives {heard.left:.1f} s after the client's")
        rank = {kind: number for number, kind in enumerate(self.ORDER)}
        self.faults.sort(key=lambda fault: rank.get(fault[0], len(rank)))

    def _fault(self, kind, detail):
        self.faults.append((kind, detail))

    def _at_the_tap(self):
        events = self.heard.tapped.events
        self.reading = reading = Reading(events)
        for kind, detail in reading.faults:
            if kind == "part of a line" and self.heard.tapped.server_gone:
                continue
            self._fault(kind, repr(detail))
        # One that the client left is counted, too; one that the server broke off may be.
        least = reading.answered if self.heard.tapped.server_gone else max(reading.answered, reading.tried)
        self.logins = (least, reading.sent + reading.later + (1 if reading._login else 0))
        # What the server says so late may miss a client that closes; not if it was the gateway that closed.
        late = float("inf") if self.heard.ended else self.heard.over - 0.2
        server = lines_of(self.heard.tapped.octets("server"))
        must = len(lines_of(self.heard.tapped.octets("server", late)))
        login = next((number for number, line in enumerate(server)
                      if number and line.startswith(reading.granted_tag + b" OK")), None)
        wrong, self.local, lost = faithful(server, lines_of(self.heard.octets), login if reading.granted else -1)
        if wrong:
            self._fault("words", wrong)
        lost -= len(server) - must
        if lost > 0 and self.script.end in ("close", "half"):
            self._fault("lost words", f"the client misses the last {lost} lines of the server: {server[:must][-lost:]!r}")
        if reading.granted == 1 and not wrong:
            self._after_login(reading)

    def _after_login(self, reading):
        """All octets of the client, those of the player's probes included, and nothing else."""
        sent, passed = self.script.data, bytes(reading.after)
        probes = re.search(rb"(?:z[pz]\d* NOOP\r\n)*\Z", passed)
        own = passed[:probes.start()]
        part = self.heard.tapped.server_gone or self.script.end in ("now", "reset")
        if not sent.endswith(own) and own and not (part and own in sent):
            self._fault("octets", f"after login {own!r} passed, which the client did not send so")
        granted = (sent for line, sent in zip(self.heard.lines, self.heard.sent_when)
                   if line.startswith(reading.granted_tag + b" OK"))
        owed = self.heard.sent - next(granted, self.heard.sent)
        if self.script.end == "close" and not self.heard.closed and len(passed) < owed:
            self._fault("octets", f"after login {owed} octets were sent at least, {len(passed)} passed")

    def _against_direct(self):
        direct, heard = self.direct, self.heard
        if self.owed:
            granted = self.reading.granted_tag + b" OK"
            mine, theirs = (readable(unprompted(normal(lines), granted), self.script.data)
                            for lines in (heard.lines[:heard.before], direct.lines[:direct.before]))
            if direct.closed and heard.closed and len(mine) == len(theirs) + 1 and mine[-1].startswith(b"* BYE"):
                del mine[-1]
            if mine != theirs:
                place = next((n for n, pair in enumerate(zip(mine, theirs)) if pair[0] != pair[1]),
                             min(len(mine), len(theirs)))
                came = mine[place] if place < len(mine) else b"(nothing)"
                must = theirs[place] if place < len(theirs) else b"(nothing)"
                kind = "no answer" if place >= len(mine) else "answers"
                self._fault(kind, f"line {place}: directly {must!r}, through {came!r}")
            elif bool(direct.closed) != bool(heard.closed):
                self._fault("end", f"directly {direct.closed or 'open'}, through {heard.closed or 'open'}")
        if self.script.end == "close" and (direct.probe or direct.closed) and not heard.probe and not heard.closed \
                and not ENDLESS.search(self.script.data) and not BESIDE_IDLE.search(self.script.data):
            self._fault("silence", "directly the NOOP behind it all is answered, or the end comes; through neither")

    def text(self):
        """For a report."""
        parts = [f"# {kind}: {detail}" for kind, detail in self.faults]
        parts += [f"# comparable: {self.owed} {self.why}", self.script.text(), "# directly:",
                  *(f"#   S {line!r}" for line in self.direct.lines), f"#   closed={self.direct.closed!r} waits={self.direct.waits}",
                  "# through, at the client:", *(f"#   S {line!r}" for line in lines_of(self.heard.octets)),
                  f"#   closed={self.heard.closed!r} waits={self.heard.waits}", "# through, at the tap:"]
        events = self.heard.tapped.events if self.heard.tapped else []
        parts += [f"#   {'C' if side == 'client' else 'S'} {data[:400]!r}" for side, data in events]
        return "\n".join(parts) + "\n"
