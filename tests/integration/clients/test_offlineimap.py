"""offlineimap keeps two sides equal: down, up, flags, deletions, and a folder made here."""

import re
import unittest

from ways import UPLOAD, USER, WORD, ClientTest


class Offlineimap(ClientTest):
    logins = 2
    own = rb"(?m)^X-OfflineIMAP: .*\n"

    def test_keeps_two_sides_equal(self):
        self.compare(self.work)

    def work(self, way, folder):
        self.sync(way, folder)
        first = contents(folder)
        for part in ("cur", "new", "tmp"):
            (folder / "mail/Here" / part).mkdir(parents=True)
        (folder / "mail/Here/new/1.1.here").write_bytes(UPLOAD.replace(b"\r\n", b"\n"))
        plain = next(path for path in (folder / "mail/INBOX").rglob("*") if path.is_file() and b"Subject: plain" in path.read_bytes())
        plain.rename(folder / "mail/INBOX/cur" / (re.sub(":2,.*", "", plain.name) + ":2,FS"))
        with self.open() as client:
            client.ok(b"SELECT INBOX")
            client.ok(rb"STORE 2 +FLAGS (\Deleted)")
            client.ok(rb"STORE 4 +FLAGS (\Flagged)")
            client.ok(b"EXPUNGE")
        self.sync(way, folder)
        return first, contents(folder)

    @staticmethod
    def sync(way, folder):
        configuration = folder / "offlineimaprc"
        configuration.write_text(f"""[general]
accounts = both
metadata = {folder}/state
ui = quiet
[Account both]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {folder}/mail
[Repository far]
type = IMAP
remotehost = {way.host}
remoteport = {way.port}
remoteuser = {USER}
remotepass = {WORD}
ssl = {"yes" if way.implicit else "no"}
starttls = {"no" if way.implicit else "yes"}
sslcacertfile = {way.trust}
ssl_version = tls1_2
""")
        way.run(folder, "offlineimap", "-c", configuration, "-o", timeout=120)


def contents(folder):
    found = [(path.parent.parent.name, path.name.partition(":2,")[2], re.sub(Offlineimap.own, b"", path.read_bytes()))
             for path in (folder / "mail").rglob("*") if path.is_file() and path.parent.name in ("cur", "new")]
    return sorted(found)


if __name__ == "__main__":
    unittest.main()
