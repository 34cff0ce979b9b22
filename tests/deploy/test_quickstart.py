"""deploy/quickstart with a postern that is already built: it works, and nothing of it stays behind.

That it also installs and builds on a fresh Debian is for tests/deploy/fresh-root to show.
"""

import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

QUICKSTART = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "quickstart"


class Server:
    """Greets every client with these bytes, if there are any, and waits until the client hangs up."""

    def __init__(self, greeting):
        self._greeting = greeting
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:  # closed
                return
            with client:
                try:
                    client.sendall(self._greeting)
                    client.recv(1)
                except OSError:  # the client is gone
                    pass

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


class Quickstart(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="postern-quickstart-test.")
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)  # Dovecot's unprivileged processes pass through
        self.place = pathlib.Path(folder.name)
        self.environment = {**os.environ, "TMPDIR": folder.name}

    def quickstart(self, *arguments, **changes):
        return subprocess.run([QUICKSTART, *arguments], env={**self.environment, **changes}, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def assert_gone(self):
        """Neither a file nor a process of it is left."""
        self.assertEqual(list(self.place.iterdir()), [])
        for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                self.assertNotIn(str(self.place).encode(), entry.read_bytes())
            except OSError:  # it ended meanwhile
                pass

    def test_once_lists_the_mailbox_and_shows_the_session(self):
        done = self.quickstart("--once")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r'\* LIST \(.*\) "." INBOX')
        self.assertRegex(done.stdout, r"(?m)^postern_sessions_total\{.*\} 1$")
        self.assert_gone()

    def test_stops_all_of_it_when_it_is_interrupted(self):
        # A test that runs in the background was born deaf to SIGINT, and so would be its children.
        running = subprocess.Popen([QUICKSTART], env=self.environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        self.addCleanup(running.stdout.close)
        self.addCleanup(running.kill)
        said = self.read_until(running.stdout, "Ctrl-C")
        command = re.search(r"^  (curl .*'INBOX;MAILINDEX=1')$", said, re.MULTILINE)[1]
        message = subprocess.run(["bash", "-c", command + " -sS"], stdout=subprocess.PIPE, text=True, timeout=20)
        self.assertIn("Subject: Message 1 of 3", message.stdout)
        running.send_signal(signal.SIGINT)
        self.assertEqual(running.wait(timeout=45), 130)
        self.assert_gone()

    def read_until(self, stream, end):
        said, deadline = "", time.monotonic() + 30
        while end not in said:
            ready, _, _ = select.select([stream], [], [], max(0, deadline - time.monotonic()))
            self.assertTrue(ready, said)
            line = os.read(stream.fileno(), 4096).decode()
            self.assertTrue(line, said)
            said += line
        return said

    def test_detached_it_runs_until_the_printed_command_stops_it(self):
        done = self.quickstart("--detach")
        self.assertEqual(done.returncode, 0, done.stderr)
        stop = re.search(r"Stop both:\n +(.*)", done.stdout)[1]
        admin = re.search(r"http://(\S+)/metrics", done.stdout)[1]
        ready = subprocess.run(["curl", "-fsS", f"http://{admin}/ready"], stdout=subprocess.DEVNULL)
        self.assertEqual(ready.returncode, 0)
        daemons = [os.pidfd_open(int(pid)) for pid in re.search(r"kill ([\d ]+);", stop)[1].split()]
        subprocess.run(["bash", "-c", stop], check=True)
        for daemon in daemons:  # readable once the process has ended
            self.assertTrue(select.select([daemon], [], [], 20)[0], "still running")
            os.close(daemon)
        self.assert_gone()

    def server(self, greeting):
        server = Server(greeting)
        self.addCleanup(server.close)
        return server.address

    def test_fronts_another_server(self):
        backend = self.server(b"* OK \x1b[31mthe old one\r\n")
        done = self.quickstart("--detach", "--backend", backend, "--", "--workers", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        stop = re.search(r"Stop both:\n +(.*)", done.stdout)[1]
        self.addCleanup(subprocess.run, ["bash", "-c", stop], check=True)
        self.assertIn(f"quickstart: {backend} says: * OK [31mthe old one\n", done.stderr)
        listen = re.search(r"imaps://(\S+)/", done.stdout)[1]
        client = subprocess.Popen(["openssl", "s_client", "-quiet", "-connect", listen], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(client.stdout.close)
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        self.addCleanup(client.stdin.close)
        self.assertIn("the old one", self.read_until(client.stdout, "\n"))

    def judged(self, *arguments, **changes):
        """What it says of arguments that it refuses before it has installed or started anything."""
        done = self.quickstart(*arguments, **changes)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertNotIn("installing", done.stderr)
        self.assertNotIn("Dovecot speaks", done.stderr)
        self.assert_gone()
        return done.stderr

    def test_asks_the_server_before_all_else(self):
        for greeting, reason in ((b"* BYE Maximum number of connections\r\n", "turns clients away"),
                                 (b"+OK POP3 ready\r\n", "is no IMAP server"),
                                 (b"220 mail ESMTP\r\n", "is no IMAP server"),
                                 (b"* PREAUTH hello\r\n", "without a login"),
                                 (b"", "likely TLS: add '-- --backend-tls implicit'")):
            with self.subTest(greeting):
                # Without a program: it must be said before the build.
                said = self.judged("--backend", self.server(greeting), POSTERN_BIN="")
                self.assertIn(reason, said)
                self.assertIn(f"says: {greeting.decode().strip() or 'nothing'}\n", said)

    def test_says_why_the_server_cannot_be_reached(self):
        with socket.create_server(("127.0.0.1", 0)) as unused:
            address = f"127.0.0.1:{unused.getsockname()[1]}"
        self.assertIn("Connection refused", self.judged("--backend", address, POSTERN_BIN=""))
        self.assertRegex(self.judged("--backend", "no-such-host.invalid:143", POSTERN_BIN=""), "why: .*(n|N)ame")
        self.assertIn("must be HOST:PORT", self.judged("--backend", "mail internal", POSTERN_BIN=""))

    def test_judges_the_other_arguments_before_all_else(self):
        self.assertIn("is no address", self.judged("--listen", "993", POSTERN_BIN=""))
        self.assertIn("is taken", self.judged("--listen", self.server(b""), POSTERN_BIN=""))
        self.assertIn("has no flag --no-such-flag", self.judged("--once", "--", "--no-such-flag=1", POSTERN_BIN=""))
        self.assertIn('"old" is none of modern, intermediate', self.judged("--once", "--", "--policy", "old"))

    def test_says_what_failed_and_where_the_log_is(self):
        program = self.place / "postern"
        program.write_text("#!/bin/sh\ncase $1 in check) ;; *) echo no such luck; exit 1 ;; esac\n")
        program.chmod(0o755)
        done = self.quickstart("--once", POSTERN_BIN=str(program))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"postern did not start\n +why: .*\n +log: (.*)")
        log = pathlib.Path(re.search(r"log: (.*)", done.stderr)[1])
        self.assertIn("no such luck", log.read_text())

    def test_stops_when_a_package_is_missing(self):
        tree = self.place / "tree"
        for folder in ("deploy", "tests"):
            (tree / folder).mkdir(parents=True)
        script = shutil.copy(QUICKSTART, tree / "deploy")
        install = tree / "tests" / "install"
        install.write_text("#!/bin/sh\necho there is no such package\nexit 1\n")
        install.chmod(0o755)
        done = subprocess.run([script, "--once"], env={**self.environment, "POSTERN_BIN": ""}, timeout=20,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\| there is no such package\n.*installing packages failed")

    def test_refuses_what_it_does_not_know(self):
        for arguments in (["--nonsense"], ["--once", "--backend", "127.0.0.1:143"]):
            with self.subTest(arguments):
                self.assertEqual(self.quickstart(*arguments).returncode, 1)
        self.assert_gone()


if __name__ == "__main__":
    unittest.main()
