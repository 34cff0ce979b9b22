"""Programs that people use do their job through the gateway, with Dovecot behind it, on both listeners."""

import email.message
import imaplib
import itertools
import unittest

from harness import USERS, Authority, Dovecot, Folder, Gateway, run

FRONTS = ("implicit", "starttls")
WORD = USERS["anna"]


def setUpModule():
    global gateway, server
    authority = Authority(unittest.enterModuleContext(Folder("authority")).path)
    server = unittest.enterModuleContext(Dovecot(authority))
    gateway = unittest.enterModuleContext(Gateway(backends={"dovecot": server.backend("starttls")}))


class Clients(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(Folder("client")).path

    def mailbox_of_one(self, name, text):
        """Makes a mailbox by other means than the client under test."""
        with gateway.connect() as client:
            client.login()
            client.ok(b"CREATE " + name.encode())
            client.literals(b"APPEND %s " % name.encode(), text, b"")

    def test_curl_lists_uploads_and_fetches(self):
        message = b"From: a@example.org\r\nSubject: curl\r\n\r\n" + b"a line of it\r\n" * 10_000
        upload = self.folder / "message"
        upload.write_bytes(message)
        for front in FRONTS:
            with self.subTest(front=front):
                url, curl = self.curl(front)
                mailbox = f"curl-{front}"
                curl(url, "-X", f"CREATE {mailbox}")
                self.assertIn(f'"/" {mailbox}\n', curl(url).replace("\r", ""))
                curl(f"{url}{mailbox}", "-T", upload)
                curl(f"{url}{mailbox};MAILINDEX=1", "-o", self.folder / "back")
                self.assertEqual((self.folder / "back").read_bytes(), message)

    def curl(self, front):
        """The URL of a listener, and curl with everything it needs to trust it."""
        host, port = gateway.address(front)
        scheme = "imaps" if front == "implicit" else "imap"
        common = ("curl", "-sS", "--ssl-reqd", "--cacert", gateway.authority.chain, "--max-time", "30",
                  "--resolve", f"postern.test:{port}:{host}", "--user", f"anna:{WORD}")
        return f"{scheme}://postern.test:{port}/", lambda *arguments: run(*common, *arguments)

    def test_mbsync_keeps_two_sides_equal(self):
        for front in FRONTS:
            with self.subTest(front=front):
                mailbox = f"mbsync-{front}"
                self.mailbox_of_one(mailbox, b"From: a@example.org\r\nSubject: down\r\n\r\ndown\r\n")
                local = self.folder / mailbox
                for part in ("cur", "new", "tmp"):
                    (local / part).mkdir(parents=True)
                (local / "new" / "1.1.here").write_text("From: a@example.org\nSubject: up\n\nup\n")
                self.mbsync(front, mailbox)
                files = itertools.chain((local / "new").iterdir(), (local / "cur").iterdir())
                found = sorted(line for file in files for line in file.read_text().splitlines()
                               if line.startswith("Subject"))
                self.assertEqual(found, ["Subject: down", "Subject: up"])
                with gateway.connect() as client:
                    client.login()
                    client.ok(b"SELECT " + mailbox.encode())
                    self.assertIn(b"* SEARCH 1 2\r\n", client.ok(b"SEARCH ALL"))
                    client.ok(b"STORE 1 +FLAGS (\\Flagged)")
                self.mbsync(front, mailbox)
                self.assertTrue(list((local / "cur").glob("*:2,*F*")), "the flag did not come down")

    def mbsync(self, front, mailbox):
        """It knows no certificates for addresses, so it trusts this very certificate."""
        host, port = gateway.address(front)
        certificate = gateway.configuration["tls"]["certificates"][0]["chain"]
        configuration = self.folder / "mbsyncrc"
        configuration.write_text(f"""
            IMAPStore far
            Host {host}
            Port {port}
            User anna
            Pass "{WORD}"
            SSLType {"IMAPS" if front == "implicit" else "STARTTLS"}
            SystemCertificates no
            CertificateFile {certificate}

            MaildirStore near
            Path {self.folder}/
            Inbox {self.folder}/INBOX

            Channel both
            Far :far:{mailbox}
            Near :near:{mailbox}
            Create Near
            SyncState {self.folder}/{mailbox}.state
            """)
        run("mbsync", "--config", configuration, "both")

    def test_imaplib_works_with_a_mailbox(self):
        context = gateway.client_context()
        for front in FRONTS:
            with self.subTest(front=front):
                host, port = gateway.address(front)
                if front == "implicit":
                    client = imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=20)
                else:
                    client = imaplib.IMAP4(host, port, timeout=20)
                    client.starttls(context)
                with client:
                    self.assertNotIn("STARTTLS", client.capabilities)
                    client.login("anna", WORD)
                    self.work_with_a_mailbox(client, f"imaplib-{front}")

    def work_with_a_mailbox(self, client, mailbox):
        message = email.message.EmailMessage()
        message["From"], message["Subject"] = "a@example.org", "grüße"
        message.set_content("ein Text\n" * 100)
        raw = message.as_bytes().replace(b"\n", b"\r\n")
        self.assertEqual(client.create(mailbox)[0], "OK")
        self.assertEqual(client.append(mailbox, r"(\Seen)", None, raw)[0], "OK")
        self.assertEqual(client.select(mailbox), ("OK", [b"1"]))
        self.assertEqual(client.search(None, "FROM", "a@example.org"), ("OK", [b"1"]))
        _, fetched = client.fetch("1", "(FLAGS RFC822)")
        self.assertEqual(fetched[0][1], raw)
        self.assertEqual(client.store("1", "+FLAGS", r"\Deleted")[0], "OK")
        self.assertEqual(client.expunge(), ("OK", [b"1"]))

    def test_openssl_s_client_can_be_typed_into(self):
        for front in FRONTS:
            with self.subTest(front=front):
                host, port = gateway.address(front)
                more = ("-starttls", "imap") if front == "starttls" else ()
                commands = f'a LOGIN anna "{WORD}"\r\nb STATUS INBOX (MESSAGES)\r\nc LOGOUT\r\n'
                seen = run("openssl", "s_client", "-connect", f"{host}:{port}", "-quiet", "-verify_return_error",
                           "-CAfile", gateway.authority.chain, "-verify_hostname", "postern.test",
                           "-servername", "postern.test", "-ign_eof", *more, input=commands.encode())
                for answer in ("a OK", "* STATUS INBOX (MESSAGES 0)", "* BYE", "c OK"):
                    self.assertIn(answer, seen)


if __name__ == "__main__":
    unittest.main()
