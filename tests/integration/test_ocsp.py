"""OCSP stapling as `openssl s_client -status` sees it."""

import datetime
import time
import unittest

from harness import Authority, Folder, Gateway, ScriptedBackend, check, run, wait_until
from harness.revocation import ocsp_response

NONE = "OCSP response: no response sent"
GOOD = "Cert Status: good"
RELOADS = "postern_certificate_reloads_total"
NEXT_UPDATE = "postern_certificate_ocsp_next_update_timestamp_seconds"
MUST_STAPLE = ("-addext", "tlsfeature=status_request")
RESPONDER = ("-addext", "authorityInfoAccess=OCSP;URI:http://ocsp.invalid/")


def setUpModule():
    global authority, backend, folder, leaf
    folder = unittest.enterModuleContext(Folder("ocsp")).path
    authority = Authority(folder / "authority")
    backend = unittest.enterModuleContext(ScriptedBackend())
    leaf = authority.leaf("postern.test", more=RESPONDER)


def seconds(count):
    return datetime.timedelta(seconds=count)


def start(leaf_of, response):
    return Gateway(backends={"scripted": backend.backend()},
                   tls={"certificates": [leaf_of.files | {"ocsp": str(response)}]})


def status(gateway, version="-tls1_3"):
    """What s_client prints of the staple."""
    return run("openssl", "s_client", "-connect", "%s:%d" % gateway.address(), "-servername", "postern.test", "-status",
               version, "-CAfile", authority.chain, input=b"")


class Stapling(unittest.TestCase):
    def setUp(self):
        self.file = folder / "response.ocsp"

    def write(self, **options):
        self.file.write_bytes(ocsp_response(authority, leaf, **options))

    def test_a_response_is_stapled_and_its_end_is_a_metric(self):
        self.write()
        with start(leaf, self.file) as gateway:
            for version in ("-tls1_2", "-tls1_3"):
                self.assertIn(GOOD, status(gateway, version))
            self.assertNotEqual(gateway.metrics().sum(NEXT_UPDATE), 0)

    def test_a_new_file_is_served(self):
        self.file.write_bytes(b"")
        with start(leaf, self.file) as gateway:
            gateway.wait_for_log("no successful OCSP response.*none is stapled")
            self.assertIn(NONE, status(gateway))
            with gateway.counting(RELOADS, result="success"):
                self.write()
            self.assertIn(GOOD, status(gateway))

    def test_an_expired_one_is_neither_served_nor_unnoticed(self):
        self.write(until=-seconds(60))
        with start(leaf, self.file) as gateway:
            self.assertIn(NONE, status(gateway))
            self.assertIn("is out of date", gateway.log())
            self.assertTrue(0 < gateway.metrics().sum(NEXT_UPDATE) < time.time())
            self.assertIn("NO OCSP response in force", check(gateway.path)[1])

    def test_one_that_expires_meanwhile_ceases_to_be_served(self):
        self.write(until=seconds(4))
        with start(leaf, self.file) as gateway:
            self.assertIn(GOOD, status(gateway))
            gateway.wait_for_log("OCSP response is out of date, it is not stapled any more")
            self.assertIn(NONE, status(gateway))

    def test_a_bad_one_does_not_take_the_place_of_a_good_one(self):
        self.write()
        other = authority.leaf("other.test")
        with start(leaf, self.file) as gateway:
            for why, content in {"no successful": b"\x30\x03\x0a\x01\x06",
                                 "about another certificate": ocsp_response(authority, other),
                                 "is revoked": ocsp_response(authority, leaf, revoked=True)}.items():
                with self.subTest(why):
                    since = len(gateway.log())
                    with gateway.counting(RELOADS, result="success"):
                        self.file.write_bytes(content)
                    gateway.wait_for_log(f"{why}.*the former one is kept", since)
                    self.assertIn(GOOD, status(gateway))

    def test_must_staple_without_a_response_is_a_warning(self):
        promising = authority.leaf("postern.test", edition="-must", more=MUST_STAPLE)
        with start(promising, folder / "none") as gateway:
            gateway.wait_for_log("Must-Staple")
            wait_until(lambda: NONE in status(gateway), "no staple")
            self.assertRegex(gateway.metrics().lines(NEXT_UPDATE), r"^\S+ 0$")
            self.assertIn("Must-Staple, NO OCSP response in force", check(gateway.path)[1])


if __name__ == "__main__":
    unittest.main()
