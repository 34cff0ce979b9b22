"""`postern probe`: against real servers and every trap, the right verdict and fix, each within ten seconds."""

import contextlib
import json
import os
import pty
import socket
import ssl
import subprocess
import time
import unittest

from harness import (Address, Authority, Courier, Cyrus, Dovecot, Folder, Gateway, Process, ScriptedBackend, postern,
                     wait_until)
from harness.gateway import BINARY
from harness.names import SRV, NameServer
from harness.odd_files import Authorities
from harness.packages import unpacked
from harness.traps import OFFER, black_hole, greets, http, imap_in_tls, injector, only_version, stripper

LONGEST_S = 10
GRADES = {"good": 0, "fair": 3, "poor": 4, "failed": 5}


def setUpModule():
    global authority, folder, leaf
    folder = unittest.enterModuleContext(Folder("probe")).path
    authority = Authority(folder / "authority")
    leaf = authority.leaf("mail.test")


def probe(target, name="mail.test", ca=None):
    """The report for programs."""
    began = time.monotonic()
    status, said = postern("probe", target, "--json", "--ca", ca or authority.chain, "--name", name)
    took = time.monotonic() - began
    report = json.loads(said)
    assert took < LONGEST_S, f"{took:.1f} s"
    assert status == report["exit_status"] == GRADES[report["grade"]], said
    return report


def causes(report, *severities):
    return {one["cause"] for one in report["findings"] if not severities or one["severity"] in severities}


def best(report, port):
    """The visit of that port with the most in it."""
    visits = [visit for one in report["ports"] if one["address"].endswith(f":{port}") for visit in one["visits"]
              if "greeting" in visit]
    return max(visits, key=len)


def gullible(peer):
    """Reads on with the buffer of the clear hop once TLS is up, as CVE-2011-0411 has it."""
    peer.send(OFFER)
    first = b""
    while not first.endswith(b"\n") or b"STARTTLS" not in first:
        first += peer.bytes(1)
    peer.socket.settimeout(0.2)
    rest = b""
    with contextlib.suppress(TimeoutError):
        rest = peer.socket.recv(65536, socket.MSG_PEEK)
    lines, _, _ = rest.partition(b"\x16\x03")
    held = peer.socket.recv(len(lines)) if lines else bytes(peer._unread)  # pylint: disable=protected-access
    peer._unread.clear()  # pylint: disable=protected-access
    peer.socket.settimeout(20)
    peer.send(first.split()[0] + b" OK begin\r\n")
    peer.start_tls(leaf.server_context())
    for line in held.splitlines():
        peer.send(line.split()[0] + b" OK done\r\n")
    peer.serve({b"CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n%s OK done\r\n"})


def small_minded(peer):
    """Hangs up at a ClientHello that does not fit into one packet."""
    head = peer.socket.recv(5, socket.MSG_PEEK | socket.MSG_WAITALL)
    if int.from_bytes(head[3:], "big") <= 1200:
        peer.start_tls(leaf.server_context())
        imap_in_tls(peer)


class RealServers(unittest.TestCase):
    def look_at(self, kind, product):
        server = self.enterContext(kind(authority))
        report = probe(server.host, name=f"{server.name}.test")
        self.assertEqual(causes(report, "failure", "danger"), set())
        inside, upgraded = best(report, 993), best(report, 143)
        for visit in (inside, upgraded):
            self.assertIn(product, visit["greeting"])
            self.assertEqual(visit["verification"], "good")
            self.assertIn("IMAP4rev1", visit["capabilities"])
            self.assertIn("version", visit["tls"])
        self.assertIn("STARTTLS", upgraded["clear_capabilities"])
        injected = [visit for port in report["ports"] for visit in port["visits"] if visit["injects"]]
        self.assertEqual([visit["answered_injection"] for visit in injected], [False])
        self.assertLessEqual(sum(len(port["visits"]) for port in report["ports"]), 9)
        return server, report

    def test_dovecot(self):
        server, report = self.look_at(Dovecot, "Dovecot")
        self.assertIn("server_takes_passwords_in_clear", causes(report, "note"))  # it is on this machine
        with self.subTest("another name"):
            report = probe(server.host, name="other.test")
            self.assertEqual(causes(report, "failure"), {"server_certificate_name_mismatch"})
            self.assertEqual(report["findings"][0]["at"], [f"{server.host}:993", f"{server.host}:143"])
        with self.subTest("an authority that is not trusted"):
            status, said = postern("probe", server.host, "--name", "dovecot.test")
            self.assertEqual(status, 5)
            self.assertIn("failure: server_chain_incomplete at", said)

    def test_a_user_of_dovecot(self):
        server = self.enterContext(Dovecot(authority))
        (word := folder / "password").write_text("open sesame\n", encoding="utf-8")
        (wrong := folder / "wrong").write_text("hunter2-marker", encoding="utf-8")
        arguments = ("probe", server.host, "--name", "dovecot.test", "--login", "anna")
        trusted = ("--ca", authority.chain)
        status, said = postern(*arguments, *trusted, "--password-file", word)
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"login  LOGIN in \d.*, CAPABILITY in \d.*, LIST in .* \(\d+\), EXAMINE in \d")
        status, said = postern(*arguments, *trusted, "--password-file", wrong, "--json")
        report = json.loads(said)
        self.assertEqual(causes(report, "failure"), {"login_failed"})
        visits = [visit for port in report["ports"] for visit in port["visits"] if "login" in visit]
        self.assertEqual([visit["login"] for visit in visits], ["failure"])
        with self.subTest("a stranger does not learn the password"):
            report = json.loads(postern(*arguments, "--password-file", wrong, "--json")[1])
            self.assertNotIn("login_failed", causes(report))
            self.assertFalse([visit for port in report["ports"] for visit in port["visits"] if "login" in visit])
        self.assertNotIn("hunter2", said + json.dumps(report))

    def test_a_password_file_that_is_not_there(self):
        status, said = postern("probe", "127.0.0.1:1", "--login", "anna", "--password-file", folder / "nothing")
        self.assertEqual((status, said), (1, f"postern: {folder}/nothing: No such file or directory\n"))
        (empty := folder / "empty").write_text("\n", encoding="utf-8")
        status, said = postern("probe", "127.0.0.1:1", "--login", "anna", "--password-file", empty)
        self.assertEqual(status, 1)
        self.assertIn("there is no password", said)

    def test_a_password_that_is_typed(self):
        """On a terminal: it is asked for and not shown, and the report is coloured."""
        child, terminal = pty.fork()
        if child == 0:
            os.execv(BINARY, [BINARY, "probe", "127.0.0.1:1", "--login", "anna"])
        said = b""
        with contextlib.suppress(OSError):  # of a terminal whose last process has gone
            while data := os.read(terminal, 4096):
                said += data
                if said.endswith(b"Password of anna: "):
                    os.write(terminal, b"hunter2-marker\n")
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 5)
        self.assertIn(b"Password of anna: ", said)
        self.assertNotIn(b"hunter2", said)
        self.assertIn(b"\x1b[31mfailed\x1b[0m", said)

    def test_courier(self):
        self.look_at(Courier, "Courier")

    def test_cyrus(self):
        self.look_at(Cyrus, "Cyrus")

    def test_postern_itself(self):
        server = self.enterContext(Dovecot(authority))
        with Gateway(backends={"mail": server.backend("implicit")}) as gateway:
            for front in ("implicit", "starttls"):
                with self.subTest(front):
                    report = probe("%s:%d" % gateway.address(front), name="postern.test", ca=gateway.authority.chain)
                    self.assertEqual(report["findings"], [])

    def test_both_hops_of_a_gateway(self):
        server = self.enterContext(Dovecot(authority))
        place = self.enterContext(Address())
        listeners = [{"address": f"{place.host}:993", "tls": "implicit"}, {"address": f"{place.host}:143", "tls": "starttls"}]
        backends = {"right": server.backend("implicit"), "wrong": server.backend("starttls") | {"servers": [f"{server.host}:993"]}}
        with Gateway(backends=backends, default_backend="right", listeners=listeners) as gateway:
            arguments = ("probe", "--config", gateway.path, "--ca", gateway.authority.chain)
            status, said = postern(*arguments, "--json")
            report = json.loads(said)
            self.assertEqual((status, report["grade"]), (5, "failed"), said)
            self.assertEqual([one["findings"] for one in report["listeners"]], [[], []])
            self.assertEqual([one["cause"] for one in report["servers"]], ["backend_speaks_tls"])
            self.assertIn(f"backends.right: {server.host}:993", report["usable"][0])
            status, said = postern(*arguments)
            self.assertEqual(status, 5)
            for words in (f"Clients at {place.host}:993: good", f"Clients at {place.host}:143: good", "Servers: failed",
                          "failure: backend_speaks_tls at backends.wrong", "Do: Set `tls: implicit`", ": usable"):
                self.assertIn(words, said)

    def test_each_certificate_of_a_gateway_is_asked_for(self):
        server, stranger = self.enterContext(Dovecot(authority)), Authority(folder / "stranger", name="another CA")
        certificates = [authority.leaf("one.test").files, stranger.leaf("two.test").files]
        with Gateway(backends={"mail": server.backend("implicit")}, tls={"certificates": certificates},
                     listeners=[{"address": "127.0.0.1:0", "tls": "implicit"}]) as gateway:
            gateway.configure(listeners=[{"address": "%s:%d" % gateway.address("implicit"), "tls": "implicit"}])
            status, said = postern("probe", "--config", gateway.path, "--ca", authority.chain, "--json")
            one, two = json.loads(said)["listeners"]
            self.assertEqual((one["name"], one["findings"], two["name"]), ("one.test", [], "two.test"), said)
            self.assertEqual([finding["severity"] for finding in two["findings"]], ["failure"], said)
            self.assertEqual(status, 5)

    def test_what_stands_in_front(self):
        """Fronts that do not understand IMAP pass STARTTLS on inside TLS, and it is no fault of theirs that keeps clients out."""
        server = self.enterContext(Dovecot(authority))
        pem = folder / "front.pem"
        pem.write_bytes(leaf.chain.read_bytes() + leaf.key.read_bytes())
        for name, start in FRONTS.items():
            with self.subTest(name), Address() as place:
                (path := folder / name).mkdir()
                process = Process(start(path, f"{place.host}:993", f"{server.host}:143", pem), folder / f"{name}.log")
                self.addCleanup(process.kill)
                wait_until(lambda place=place: reachable(place.host, 993), lambda process=process: process.text())
                report = probe(place.host)
                self.assertEqual(causes(report, "failure", "danger"), set())
                self.assertIn("STARTTLS", best(report, 993)["capabilities"])


def haproxy(path, front, back, pem):
    (file := path / "haproxy.cfg").write_text(
        f"defaults\n mode tcp\n timeout connect 5s\n timeout client 1m\n timeout server 1m\n"
        f"frontend imaps\n bind {front} ssl crt {pem}\n default_backend mail\nbackend mail\n server one {back}\n", encoding="utf-8")
    return "/usr/sbin/haproxy", "-db", "-f", file


def stunnel(path, front, back, pem):
    (file := path / "stunnel.conf").write_text(
        f"foreground = yes\npid =\nsyslog = no\n[imaps]\naccept = {front}\nconnect = {back}\ncert = {pem}\n", encoding="utf-8")
    return unpacked("stunnel4") / "usr/bin/stunnel4", file


def nginx(path, front, back, pem):
    module = unpacked("libnginx-mod-stream") / "usr/lib/nginx/modules/ngx_stream_module.so"
    (file := path / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {path}/pid; error_log stderr; load_module {module}; events {{}}\n"
        f"stream {{ server {{ listen {front} ssl; ssl_certificate {pem}; ssl_certificate_key {pem}; proxy_pass {back}; }} }}\n",
        encoding="utf-8")
    return unpacked("nginx") / "usr/sbin/nginx", "-p", path, "-e", "stderr", "-c", file


FRONTS = {"haproxy": haproxy, "stunnel": stunnel, "nginx": nginx}


def reachable(host, port):
    try:
        socket.create_connection((host, port), 5).close()
        return True
    except OSError:
        return False


class Traps(unittest.TestCase):
    def expect(self, target, severity, cause, words, name="mail.test"):
        report = probe(target, name=name)
        worst = report["findings"][0]
        self.assertEqual((worst["severity"], worst["cause"]), (severity, cause), report["findings"])
        self.assertIn(words, worst["fix"])
        return report

    def scripted(self, script, **more):
        return self.enterContext(ScriptedBackend(script, **more)).server

    def test_a_name_that_is_not_there(self):
        self.expect("no-such-host.invalid", "failure", "server_name_not_found", "dig NAME A")

    def test_a_domain_whose_service_is_elsewhere(self):
        """By a name server of this test, in a mount namespace in which it is the only one."""
        with Address() as place, NameServer(place.host, {
                "_imaps._tcp.example.test": (SRV, b"\0\5\0\0\3\xe1\4mail\7example\4test\0")}):
            (resolv := folder / "resolv.conf").write_text(f"nameserver {place.host}\n", encoding="ascii")
            done = subprocess.run(
                ["unshare", "--mount", "sh", "-c", 'mount --bind "$1" /etc/resolv.conf && exec "$2" probe example.test --json',
                 "sh", resolv, BINARY], stdout=subprocess.PIPE, timeout=60, check=False)
            report = json.loads(done.stdout)
            self.assertEqual(report["services"], [{"service": "_imaps._tcp", "target": "mail.example.test", "port": 993,
                                                   "priority": 5, "weight": 0}])
            self.assertEqual(causes(report), {"server_name_not_found"})
            self.assertIn("mail.example.test:993", report["findings"][0]["evidence"])

    def test_a_port_that_refuses(self):
        with Address() as place:
            report = self.expect(place.host, "failure", "server_refused", "ss -ltn")
            self.assertEqual(report["findings"][0]["at"], [f"{place.host}:993", f"{place.host}:143"])

    def test_a_port_that_drops(self):
        with black_hole() as target:
            self.expect(target, "failure", "server_filtered", "firewall")

    def test_silence(self):
        report = self.expect(self.scripted(lambda peer: peer.until_gone()), "failure", "server_silent", "PROXY header")
        self.assertTrue(report["complete"])

    def test_other_protocols(self):
        for script, cause, words in ((greets(b"220 mail.test ESMTP\r\n"), "backend_speaks_smtp", "587"),
                                     (greets(b"+OK POP3 ready\r\n"), "backend_speaks_pop3", "995"),
                                     (http, "backend_speaks_http", "993"),
                                     (greets(b"SSH-2.0-OpenSSH_9.2\r\n"), "server_speaks_other", "993")):
            with self.subTest(cause):
                self.expect(self.scripted(script), "failure", cause, words)

    def test_a_server_that_does_not_want(self):
        self.expect(self.scripted(greets(b"* BYE Too many connections\r\n")), "failure", "backend_bye", "limit")

    def test_preauth(self):
        self.expect(self.scripted(greets(b"* PREAUTH welcome\r\n")), "danger", "server_logs_in_unasked", "Close this port")

    def test_a_stripper_of_starttls(self):
        report = self.expect(self.scripted(stripper), "danger", "server_lacks_starttls", "inspects")
        self.assertEqual(report["grade"], "poor")
        self.assertIn("server_takes_passwords_in_clear", causes(report))

    def test_an_injector_of_answers(self):
        self.expect(self.scripted(injector), "danger", "backend_starttls_injection", "who can write")

    def test_a_server_that_runs_injected_commands(self):
        report = self.expect(self.scripted(gullible), "danger", "server_runs_injected_commands", "forget")
        self.assertEqual(causes(report, "danger"), {"server_runs_injected_commands"})

    def test_a_server_of_tls_1_0_alone(self):
        context = only_version(leaf.server_context(), ssl.TLSVersion.TLSv1)
        report = self.expect(self.scripted(imap_in_tls, implicit_tls=context), "failure", "server_tls_too_old", "min_version")
        self.assertEqual(causes(report, "failure"), {"server_tls_too_old"})

    def test_a_server_that_still_takes_old_tls(self):
        context = leaf.server_context()
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.set_ciphers("ALL:@SECLEVEL=0")
        report = self.expect(self.scripted(imap_in_tls, implicit_tls=context), "warning", "server_takes_old_tls", "minimum")
        self.assertEqual(report["findings"][0]["evidence"], "TLS 1.0 and 1.1")
        self.assertEqual(report["grade"], "fair")

    def shown(self, chain, key):
        """A server of IMAP in TLS with these files, and the root that signed them."""
        files = folder / "shown.crt", folder / "shown.key"
        for path, content in zip(files, (chain, key)):
            path.write_bytes(content)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        return self.scripted(imap_in_tls, implicit_tls=context)

    def test_a_server_that_refuses_a_large_hello(self):
        self.expect(self.scripted(small_minded), "failure", "server_refuses_large_hello", "firewalls")

    def test_certificates(self):
        (lab := folder / "lab").mkdir()
        ca = Authorities(lab)
        link = ca.intermediate.crt
        expired, late, good, own = ca.leaf(age=100.5), ca.leaf(age=80), ca.leaf(), ca.make(
            "own", "/CN=mail.test", None, ("-addext", "subjectAltName=DNS:mail.test"))
        for name, pair, chain, severity, cause, words in (
                ("expired", expired, expired.crt + link, "failure", "server_certificate_expired", "Renew"),
                ("late", late, late.crt + link, "warning", "server_certificate_ends_soon", "renewal"),
                ("alone", good, good.crt, "failure", "server_chain_incomplete", "fullchain.pem"),
                ("own", own, own.crt, "failure", "server_certificate_untrusted", "--ca")):
            with self.subTest(name):
                report = probe(self.shown(chain, pair.key), ca=ca.root.certificate)
                self.assertEqual(causes(report, severity), {cause}, report["findings"])
                self.assertIn(words, report["findings"][0]["fix"])
        with self.subTest("good"):
            report = probe(self.shown(good.crt + link, good.key), ca=ca.root.certificate)
            self.assertEqual((report["grade"], report["exit_status"]), ("good", 0), report["findings"])

    def test_the_time_is_bounded(self):
        began = time.monotonic()
        status, said = postern("probe", self.scripted(lambda peer: peer.until_gone()), "--timeout", "300ms")
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(status, 5, said)

    def test_an_unreadable_authority_is_a_fault(self):
        status, said = postern("probe", "127.0.0.1:1", "--ca", folder / "nothing.pem")
        self.assertEqual(status, 1)
        self.assertIn("nothing.pem", said)


if __name__ == "__main__":
    unittest.main()
