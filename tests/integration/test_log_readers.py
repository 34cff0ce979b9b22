"""fail2ban and CrowdSec, as Debian has them, read the log of failed logins with the files in deploy/."""

import os
import pathlib
import shutil
import socket
import struct
import unittest

from harness import Folder, Gateway, ScriptedBackend, run
from harness.packages import unpacked
from harness.processes import wait_until

DEPLOY = pathlib.Path(os.environ["POSTERN_SOURCE"]) / "deploy"
FAILURES = 12
# What stands in the journal, other addresses, and what must not be taken for a failed login.
MORE = """\
2026-11-21T14:38:19.953Z info  login failed listener=[::]:143 client=[2001:db8::7]:50123 mechanism=other result=failure failures=0
2026-11-21T14:38:20.053Z info  login failed listener=[::]:143 client=[2001:db8::8]:50123 mechanism=plain result=abandoned failures=0
2026-11-21T14:38:20.153Z info  login refused listener=[::]:143 client=192.0.2.9:50123 mechanism=plain result=expired server=mail1.internal:143
2026-11-21T14:38:20.253Z info  more logins refused client=192.0.2.9:50123 result=expired count=7
2026-11-21T14:38:20.953Z warn  client banned client=[2001:db8::9]:50123 failures=10 seconds=900
2026-11-21T14:38:21.953Z info  session ended listener=[::]:993 client=192.0.2.9:1 reason=client_closed \
error="login failed listener=x client=192.0.2.66:5 mechanism=plain" tls=1.3
2026-11-21T14:38:22.953Z warn  session refused listener=[::]:143 client=192.0.2.9:1 reason=banned \
setting=limits.login_failures.max limit=10
2026-11-21T14:38:23.953Z info  suppressed of="login failed" client=192.0.2.9 count=30
"""


def refusing(peer):
    peer.send(b"* OK ready\r\n")
    while True:
        tag, *_, password = peer.line().split()
        if password != b"unheard":
            peer.send(tag + b" NO no\r\n")


class Readers(unittest.TestCase):
    def log(self):
        """A log as the gateway writes it, with FAILURES failed logins, every second hung up on, of which the last began a ban."""
        path = self.folder / "postern.log"
        with ScriptedBackend(refusing) as backend, Gateway(
                backends={"mail": backend.backend()},
                limits={"login_failures": {"max": FAILURES, "delay": "0s"}}) as gateway:
            for i in range(1, FAILURES + 1):
                with gateway.connect() as client:
                    if i % 2:
                        client.command(b"LOGIN anna wrong")
                    else:
                        client.start(b"LOGIN anna unheard")
                        wait_until(lambda: b"unheard" in backend.transcripts[-1], "the login at the server")
                        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                gateway.wait_for_log(rf"failures={i} ")
            gateway.wait_for_log("client banned")
            path.write_text(gateway.log() + MORE, encoding="utf-8")
        return path

    def setUp(self):
        self.folder = self.enterContext(Folder("readers")).path

    def fail2ban(self, log, mode):
        """The addresses that fail2ban finds, each as often as it does."""
        package = unpacked("fail2ban")
        found = run("/usr/bin/python3", package / "usr/bin/fail2ban-regex", "--config", package / "etc/fail2ban",
                    "--out", "ip", log, f"{DEPLOY}/fail2ban/filter.d/postern.conf[mode={mode}]",
                    env=os.environ | {"PYTHONPATH": f"{package}/usr/lib/python3/dist-packages"})
        return found.split()

    def test_fail2ban_reads_text(self):
        log = self.log()
        self.assertEqual(self.fail2ban(log, "failed"), FAILURES * ["127.0.0.1"] + ["2001:db8::7", "2001:db8::8"])
        self.assertEqual(self.fail2ban(log, "banned"), ["127.0.0.1", "2001:db8::9"])

    def test_fail2ban_reads_json(self):
        log = self.folder / "json.log"
        log.write_text(
            '{"time":"2026-11-21T14:38:20.953Z","level":"info","event":"login failed","listener":"[::]:993",'
            '"client":"192.0.2.3:50123","mechanism":"plain","result":"abandoned","failures":3}\n'
            '{"time":"2026-11-21T14:38:20.953Z","level":"info","event":"login refused","listener":"[::]:993",'
            '"client":"192.0.2.4:50123","mechanism":"plain","result":"denied","server":"mail1.internal:143"}\n'
            '{"time":"2026-11-21T14:38:20.953Z","level":"warn","event":"client banned","client":"[2001:db8::7]:1",'
            '"failures":10,"seconds":900}\n', encoding="utf-8")
        self.assertEqual(self.fail2ban(log, "failed"), ["192.0.2.3"])
        self.assertEqual(self.fail2ban(log, "banned"), ["2001:db8::7"])

    def test_fail2ban_reads_the_journal(self):
        log = self.folder / "journal.log"
        for own_time in (True, False):  # as it was before the gateway knew the journal
            lines = [line if own_time else line.partition(" ")[2] for line in MORE.splitlines()]
            log.write_text("".join(f"mail postern[7]: {line}\n" for line in lines), encoding="utf-8")
            self.assertEqual(self.fail2ban(log, "failed"), ["2001:db8::7", "2001:db8::8"])
            self.assertEqual(self.fail2ban(log, "banned"), ["2001:db8::9"])

    def test_crowdsec_reads_the_journal(self):
        log = self.folder / "journal.log"
        lines = 10 * ["info  login failed listener=[::]:993 client=192.0.2.66:4711 mechanism=plain result=failure failures=0",
                      "info  suppressed of=\"login failed\" client=192.0.2.77 count=30"]
        log.write_text("".join(f"Nov 21 14:38:{i:02} mail postern[7]: {line}\n" for i, line in enumerate(lines)),
                       encoding="utf-8")
        said = self.crowdsec(log, "syslog")
        self.assertRegex(said, r"Ip 192\.0\.2\.66 performed 'postern/imap-bf' \(10 events")
        self.assertNotIn("192.0.2.77", said)

    def test_crowdsec_finds_the_guesser_and_the_banned(self):
        log = self.log()
        said = self.crowdsec(log)
        self.assertRegex(said, r"Ip 127\.0\.0\.1 performed 'postern/imap-bf' \(10 events")
        self.assertRegex(said, r"Ip 127\.0\.0\.1 performed 'postern/imap-banned'")
        self.assertRegex(said, r"Ip 2001:db8::9 performed 'postern/imap-banned'")
        self.assertNotRegex(said, r"Ip (192\.0\.2\.|2001:db8::[78])")

    def crowdsec(self, log, kind="postern"):
        """Everything that CrowdSec says when it has read the log to its end."""
        package, folder = unpacked("crowdsec"), self.folder
        hub = package / "usr/share/crowdsec/hub"
        for stage, source in (("parsers/s00-raw", hub / "parsers/s00-raw/crowdsecurity/syslog-logs.yaml"),
                              ("parsers/s01-parse", DEPLOY / "crowdsec/parsers/postern-logs.yaml"),
                              ("parsers/s02-enrich", hub / "parsers/s02-enrich/crowdsecurity/dateparse-enrich.yaml"),
                              ("scenarios", DEPLOY / "crowdsec/scenarios/postern-bf.yaml"),
                              ("postoverflows", None)):
            (folder / "etc" / stage).mkdir(parents=True)
            if source:
                shutil.copy(source, folder / "etc" / stage)
        shutil.copytree(package / "etc/crowdsec/patterns", folder / "etc/patterns")
        (folder / "data").mkdir()
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        for name, text in {
            "config.yaml": f"""
                common: {{daemonize: false, log_media: stdout, log_level: info, working_dir: .}}
                config_paths: {{config_dir: {folder}/etc/, data_dir: {folder}/data/, hub_dir: {hub}/,
                                simulation_path: {folder}/simulation.yaml, index_path: {hub}/.index.json}}
                crowdsec_service: {{acquisition_path: {folder}/acquis.yaml, parser_routines: 1}}
                cscli: {{output: human}}
                db_config: {{type: sqlite, db_path: {folder}/data/db.sqlite}}
                api: {{client: {{credentials_path: {folder}/credentials.yaml}},
                       server: {{listen_uri: "127.0.0.1:{port}", profiles_path: {folder}/profiles.yaml}}}}
                prometheus: {{enabled: false}}
                """,
            "acquis.yaml": "\n", "credentials.yaml": f"url: http://127.0.0.1:{port}/\n",
            "simulation.yaml": "simulation: false\n",
        }.items():
            (folder / name).write_text(text, encoding="utf-8")
        shutil.copy(package / "etc/crowdsec/profiles.yaml", folder)
        run(package / "usr/bin/cscli", "-c", folder / "config.yaml", "machines", "add", "--auto", "--force")
        return run(package / "usr/bin/crowdsec", "-c", folder / "config.yaml", "-dsn", f"file://{log}",
                   "-type", kind, timeout=120)


if __name__ == "__main__":
    unittest.main()
