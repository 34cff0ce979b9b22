"""mbsync keeps two sides equal: down, up, flags, deletions."""

import re
import unittest

from harness import run
from ways import UPLOAD, USER, WORD, ClientTest


class Mbsync(ClientTest):
    logins = 2
    own = rb"(?m)^X-TUID: .*\n"

    def test_keeps_two_sides_equal(self):
        self.compare(self.work)

    def work(self, way, folder):
        for part in ("cur", "new", "tmp"):
            (folder / "INBOX" / part).mkdir(parents=True)
        (folder / "INBOX/new/1.1.here").write_bytes(UPLOAD.replace(b"\r\n", b"\n"))
        self.sync(way, folder)
        first = contents(folder)
        plain = next(path for path in (folder / "INBOX").rglob("*") if path.is_file() and b"Subject: plain" in path.read_bytes())
        plain.rename(folder / "INBOX/cur" / (re.sub(":2,.*", "", plain.name) + ":2,FS"))
        with self.open() as client:
            client.ok(b"SELECT INBOX")
            client.ok(rb"STORE 2 +FLAGS (\Deleted)")
            client.ok(rb"STORE 4 +FLAGS (\Flagged)")
        self.sync(way, folder)
        return first, contents(folder)

    def sync(self, way, folder):
        """It knows no certificates for addresses, so it trusts this very certificate."""
        configuration = folder / "mbsyncrc"
        configuration.write_text(f"""
            IMAPStore far
            Host {way.address}
            Port {way.port}
            User {USER}
            Pass "{WORD}"
            SSLType {"IMAPS" if way.implicit else "STARTTLS"}
            SystemCertificates no
            CertificateFile {way.certificate}

            MaildirStore near
            SubFolders Verbatim
            Path {folder}/
            Inbox {folder}/INBOX

            Channel both
            Far :far:
            Near :near:
            Patterns *
            Create Both
            Expunge Both
            SyncState *
            """)
        run("mbsync", "--config", configuration, "both")


def contents(folder):
    """(mailbox, flags, message without mbsync's own mark)."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and path.parent.name in ("cur", "new"):
            flags = path.name.partition(":2,")[2]
            found.append((path.parent.parent.name, flags, re.sub(Mbsync.own, b"", path.read_bytes())))
    return sorted(found)


if __name__ == "__main__":
    unittest.main()
