"""docs/certificates.md: each recipe as it stands, against an authority of the test's own: the first certificate, and a
renewal that postern serves although nothing has sent it a signal.
"""

import copy
import os
import re
import unittest

import jsonschema
import yaml

from authority import MACHINE, MASKED, PACKAGES, Authority
from blocks import SOURCE, block, blocks_of, packages, section
from deployed import output, wait_until
from machine import Machine

PAGE = "docs/certificates.md"
NAME = "mail.example.org"
UNIT = "postern-certificate"
# A backend that nobody is; what stands in the page comes on top.
SETTINGS = """\
listeners: [{address: "0.0.0.0:993", tls: implicit}]
backends: {legacy: {servers: ["127.0.0.1:9"]}}
default_backend: legacy
admin: {address: "127.0.0.1:9143"}
"""


def commands_of(blocks):
    return [one for one in blocks if one.language == "sh" and not one.path]


@unittest.skipUnless(os.geteuid() == 0, "booting a container needs root")
class Recipes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        wanted = [name for one in commands_of(blocks_of(PAGE)) for name in packages(one.text)]
        cls.machine = Machine([*wanted, *PACKAGES], MASKED)
        cls.addClassCleanup(cls.machine.close)
        cls.machine.add_program()
        cls.machine.add_tree()
        cls.machine.boot()
        cls.machine.install()
        cls.authority = Authority(cls.machine, block(PAGE, 'key "acme" {').text)
        cls.addClassCleanup(cls.authority.close)
        cls.machine.shell("cp -a /etc/letsencrypt /root/letsencrypt; systemctl daemon-reload")

    def tearDown(self):
        """Nothing of one recipe helps the next."""
        self.machine.shell(f"systemctl stop postern {UNIT}.timer ualpn 2>/dev/null || true\n"
                           f"rm -rf /etc/systemd/system/{UNIT}.service.d /etc/systemd/system/{UNIT}.* /var/lib/postern/* "
                           "/etc/postern/* /etc/letsencrypt && cp -a /root/letsencrypt /etc/letsencrypt\n"
                           "systemctl daemon-reload")

    def follow(self, client, commands, files, renew):
        """Puts the files in place, runs the commands, starts postern with the certificate that the page names for this
        client, and renews it as the timer would."""
        for file in files:
            self.machine.put(file)
        self.machine.shell(commands.text)
        (settings,) = [one for one in section(PAGE, client) if one.language == "yaml"]
        (self.machine.root / "etc/postern/postern.yaml").write_text(SETTINGS + settings.text)
        self.machine.shell("runuser -u postern -- postern check --config /etc/postern/postern.yaml")
        self.machine.must("start", "postern")
        wait_until(self.machine.ready, 20, self.machine.log)
        self.served_after_renewal(renew)

    def served_after_renewal(self, renew):
        process, first = self.machine.shown("MainPID"), self.shown()
        self.machine.shell(renew)
        self.machine.shell(f"test $(systemctl show {UNIT} --value --property=Result) = success")
        wait_until(lambda: self.shown() != first, 20, lambda: "the new certificate\n" + self.machine.log())
        metrics = self.machine.metrics()
        self.assertEqual(self.machine.shown("MainPID"), process)
        self.assertRegex(metrics, r'postern_certificate_reloads_total\{result="success"\} [1-9]')
        self.assertRegex(metrics, r'postern_config_reloads_total\{result="success"\} 0')

    def shown(self):
        """Of the certificate that a client gets, which it trusts for the name."""
        shown = output("nsenter", "--target", self.machine.leader, "--net", "openssl", "s_client", "-connect",
                       f"{MACHINE}:993", "-servername", NAME, "-CAfile", self.authority.roots, "-verify_return_error",
                       "-verify_hostname", NAME, "-showcerts")
        return re.search("-----BEGIN CERTIFICATE-----.*?-----END", shown, re.S)[0]

    def unit(self):
        return [block(PAGE, "Description=The certificate of mail.example.org"), block(PAGE, "OnCalendar=daily")]

    def by_unit(self, heading, base=None, extra=()):
        """A recipe for the unit: all that stands under its heading, and what it needs of the others."""
        own = section(PAGE, heading)
        commands = commands_of(own) or commands_of(section(PAGE, base))
        files = [*self.unit(), *[one for one in own if one.path], *extra]
        self.follow(base or heading, commands[0], files, f"systemctl start {UNIT}")
        self.assertIn(f"{UNIT}.timer", self.machine.must("list-timers"))

    def test_lego(self):
        self.by_unit("lego")

    def test_lego_by_tls_alpn_01(self):
        self.by_unit("lego by tls-alpn-01", "lego")

    def test_lego_by_dns_01(self):
        self.by_unit("lego by dns-01", "lego")

    def test_uacme(self):
        self.by_unit("uacme")

    def test_uacme_by_tls_alpn_01(self):
        self.by_unit("uacme by tls-alpn-01", "uacme")

    def test_uacme_by_dns_01(self):
        self.by_unit("uacme by dns-01", "uacme")

    def test_dehydrated(self):
        self.by_unit("dehydrated")

    def test_dehydrated_by_dns_01(self):
        self.by_unit("dehydrated by dns-01", "dehydrated", [block(PAGE, 'key "acme" {')])

    def by_certbot(self, heading):
        own = section(PAGE, heading)
        self.follow("certbot", commands_of(own)[0], [one for one in own if one.path], "systemctl start certbot.service")
        self.assertIn("certbot.timer", self.machine.must("list-timers"))

    def test_certbot(self):
        self.by_certbot("certbot")

    def test_certbot_by_dns_01(self):
        self.by_certbot("certbot by dns-01")


# Of the schemas of cert-manager 1.21 (deploy/crds) what the page uses.
STRING = {"type": "string"}


def mapping(required=(), **properties):
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": False}


SECRET_KEY = mapping(["name"], name=STRING, key=STRING)
SPECS = {
    "Issuer": mapping(["acme"], acme=mapping(
        ["privateKeySecretRef", "server"], server=STRING, email=STRING, privateKeySecretRef=SECRET_KEY, profile=STRING,
        solvers={"type": "array", "items": mapping(
            dns01=mapping(rfc2136=mapping(
                ["nameserver"], nameserver=STRING, tsigAlgorithm=STRING, tsigKeyName=STRING, tsigSecretSecretRef=SECRET_KEY)),
            http01=mapping(ingress=mapping(ingressClassName=STRING)))})),
    "Certificate": mapping(
        ["issuerRef", "secretName"], secretName=STRING, dnsNames={"type": "array", "items": STRING},
        privateKey=mapping(algorithm={"enum": ["RSA", "ECDSA", "Ed25519"]}, size={"type": "integer"},
                           rotationPolicy={"enum": ["Never", "Always"]}, encoding={"enum": ["PKCS1", "PKCS8"]}),
        issuerRef=mapping(["name"], name=STRING, kind=STRING, group=STRING)),
}


def fits(manifest):
    schema = mapping(["apiVersion", "kind", "metadata", "spec"], apiVersion={"const": "cert-manager.io/v1"}, kind=STRING,
                     metadata=mapping(["name"], name=STRING, namespace=STRING), spec=SPECS[manifest["kind"]])
    jsonschema.Draft4Validator(schema).validate(manifest)


class Page(unittest.TestCase):
    def test_every_recipe_is_tested(self):
        headings = re.findall(r"(?m)^#+ (.*)", re.sub(r"(?ms)^```.*?^```", "", (SOURCE / PAGE).read_text(encoding="utf-8")))
        recipes = [heading for heading in headings if commands_of(section(PAGE, heading))]
        self.assertIn("lego by dns-01", headings)
        for heading in (*recipes, "lego by tls-alpn-01", "lego by dns-01"):
            self.assertTrue(hasattr(Recipes, "test_" + re.sub(r"\W", "_", heading)), heading)


class CertManager(unittest.TestCase):
    def setUp(self):
        self.issuer, self.certificate = yaml.safe_load_all(block(PAGE, "kind: Issuer\n").text)

    def test_both_fit_their_schemas(self):
        for manifest in (self.issuer, self.certificate):
            fits(manifest)
            broken = copy.deepcopy(manifest)
            broken["spec"]["misspelt"] = 1
            with self.assertRaisesRegex(jsonschema.ValidationError, "misspelt"):
                fits(broken)

    def test_the_comments_solver_fits_as_well(self):
        (other,) = re.findall(r"# Or (http01: .*?\}\})", block(PAGE, "kind: Issuer\n").text)
        self.issuer["spec"]["acme"]["solvers"] = [yaml.safe_load(other)]
        fits(self.issuer)

    def test_the_secret_is_the_one_that_the_deployment_mounts(self):
        self.assertEqual(self.certificate["spec"]["issuerRef"], {"name": self.issuer["metadata"]["name"], "kind": "Issuer"})
        deployment = yaml.safe_load((SOURCE / "deploy/kubernetes/deployment.yaml").read_text())
        mounted = [volume["secret"]["secretName"] for volume in deployment["spec"]["template"]["spec"]["volumes"]
                   if "secret" in volume]
        self.assertEqual(mounted, [self.certificate["spec"]["secretName"]])


if __name__ == "__main__":
    unittest.main()
