"""What is left in the process's memory: no password once it has been passed on, and no private key once it has
been replaced. The memory of the living process is read as a debugger would."""

import base64
import os
import re
import subprocess
import unittest

from harness import Authority, Folder, Gateway, ScriptedBackend, sanitized

SECRET = "correct-horse-battery-staple-%03d"


def memory(pid):
    """Every readable and writable byte of a process."""
    found = []
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            begin, end, rights = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
            if "w" in rights:
                mem.seek(int(begin, 16))
                try:
                    found.append(mem.read(int(end, 16) - int(begin, 16)))
                except OSError:
                    continue
    return b"\n".join(found)


def attentive(peer):
    """Takes logins in all their forms."""
    peer.send(b"* OK [CAPABILITY IMAP4rev1 LITERAL+] ready\r\n")
    while True:
        line = peer.line()
        while literal := re.search(rb"\{(\d+)\+\}\r\n\Z", line):
            line += peer.bytes(int(literal[1])) + peer.line()
        if line.endswith(b"AUTHENTICATE PLAIN\r\n"):
            peer.send(b"+ \r\n")
            peer.line()
        peer.send(line.split()[0] + b" OK done\r\n")


def private_number(key):
    """The secret of an elliptic key: 32 octets that stand nowhere else."""
    shown = subprocess.run(["openssl", "ec", "-in", key, "-noout", "-text"], check=True, capture_output=True, text=True)
    digits = re.search(r"priv:\s+([0-9a-f:\s]+)pub:", shown.stdout)[1]
    return bytes.fromhex(re.sub(r"[:\s]", "", digits))[-32:]


@unittest.skipIf(sanitized(), "a sanitizer keeps what was freed")
@unittest.skipUnless(os.geteuid() == 0, "a process that cannot be dumped shows its memory to root alone")
class Memory(unittest.TestCase):
    def test_holds_no_password_after_the_login(self):
        self.log_in_and_search()

    def test_holds_no_password_after_the_login_that_has_shown_the_user(self):
        self.log_in_and_search(routes=[{"user": "anna", "backend": "mail"}])

    def log_in_and_search(self, **more):
        backend = self.enterContext(ScriptedBackend(attentive))
        gateway = self.enterContext(Gateway(backends={"mail": backend.backend()}, **more))
        words = iter(SECRET % number for number in range(100))
        used = []

        def word():
            used.append(next(words))
            return used[-1]

        clients = []
        for tls in ("implicit", "starttls"):
            for way in (lambda c: c.login("anna", word()),
                        lambda c: c.authenticate_plain("anna", word()),
                        lambda c: c.authenticate_plain("anna", word(), initial_response=False),
                        lambda c: [c.send(bytes([byte])) for byte in b"t LOGIN anna %s\r\n" % word().encode()]
                        and c.until(b"t "),
                        lambda c: c.literals(b"LOGIN ", b"anna", b" ", word().encode(), b"", synchronising=False)):
                clients.append(self.enterContext(gateway.connect(tls)))
                way(clients[-1])
        early = self.enterContext(gateway.connect_to_tls())  # does not wait for the greeting
        early.send(b"t LOGIN anna %s\r\n" % word().encode())
        early.until(b"t ")
        kept = memory(gateway.process.pid)
        for client in clients:
            client.ok(b"NOOP")
        self.assertIn(b"postern.test", kept)  # the search does find things
        self.assertEqual([word for word in used if word.encode() in kept], [])
        tokens = [base64.b64encode(f"\0anna\0{word}".encode()) for word in used]
        self.assertEqual([token for token in tokens if token in kept], [])

    def test_holds_no_key_that_was_replaced(self):
        authority = Authority(self.enterContext(Folder("authority")).path)
        old, new = authority.leaf("postern.test"), authority.leaf("postern.test", edition="2")
        backend = self.enterContext(ScriptedBackend())
        gateway = self.enterContext(Gateway(backends={"mail": backend.backend()}, tls={"certificates": [old.files]}))
        gateway.authority = authority
        gateway.connect().close()
        gateway.configure(tls={"certificates": [new.files]})
        gateway.reload()
        gateway.connect().close()
        gateway.wait_for_metric("postern_sessions_active", 0)
        kept = memory(gateway.process.pid)
        for key, held in ((new.key, True), (old.key, False)):
            text = key.read_text(encoding="ascii").splitlines()[2].encode()
            self.assertNotIn(text, kept, "the file's own text")
            number = private_number(key)
            self.assertEqual(number in kept or number[::-1] in kept, held, key.name)


if __name__ == "__main__":
    unittest.main()
