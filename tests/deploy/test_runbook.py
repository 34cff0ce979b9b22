"""The blocks of README.md, deploy/README.md and docs/ that need no machine of their own: each runs as it stands, or is
judged by what it names where it would build, measure or fetch. The rest of the blocks is in the other tests of this folder.
"""

import ast
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import tempfile
import unittest

import yaml

from blocks import SOURCE, block
from deployed import make_certificate, output, wait_until

BINARY = os.environ["POSTERN_BIN"]
RUNBOOK = "deploy/README.md"


def commands(one):
    """The words of each command of a block, without its comments."""
    text = one.text.replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in text.splitlines() if shlex.split(line, comments=True)]


class Runbook(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.environment = {**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
        (self.folder / "bin").mkdir()
        (self.folder / "bin/postern").symlink_to(BINARY)

    def certificate(self, name, *more):
        """name.crt and name.key, signed by itself."""
        output("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", *more,
               "-keyout", self.folder / f"{name}.key", "-out", self.folder / f"{name}.crt")

    def start(self, *command):
        """Runs it in the folder until the test ends; its output is in the file that is returned."""
        log = self.folder / "log"
        with log.open("w") as file:
            process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command], cwd=self.folder,
                                       env=self.environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, log

    def test_an_ecdsa_certificate_beside_the_rsa_one(self):
        self.certificate("mail-ecdsa")
        output("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=mail-rsa",
               "-addext", "subjectAltName=DNS:mail-ecdsa", "-keyout", self.folder / "mail-rsa.key",
               "-out", self.folder / "mail-rsa.crt")
        (self.folder / "postern.yaml").write_text(
            "listeners: [{address: '127.0.0.1:0'}]\nbackends: {legacy: {servers: ['mail:143']}}\n" +
            block(RUNBOOK, "mail-ecdsa.crt").text)
        said = output(self.folder / "bin/postern", "check", "--config", self.folder / "postern.yaml")
        self.assertNotIn("are both for", said)
        self.assertNotIn("no ECDSA certificate", said)

    def test_the_file_for_production_is_good(self):
        self.certificate("mail.example.org")
        self.certificate("internal-ca")
        (self.folder / "internal-ca.crt").rename(self.folder / "internal-ca.pem")
        (self.folder / "postern.yaml").write_text(block("README.md", "servers: [\"mail1.internal:143\"").text)
        said = output(BINARY, "check", "--config", self.folder / "postern.yaml")
        for word in ("[::]:993", "[::]:143", "legacy", "mail.example.org"):
            self.assertIn(word, said)

    def test_a_server_is_taken_out_of_its_pool(self):
        self.certificate("mail.example.org")
        (self.folder / "postern.yaml").write_text(
            "listeners: [{address: '127.0.0.1:0'}]\n"
            "tls: {certificates: [{chain: mail.example.org.crt, key: mail.example.org.key}]}\n" +
            block("docs/operation.md", "drain: true").text)
        said = output(BINARY, "check", "--config", self.folder / "postern.yaml")
        self.assertIn("mail1.internal:143 (weight 3, at most 5000 sessions) mail2.internal:143 (drains) "
                      "standby.internal:143 (backup)", said)

    def test_users_move_from_one_server_to_another(self):
        self.certificate("mail.example.org")
        (self.folder / "users.map").write_text(block("docs/users.md", "bert@other.example").text)
        (self.folder / "postern.yaml").write_text(
            "listeners: [{address: '127.0.0.1:0'}]\n"
            "tls: {certificates: [{chain: mail.example.org.crt, key: mail.example.org.key}]}\n" +
            block("docs/users.md", "default_domain: example.org").text)
        said = output(BINARY, "check", "--config", self.folder / "postern.yaml")
        self.assertIn("users        2 by map; all others by route, or old", said)

    def test_a_service_says_where_users_are(self):
        self.certificate("mail.example.org")
        (self.folder / "postern.yaml").write_text(
            "listeners: [{address: '127.0.0.1:0'}]\n"
            "tls: {certificates: [{chain: mail.example.org.crt, key: mail.example.org.key}]}\n"
            "backends: {old: {servers: ['old.internal:143']}, new: {servers: ['new.internal:143']}}\n"
            "default_backend: old\n" + block("docs/users.md", "lookup: {url").text)
        said = output(BINARY, "check", "--config", self.folder / "postern.yaml")
        self.assertIn("users        0 by map; all others by lookup at 127.0.0.1:8080, by route, or old", said)

    def test_what_to_try_is_what_a_fresh_debian_runs_in_ci(self):
        ci = (SOURCE / ".ci/run").read_text()
        for command in commands(block("README.md", "deploy/quickstart")):
            self.assertTrue(os.access(SOURCE / command[0], os.X_OK), command)
            self.assertRegex(ci, rf"fresh-root [^']*'[^']*\b{command[0]}\b")

    def test_the_flags_instead_of_a_file_make_a_gateway(self):
        make_certificate(self.folder)
        namespace = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
        process, log = self.start(*namespace, "bash", "-c", "ip link set lo up && exec " +
                                  block("docs/configuration.md", "postern --listen 0.0.0.0:993").text)
        wait_until(lambda: " ready" in log.read_text() or process.poll() is not None, 20, log.read_text)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 0, log.read_text())

    def test_the_ocsp_response_is_fetched_and_taken(self):
        self.certificate("issuer", "-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature")
        signed = ["-CA", self.folder / "issuer.crt", "-CAkey", self.folder / "issuer.key"]
        # The kernel chooses the responder's port, which stands in the certificate; the responder reads its list first.
        (self.folder / "index.txt").write_text("V\t491231235959Z\t\t1001\tunknown\t/CN=tls\n")
        process, log = self.start("openssl", "ocsp", "-port", "0", "-index", "index.txt", "-CA", "issuer.crt",
                                  "-rsigner", "issuer.crt", "-rkey", "issuer.key", "-ndays", "2", "-ignore_err", "-text")
        wait_until(lambda: re.search(r"ACCEPT \S+:\d+", log.read_text()) or process.poll() is not None, 20, log.read_text)
        port = re.search(r"ACCEPT \S+:(\d+)", log.read_text())[1]
        self.certificate("tls", *signed, "-set_serial", "0x1001", "-addext", f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{port}/",
                         "-addext", "basicConstraints=critical,CA:FALSE")
        done = subprocess.run(["bash", "-ec", block(RUNBOOK, "openssl ocsp -issuer").text], cwd=self.folder, timeout=30,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + log.read_text())
        (self.folder / "chain.crt").write_bytes(b"".join((self.folder / f"{name}.crt").read_bytes() for name in ("tls", "issuer")))
        (self.folder / "postern.yaml").write_text(
            "listeners: [{address: '127.0.0.1:0'}]\nbackends: {legacy: {servers: ['127.0.0.1:9']}}\n"
            "tls: {certificates: [{chain: chain.crt, key: tls.key, ocsp: tls.ocsp}]}\n")
        said = output(BINARY, "check", "--config", self.folder / "postern.yaml", stderr=subprocess.STDOUT)
        self.assertNotIn("ocsp:", said)
        self.assertNotIn("warning", said)

    def test_the_container_is_built_and_run_as_its_image_says(self):
        build, run = commands(block(RUNBOOK, "docker build -t postern"))
        image = (SOURCE / "Dockerfile").read_text()
        self.assertEqual((build[:2], build[-1], run[-1]), (["docker", "build"], ".", build[build.index("-t") + 1]))
        self.assertIn(run[run.index("--publish") + 1].partition(":")[2], re.search(r"EXPOSE (.*)", image)[1].split())
        folder = run[run.index("--volume") + 1].split(":")[1]
        self.assertIn(f'"{folder}/postern.yaml"', re.search(r"^CMD (.*)", image, re.M)[1])
        reference = yaml.safe_load(output(BINARY, "config-reference"))
        longest = sum(int(reference["timeouts"][key].removesuffix("s")) for key in ("drain_delay", "drain")) + 5
        self.assertGreaterEqual(int(run[run.index("--stop-timeout") + 1]), longest)

    def test_the_container_runs_from_flags(self):
        (run,) = commands(block(RUNBOOK, "docker run --publish"))
        output(BINARY, "check", *run[run.index("postern") + 1:])
        listen = run[run.index("--listen") + 1]
        self.assertEqual(run[run.index("--publish") + 1].partition(":")[2], listen.rpartition(":")[2])

    def test_another_boringssl_is_taken_from_where_the_page_says(self):
        configure, build = [line for line in commands(block("docs/operation.md", "DBORINGSSL_ROOT"))]
        options = [word for word in configure if word.startswith("-D")]
        self.assertEqual(options, ["-DBORINGSSL_ROOT=PREFIX"])
        self.assertIn("BORINGSSL_ROOT", "".join(path.read_text() for path in SOURCE.glob("**/CMakeLists.txt")))
        context = build[build.index("--build-context") + 1].partition("=")[0]
        self.assertRegex((SOURCE / "Dockerfile").read_text(), rf"(?m)^FROM scratch AS {context}$")
        self.assert_presets(configure)

    def test_the_measurements_know_their_arguments(self):
        configure, everything, some = commands(block("docs/performance.md", "tests/bench/run"))
        self.assert_presets(configure)
        program = SOURCE / "tests/bench/run"
        self.assertEqual(everything[0], "tests/bench/run")
        usage = output(program, "--help")
        for flag in [word for word in everything + some if word.startswith("--")]:
            self.assertIn(f"{flag} ", usage)
        tree = ast.parse(program.read_text())
        (cases,) = [node.value for node in tree.body
                    if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "CASES"]
        known = {key.value for key in cases.keys} | {"idle", "workers"}
        self.assertLessEqual(set(some[some.index("--only") + 1].split(",")), known)

    def test_the_installation_builds_as_the_image_does(self):
        """What the image's test builds for real; the rest of the block runs in the tests that boot a machine."""
        lines = block(RUNBOOK, "systemd-sysusers").text.partition("\n\n")[0].splitlines()
        image = re.sub(r"\\\n", " ", (SOURCE / "Dockerfile").read_text())
        built = re.sub(r" -D(BORINGSSL_ROOT|POSTERN_REVISION)=\S+", "", image).replace("/out", "/usr/local")
        for line in lines:
            self.assertRegex(built, rf"(RUN|&&) +{re.escape(line)}( |\n|$)")

    def assert_presets(self, words):
        known = {preset["name"] for preset in json.loads((SOURCE / "CMakePresets.json").read_text())["configurePresets"]}
        used = {words[index + 1] for index, word in enumerate(words) if word == "--preset"}
        self.assertTrue(used)
        self.assertLessEqual(used, known)


if __name__ == "__main__":
    unittest.main()
