"""Programs that people use, each doing its job directly at Dovecot and through the gateway.

A test gives compare() a job: it is done over every way on an account that looks the same each time, and what it returns
and what it leaves in the account must be equal, octet by octet, to what comes of it directly.
"""

import dataclasses
import pathlib
import re
import shutil
import unittest

from harness import USERS, Authority, Dovecot, Folder, Gateway, connect, run, wait_until

USER, WORD = "anna", USERS["anna"]

# What a reader of framing may stumble over: literals, tagged answers and capabilities that are text.
MESSAGES = tuple(text.replace(b"\n", b"\r\n") for text in (
    b"From: a@example.org\nTo: anna@example.org\nSubject: plain\nDate: Mon, 02 Jan 2023 10:00:00 +0000\n"
    b"Message-ID: <1@example.org>\n\nbody\n",
    b"From: a@example.org\nTo: anna@example.org\nSubject: * CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED {5}\n"
    b"Date: Mon, 02 Jan 2023 11:00:00 +0000\nMessage-ID: <2@example.org>\n\n"
    b"a1 OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN LOGINDISABLED] done\n"
    b"* OK [CAPABILITY STARTTLS] x\n+ go on\n* BYE no\n) {12}\nDONE\n.\n..\nFrom here\n",
    b"From: =?utf-8?q?J=C3=B6rg?= <j@example.org>\nTo: anna@example.org\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\n"
    b"Date: Mon, 02 Jan 2023 12:00:00 +0000\nMessage-ID: <3@example.org>\nMIME-Version: 1.0\n"
    b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
    + "grüße {3}\n".encode() * 50 + b"\n" + b"x" * 900 + b"\n",
    b"From: a@example.org\nTo: anna@example.org\nSubject: large\nDate: Mon, 02 Jan 2023 13:00:00 +0000\n"
    b"Message-ID: <4@example.org>\n\n" + b"".join(b"line %06d of a large message\n" % n for n in range(10_000)),
))
UPLOAD = (b"From: anna@example.org\r\nTo: b@example.org\r\nSubject: up\r\nDate: Mon, 02 Jan 2023 14:00:00 +0000\r\n"
          b"Message-ID: <5@example.org>\r\n\r\nup {7}\r\n* BYE\r\n" + b"u" * 70 + b"\r\n")


@dataclasses.dataclass(frozen=True)
class Way:
    """Where a client connects, and how: "implicit" or "starttls". `trust` holds the certificates that it trusts.

    Not every client knows certificates for addresses: run() has a hosts file with `host`.
    """

    name: str
    host: str
    address: str
    port: int
    tls: str
    trust: pathlib.Path
    certificate: pathlib.Path  # the server's own

    def run(self, folder, *command, **options):
        hosts = folder / "hosts"
        hosts.write_text(f"{self.address} {self.host}\n")
        return run("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts, *command, **options)

    @property
    def direct(self):
        return self.name.startswith("direct")

    @property
    def implicit(self):
        return self.tls == "implicit"


class ClientTest(unittest.TestCase):
    tls = ("implicit", "starttls")  # the ways that the client knows
    own = None  # what the client itself makes up in messages
    logins = 1  # so many there are at least through the gateway

    @classmethod
    def setUpClass(cls):
        authority = Authority(cls.enterClassContext(Folder("authority")).path)
        cls.server = cls.enterClassContext(Dovecot(authority))
        backends = {"dovecot": cls.server.backend("starttls", health={"interval": "1s"})}
        cls.gateways = [cls.enterClassContext(Gateway(backends=backends, **more)) for more in (
            {}, {"routes": [{"user": USER, "backend": "dovecot"}]})]  # the second one reads who logs in
        wait_until(lambda: cls.gateways[1].metrics().sum("postern_backend_probes_total", result="success"), "what Dovecot can do")
        trust = cls.server.folder / "trust.pem"
        trust.write_bytes(b"".join(one.authority.chain.read_bytes() for one in (cls.server, *cls.gateways)))
        cls.ways = []
        for tls in cls.tls:
            port = 993 if tls == "implicit" else 143
            cls.ways.append(Way(f"direct-{tls}", f"{cls.server.name}.test", cls.server.host, port, tls, trust, cls.server.certificate.chain))
            for way, gateway in zip(("through", "by-user"), cls.gateways):
                certificate = pathlib.Path(gateway.configuration["tls"]["certificates"][0]["chain"])
                cls.ways.append(Way(f"{way}-{tls}", "postern.test", *gateway.address(tls), tls, trust, certificate))

    def compare(self, job):
        """job(way, folder) -> whatever can be compared."""
        must = None
        for way in self.ways:
            with self.subTest(way=way.name), Folder("client") as folder:
                self.furnish()
                logged_in = self.logins_counted()
                found = job(way, folder.path), self.account()
                if way.direct:
                    must = found
                    continue
                self.assertGreaterEqual(self.logins_counted(), logged_in + self.logins)
                self.same(found, must)

    def same(self, found, must):
        """Equal, or the first place where they are not."""
        for mine, theirs in zip(found, must):
            if mine != theirs:
                mine, theirs = repr(mine), repr(theirs)
                at = next((n for n, pair in enumerate(zip(mine, theirs)) if pair[0] != pair[1]), min(len(mine), len(theirs)))
                self.fail(f"at {at}: directly …{theirs[max(0, at - 100):at + 300]}…\nthrough …{mine[max(0, at - 100):at + 300]}…")

    def logins_counted(self):
        return sum(one.metrics().sum("postern_logins_total", result="success") for one in self.gateways)

    def open(self):
        """The harness's own client, logged in to the server itself."""
        client = self.enterContext(connect((self.server.host, 143), "none"))
        client.login(USER, WORD)
        return client

    def furnish(self):
        """Another account of the same name: MESSAGES in the INBOX, and an empty mailbox."""
        shutil.rmtree(self.server.folder / "mail" / USER, ignore_errors=True)
        client = self.open()
        for flags, message in zip((b"", b"\\Seen", b"\\Flagged \\Answered", b""), MESSAGES):
            client.literals(b'APPEND INBOX (%s) "02-Jan-2023 15:00:00 +0000" ' % flags, message, b"")
        client.ok(b"CREATE Archive")
        client.ok(b"LOGOUT")
        client.close()

    def account(self):
        """{mailbox: [(flags, message)]}, as the server has it."""
        client, found = self.open(), {}
        names = [match[1] for line in client.ok(b'LIST "" *') if (match := re.search(rb' "/" "?([^"\r]*)"?\r\n', line))]
        for name in names:
            client.ok(b'EXAMINE "%s"' % name)
            found[name] = self.messages(client)
        client.ok(b"LOGOUT")
        client.close()
        return found

    def messages(self, client):
        found = []
        for response in client.ok(b"UID FETCH 1:* (FLAGS BODY.PEEK[])"):
            if match := re.match(rb"\* \d+ FETCH \(UID \d+ FLAGS \(([^)]*)\) BODY\[\] \{(\d+)\}\r\n", response):
                flags = tuple(sorted(flag for flag in match[1].split() if flag != rb"\Recent"))
                message = response[match.end():match.end() + int(match[2])]
                found.append((flags, re.sub(self.own, b"", message) if self.own else message))
        return found


def texts(folder):
    """What the files of a folder hold, in an order of their own."""
    return sorted(path.read_bytes() for path in pathlib.Path(folder).rglob("*") if path.is_file())
