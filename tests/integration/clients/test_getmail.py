"""getmail6 fetches into a Maildir, moves and deletes. For IMAP it has no STARTTLS (6.18)."""

import shutil
import unittest

from ways import USER, WORD, ClientTest, texts


class Getmail(ClientTest):
    tls = ("implicit",)
    logins = 2

    def test_fetches_moves_and_deletes(self):
        self.compare(self.work)

    def work(self, way, folder):
        found = []
        for more in ("read_all = true", "delete = true"):
            for part in ("cur", "new", "tmp"):
                (folder / more / part).mkdir(parents=True)
            for path in (folder / more, *(folder / more).iterdir()):
                shutil.chown(path, "nobody", "nogroup")
            configuration = folder / "getmailrc"
            configuration.write_text(f"""[retriever]
type = SimpleIMAPSSLRetriever
server = {way.host}
port = {way.port}
username = {USER}
password = {WORD}
mailboxes = ("INBOX",)
ca_certs = {way.trust}
{"move_on_delete = Archive" if "delete" in more else ""}
[destination]
type = Maildir
path = {folder}/{more}/
user = nobody
[options]
verbose = 0
delivered_to = false
received = false
{more}
""")
            way.run(folder, "getmail", f"--getmaildir={folder}", f"--rcfile={configuration}")
            found.append(texts(folder / more))
        return found


if __name__ == "__main__":
    unittest.main()
