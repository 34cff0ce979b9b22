"""Certificates that renew themselves: whichever way their files are replaced, under load no handshake fails,
the new one is shown within two seconds, and a broken pair never takes the place of a good one.

POSTERN_REPLACEMENTS is how often each way replaces the certificate (3), POSTERN_RATE how many handshakes
a second there are meanwhile (100).
"""

import contextlib
import os
import pathlib
import re
import socket
import ssl
import subprocess
import threading
import time
import unittest

from harness import Authority, Folder, Gateway, ScriptedBackend, check, run, wait_until
from harness.odd_files import SERVER, Authorities

REPLACEMENTS = int(os.environ.get("POSTERN_REPLACEMENTS", "3"))
RATE = int(os.environ.get("POSTERN_RATE", "100"))
CLIENTS = 4
SHOWN_WITHIN_S = 2.0
RELOADS = "postern_certificate_reloads_total"


def setUpModule():
    global authority, backend, folder, leaves
    folder = unittest.enterModuleContext(Folder("certificates")).path
    authority = Authority(folder / "authority")
    backend = unittest.enterModuleContext(ScriptedBackend())
    leaves = [authority.leaf("postern.test", edition=f"-{number}") for number in range(max(REPLACEMENTS, 3) + 1)]


def start(**tls):
    return Gateway(backends={"scripted": backend.backend()}, tls=tls)


class Files:
    """The operator's files and one way to replace them. `chain` and `key` are what is configured."""

    def __init__(self, where, leaf):
        self.folder = pathlib.Path(where)
        self.folder.mkdir()
        self.chain, self.key = self.folder / "tls.crt", self.folder / "tls.key"
        self.editions = 0
        self.replace(leaf)

    @property
    def configured(self):
        return {"chain": str(self.chain), "key": str(self.key)}


class Rename(Files):
    """New files are written beside the old ones and renamed over them."""

    def replace(self, leaf):
        for source, target in ((leaf.key, self.key), (leaf.chain, self.chain)):
            beside = target.with_suffix(".new")
            beside.write_bytes(source.read_bytes())
            beside.replace(target)


class Rewrite(Files):
    """The files are cut to nothing and written again."""

    def replace(self, leaf):
        self.key.write_bytes(leaf.key.read_bytes())
        self.chain.write_bytes(leaf.chain.read_bytes())


class Kubernetes(Files):
    """A Secret's volume: tls.crt -> ..data/tls.crt, ..data -> a folder of its own for each edition."""

    def replace(self, leaf):
        self.editions += 1
        edition = self.folder / f"..edition_{self.editions}"
        edition.mkdir()
        (edition / "tls.crt").write_bytes(leaf.chain.read_bytes())
        (edition / "tls.key").write_bytes(leaf.key.read_bytes())
        point(self.folder / "..data", edition.name)
        for name in ("tls.crt", "tls.key"):
            if not (self.folder / name).is_symlink():
                point(self.folder / name, f"..data/{name}")


class Certbot(Files):
    """live/privkey.pem -> archive/privkey2.pem, link by link."""

    def replace(self, leaf):
        self.editions += 1
        archive = self.folder / "archive"
        archive.mkdir(exist_ok=True)
        for source, link in ((leaf.key, self.key), (leaf.chain, self.chain)):
            target = archive / f"{link.name}{self.editions}"
            target.write_bytes(source.read_bytes())
            point(link, f"archive/{target.name}")


def point(link, target):
    """Makes or swaps a symbolic link in one step."""
    beside = link.with_name(link.name + ".tmp")
    beside.symlink_to(target)
    beside.replace(link)


class Load(contextlib.AbstractContextManager):
    """Handshakes at RATE. `shown` has (when it began, the certificate that was shown) of each."""

    def __init__(self, gateway):
        self._address = gateway.address()
        self._context = authority.client_context()
        self._ends = threading.Event()
        self.shown, self.failures = [], []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        due = time.monotonic()
        while not self._ends.is_set():
            began = time.monotonic()
            try:
                with socket.create_connection(self._address, 10) as plain, \
                        self._context.wrap_socket(plain, server_hostname="postern.test") as client:
                    self.shown.append((began, client.getpeercert(binary_form=True)))
            except OSError as error:
                self.failures.append(error)
            due = max(due + CLIENTS / RATE, time.monotonic() - 1)
            self._ends.wait(max(0, due - time.monotonic()))

    def first_showing(self, der, since):
        return next((began for began, shown in reversed(self.shown[-200:]) if shown == der and began >= since), None)

    def __exit__(self, *_):
        self._ends.set()
        for thread in self._threads:
            thread.join()


class Replacement(unittest.TestCase):
    def replace_under_load(self, way):
        files = way(folder / way.__name__, leaves[0])
        with start(certificates=[files.configured]) as gateway, Load(gateway) as load:
            took = []
            for number in range(1, REPLACEMENTS + 1):
                leaf = leaves[number]
                files.replace(leaf)
                changed = time.monotonic()
                wait_until(lambda: load.first_showing(leaf.der, changed), "the new certificate to be shown")
                took.append(time.monotonic() - changed)
                new = leaf.der
                late = [began - changed for began, shown in load.shown[-50:]
                        if began > changed + SHOWN_WITHIN_S and shown != new]
                self.assertEqual(late, [], "the old certificate is still shown")
            load.__exit__()
            self.assertEqual(load.failures, [])
            self.assertGreater(len(load.shown), REPLACEMENTS)
            self.assertLess(max(took), SHOWN_WITHIN_S)
            self.assertEqual(gateway.metrics().sum(RELOADS, result="error"), 0)
            self.assertGreaterEqual(gateway.metrics().sum(RELOADS, result="success"), REPLACEMENTS)
            print(f"{way.__name__}: {len(load.shown)} handshakes, {len(load.failures)} failed, {REPLACEMENTS} "
                  f"replacements, shown after {sum(took) / len(took):.2f} s, at most {max(took):.2f} s")

    def test_renamed_over(self):
        self.replace_under_load(Rename)

    def test_rewritten_in_place(self):
        self.replace_under_load(Rewrite)

    def test_a_secret_of_kubernetes(self):
        self.replace_under_load(Kubernetes)

    def test_links_of_certbot(self):
        self.replace_under_load(Certbot)


class Faults(unittest.TestCase):
    def expect_shown(self, gateway, leaf):
        with gateway.connect(context=authority.client_context()) as client:
            self.assertEqual(client.socket.getpeercert(binary_form=True), leaf.der)

    def test_a_broken_pair_never_replaces_a_good_one(self):
        files = Rename(folder / "broken", leaves[0])
        good_chain = files.chain.read_bytes()
        broken = {
            "is not the key of": leaves[1].chain.read_bytes(),
            "holds no certificate in PEM": b"",
            "has a broken PEM block": good_chain[:len(good_chain) // 2],
            "cannot be read: No such file": None,
        }
        with start(certificates=[files.configured]) as gateway:
            for why, content in broken.items():
                with self.subTest(why):
                    since = len(gateway.log())
                    with gateway.counting(RELOADS, result="error"):
                        files.chain.unlink() if content is None else files.chain.write_bytes(content)
                    gateway.wait_for_log(f"not reloaded.*{re.escape(str(files.chain))}.*", since)
                    self.assertIn(why, gateway.log()[since:])
                    self.expect_shown(gateway, leaves[0])
            with gateway.counting(RELOADS, result="success"):
                files.replace(leaves[2])
            self.expect_shown(gateway, leaves[2])

    def test_what_is_missing_toward_backends_keeps_no_new_one_from_clients(self):
        files, ca = Rename(folder / "front", leaves[0]), folder / "behind.crt"
        ca.write_bytes(authority.chain.read_bytes())
        nobody = self.enterContext(socket.socket())
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        server = f"127.0.0.1:{nobody.getsockname()[1]}"
        hop = {"servers": [server], "tls": "implicit", "verify": {"ca": str(ca), "name": "postern.test"}}
        with Gateway(backends={"secured": hop}, tls={"certificates": [files.configured]}) as gateway:
            ca.unlink()
            with gateway.counting(RELOADS, result="success"):
                files.replace(leaves[1])
            with gateway.connect_to_tls(context=authority.client_context()) as client:
                self.assertEqual(client.socket.getpeercert(binary_form=True), leaves[1].der)

    def test_the_log_shows_that_a_client_asked_for_a_name_of_no_certificate(self):
        """curl and mutt finish the handshake, look at the names, and hang up without an alert."""
        files = Rename(folder / "names", leaves[0])
        context = authority.client_context()
        context.check_hostname = False
        with start(certificates=[files.configured]) as gateway:
            gateway.connect(server_name="imap.elsewhere.test", context=context).close()
            gateway.wait_for_log("session ended .*reason=client_closed .*sni=imap.elsewhere.test sni_in_certificate=no ")
            gateway.connect(context=context).close()
            gateway.wait_for_log("session ended .*reason=client_closed .*sni=postern.test backend=")

    def test_sessions_outlive_a_change(self):
        files = Rename(folder / "living", leaves[0])
        with start(certificates=[files.configured]) as gateway, \
                gateway.connect(context=authority.client_context()) as client:
            client.login()
            with gateway.counting(RELOADS, result="success"):
                files.replace(leaves[1])
            client.ok(b"NOOP")


class Keys(unittest.TestCase):
    def test_an_encrypted_key_is_opened_by_its_passphrase_file(self):
        leaf, words = leaves[0], folder / "passphrase"
        encrypted = folder / "encrypted.key"
        run("openssl", "pkcs8", "-topk8", "-in", leaf.key, "-out", encrypted, "-passout", "pass:open sesame")
        entry = {"chain": str(leaf.chain), "key": str(encrypted), "passphrase_file": str(words)}
        words.write_text("open sesame\n", encoding="ascii")
        with start(certificates=[entry]) as gateway, gateway.connect(context=authority.client_context()) as client:
            client.login()
            with gateway.counting(RELOADS, result="error"):
                words.write_text("wrong\n", encoding="ascii")
            self.assertIn("cannot be decrypted", gateway.log())
            self.assertNotIn("wrong", gateway.log())
            gateway.connect(context=authority.client_context()).close()

    def test_log_and_metrics_tell_what_is_left_of_the_leaf_and_of_what_is_sent_after_it(self):
        authorities = Authorities(folder)
        old = authorities.leaf(age=70.5)
        chain = folder / "overdue.crt"
        chain.write_bytes(old.crt + authorities.expired_intermediate.crt)
        with start(certificates=[{"chain": str(chain), "key": str(old.key_file)}]) as gateway:
            gateway.wait_for_log("warn .*certificate renewal is overdue.*left=19d lifetime=90d")
            gateway.wait_for_log("error .*intermediate certificate has expired.*CN=Lab R3.*days_ago=10")
            metrics = gateway.metrics()
            left = lambda name: (metrics.sum(f"postern_certificate_{name}_timestamp_seconds") - time.time()) / 86400
            self.assertAlmostEqual(left("not_after"), 19.5, delta=0.1)
            self.assertAlmostEqual(left("not_before"), -70.5, delta=0.1)
            self.assertAlmostEqual(left("chain_not_after"), -10.5, delta=0.1)
            self.assertEqual(metrics.sum("postern_certificate_renewal_overdue_ratio"), 0.25)
            self.assertEqual(metrics.sum("postern_certificate_alarm_ratio"), 0.1)

    def test_no_reload_puts_an_expired_one_in_place_of_a_good_one(self):
        authorities = Authorities(folder)
        good = authorities.leaf("postern.test")
        old = authorities.make("ended", "/CN=postern.test", authorities.intermediate,
                               (*SERVER, "-addext", "subjectAltName=DNS:postern.test"), age=100.5, same_key=good)
        chain, key = folder / "ending.crt", good.key_file
        key.chmod(0o600)

        def put(leaf):
            chain.with_suffix(".new").write_bytes(leaf.crt)
            chain.with_suffix(".new").rename(chain)

        def shown():
            return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(gateway.address()))
        put(good)
        with start(certificates=[{"chain": str(chain), "key": str(key)}]) as gateway:
            with gateway.counting(RELOADS, result="error"):
                put(old)
            gateway.wait_for_log(r'error +certificates not reloaded, the old ones stay where=\S+:\d+ fault="chain \S+ending\.crt has '
                                 r'expired \(.*\), and the one in force, which is good until .*, stays" cause=certificates_not_reloaded')
            self.assertEqual(shown(), ssl.PEM_cert_to_DER_cert(good.crt.decode()))
            self.assertRegex(gateway.reload("error"), r"error +reload failed, the old configuration stays .* has expired .*, stays")
            self.assertEqual(shown(), ssl.PEM_cert_to_DER_cert(good.crt.decode()))
            status, said = check(gateway.path)
            self.assertEqual(status, 1, said)
            self.assertRegex(said, r"postern: \S+postern\.yaml:\d+: chain \S+ending\.crt: its certificate has expired 10d ago; clients refuse it\n")
        with start(certificates=[{"chain": str(chain), "key": str(key)}]) as gateway:  # there is no better one
            gateway.wait_for_log("error +certificate has expired ")
            self.assertEqual(shown(), ssl.PEM_cert_to_DER_cert(old.crt.decode()))

    def test_doubts_are_told_at_the_start_and_at_a_renewal(self):
        files = Rename(folder / "doubtful", leaves[0])
        files.key.chmod(0o644)
        with start(certificates=[files.configured]) as gateway:
            gateway.wait_for_log("certificates.*holds the leaf alone")
            gateway.wait_for_log("certificates.*can be read by every user of this machine")
            since = len(gateway.log())
            files.replace(leaves[1])
            files.key.chmod(0o644)
            gateway.wait_for_log("certificates.*holds the leaf alone", since)

    def test_a_name_with_the_roots_dot_gets_its_certificate(self):
        other = authority.leaf("other.test")
        with start(certificates=[leaves[0].files, other.files]) as gateway:
            shown = run("openssl", "s_client", "-connect", "%s:%d" % gateway.address(), "-servername", "other.test.",
                        "-CAfile", authority.chain, input=b"")
        self.assertIn("CN = other.test", shown)

    def test_check_shows_days_and_policy(self):
        with start(certificates=[leaves[0].files]) as gateway:
            status, text = check(gateway.path)
            self.assertEqual(status, 0, text)
            self.assertRegex(text, r"policy intermediate\nversions: 1.2 to 1.3\n")
            self.assertRegex(text, r"postern.test, until .* \(\d+ days\)")

    def test_a_thousand_names_start_in_a_moment(self):
        many = folder / "many"
        many.mkdir()
        one = authority.leaf("postern.test", edition="-many")
        script = "for i in $(seq 1 1000); do openssl req -x509 -CA {ca} -CAkey {cakey} -key {key} -nodes -days 9 " \
                 "-subj /CN=n$i -addext subjectAltName=DNS:n$i.test -out {many}/$i.crt 2>/dev/null; done"
        subprocess.run(["sh", "-c", script.format(ca=authority.chain, cakey=authority.key, key=one.key, many=many)],
                       check=True)
        entries = [{"chain": str(many / f"{number}.crt"), "key": str(one.key)} for number in range(1, 1001)]
        with start(certificates=[one.files] + entries) as gateway:
            began = time.monotonic()
            status, text = check(gateway.path)
            took = time.monotonic() - began
            self.assertEqual(status, 0, text[-2000:])
            print(f"check with 1,001 certificates: {took:.2f} s")
            context = authority.client_context()
            with gateway.connect(server_name="n777.test", context=context) as client:
                client.login()


if __name__ == "__main__":
    unittest.main()
