"""What deploy/prometheus and deploy/grafana say about a live gateway: a real Prometheus scrapes it with the
example configuration, evaluates every alert, and has data for every query of the dashboard."""

import contextlib
import gzip
import json
import os
import pathlib
import re
import shutil
import socket
import unittest
import urllib.error
import urllib.parse
import urllib.request

from harness import Authority, Folder, Gateway, Gone, Metrics, Process, ScriptedBackend, run, wait_until

SOURCE = pathlib.Path(os.environ.get("POSTERN_SOURCE", pathlib.Path(__file__).parents[2]))
PROMETHEUS = SOURCE / "deploy/prometheus"
DASHBOARD = SOURCE / "deploy/grafana/postern.json"

SELECTOR = re.compile(r"(?<![\w:])((?:postern|process)_\w+)(?![\w:])(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
TARGET_LABELS = {"job", "instance"}  # Prometheus adds them to every series
CHAIN = "postern_certificate_chain_not_after_timestamp_seconds"  # the certificate here has no intermediate
VARIABLES = {"$__rate_interval": "20s", "$__range": "20s", "$job": "postern", "$instance": ".*"}


def catalog():
    """{metric: its labels} of docs/metrics.md, which is printed from the catalogue, and what histograms are split into."""
    row = re.compile(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \|", re.MULTILINE)
    metrics = {}
    for name, kind, labels in row.findall((SOURCE / "docs/metrics.md").read_text(encoding="utf-8")):
        labels = set(re.findall(r"\w+", labels))
        metrics[name] = labels
        if kind == "histogram":
            metrics |= {name + "_bucket": labels | {"le"}, name + "_sum": labels, name + "_count": labels}
    return metrics


def panels(nodes):
    """All panels, those inside of collapsed rows too."""
    for node in nodes:
        yield node
        yield from panels(node.get("panels", []))


def dashboard_queries():
    """(title of the panel, query) with the dashboard's variables replaced."""
    for panel in panels(json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]):
        for target in panel.get("targets", []):
            query = target["expr"]
            for variable, value in VARIABLES.items():
                query = query.replace(variable, value)
            yield panel["title"], query


class Prometheus(contextlib.ExitStack):
    """The example configuration with this gateway as its target, and seconds instead of their tens."""

    def __init__(self, target):
        super().__init__()
        folder = self.enter_context(Folder("prometheus")).path
        shutil.copytree(PROMETHEUS, folder / "etc")
        path = folder / "etc/prometheus.yml"
        text = path.read_text(encoding="utf-8")
        assert "127.0.0.1:9143" in text and "15s" in text, "the example has changed"
        path.write_text(text.replace("127.0.0.1:9143", target).replace("15s", "1s"), encoding="utf-8")
        self.process = Process(["prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder / 'data'}",
                                "--web.listen-address=127.0.0.1:0"], folder / "log")
        self.callback(self.process.kill)
        try:
            listening = wait_until(lambda: re.search(r'"Listening on" address=(\S+)', self.process.text()),
                                   self.process.text)
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        self.url = f"http://{listening[1]}/api/v1"

    def get(self, path, **parameters):
        """`data` of an answer; an error of Prometheus, such as bad syntax, fails with its words."""
        url = f"{self.url}/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def query(self, query):
        return self.get("query", query=query)["result"]


def imap_server(peer):
    """Knows one user; the others' mailboxes are out of order or not theirs."""
    peer.send(b"* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n")
    while True:
        tag, _, command = peer.line().partition(b" ")
        if command.startswith(b"LOGIN anna"):
            peer.send(tag + b" OK done\r\n")
        elif command.startswith(b"LOGIN berta"):
            peer.send(tag + b" NO [UNAVAILABLE] come back later\r\n")
        elif command.startswith(b"LOGIN"):
            peer.send(tag + b" NO [AUTHENTICATIONFAILED] no\r\n")
        else:
            peer.send(tag + b" OK done\r\n")
            if command.startswith(b"LOGOUT"):
                raise Gone


def use(gateway):
    """A bit of everything that is counted."""
    for name in ("clear.mail.test", "verified.mail.test"):
        with gateway.connect(server_name=name) as client:
            client.command(b"LOGIN carla wrong")
            client.command(b"LOGIN berta secret")
            client.command(b"STARTTLS")
            client.login()
            client.ok(b"NOOP")
            client.ok(b"LOGOUT")
    with gateway.connect(server_name="dead.mail.test") as client:
        assert client.greeting.startswith(b"* BYE [UNAVAILABLE]"), client.greeting
    with socket.create_connection(gateway.address("starttls")) as scanner:
        scanner.sendall(b"a1 LOGIN anna secret\r\n")
        scanner.recv(4096)
    for words in (b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP4 192.0.2.1 192.0.2.2 4000 993\r\n"):
        with socket.create_connection(gateway.address("implicit")) as scanner:
            scanner.sendall(words)
            with contextlib.suppress(ConnectionError):
                while scanner.recv(4096):
                    pass
    with gateway.connect(server_name="clear.mail.test") as client:
        client.send(b"x LOGIN {99999999999999999999}\r\n")
        client.rest()


def setUpModule():
    global gateway, prometheus
    enter = unittest.enterModuleContext
    authority = Authority(enter(Folder("authority")).path)
    certificate = authority.leaf("*.mail.test")
    clear = enter(ScriptedBackend(imap_server))
    verified = enter(ScriptedBackend(imap_server, certificate.server_context()))
    backends = {
        "clear": clear.backend(),
        "verified": verified.backend("implicit", verify={"ca": str(authority.chain), "name": "backend.mail.test"}),
        "dead": {"servers": ["127.0.0.1:1"], "tls": "none", "health": {"interval": "1s"}},
    }
    gateway = enter(Gateway(
        backends=backends, routes=[{"sni": f"{name}.mail.test", "backend": name} for name in backends],
        listeners=[{"address": "127.0.0.1:0", "tls": "implicit", "proxy_protocol": {"from": ["192.0.2.0/24"]}},
                   {"address": "127.0.0.2:0", "tls": "starttls"}],
        limits={"memory": "2GiB"}, tls={"certificates": [certificate.files]}))
    gateway.authority = authority
    prometheus = enter(Prometheus("%s:%d" % gateway.admin))


class Files(unittest.TestCase):
    """promtool's own checks, and names that no tool knows."""

    def test_promtool_accepts_configuration_and_rules(self):
        run("promtool", "check", "config", PROMETHEUS / "prometheus.yml")
        run("promtool", "check", "rules", PROMETHEUS / "alerts.yml")

    def test_alerts_fire_when_they_should(self):
        run("promtool", "test", "rules", PROMETHEUS / "alerts_test.yml", timeout=240)

    def test_every_alert_has_a_unit_test_that_fires(self):
        rules = (PROMETHEUS / "alerts.yml").read_text(encoding="utf-8")
        tests = (PROMETHEUS / "alerts_test.yml").read_text(encoding="utf-8")
        fired = set(re.findall(r"alertname: (\w+)\n +exp_alerts:\n +- exp_labels", tests))
        self.assertEqual(set(re.findall(r"- alert: (\w+)", rules)), fired)

    def test_metrics_and_labels_are_in_the_catalogue(self):
        known = catalog()
        self.assertIn("postern_login_duration_seconds_bucket", known)
        pages = (SOURCE / "README.md", SOURCE / "deploy/README.md", *(SOURCE / "docs").glob("*.md"))
        files = (*PROMETHEUS.iterdir(), DASHBOARD, *pages)
        texts = {path: path.read_text(encoding="utf-8") for path in files}
        for file, text in texts.items():
            for metric, matchers in SELECTOR.findall(text):
                with self.subTest(file=file, metric=metric):
                    self.assertIn(metric, known)
                    used = {label for label, _ in MATCHER.findall(matchers.replace('\\"', '"'))}
                    self.assertLessEqual(used, known[metric] | TARGET_LABELS)

    def test_the_dashboard_tells_backends_apart(self):
        """What is counted by backend is shown by backend, so that one that is ill does not drown in the others."""
        queries = [query for _, query in dashboard_queries()]
        for metric in (name for name, labels in catalog().items() if "backend" in labels):
            with self.subTest(metric=metric):
                asked = [query for query in queries if re.search(rf"\b{metric}\b", query)]
                apart = [query for query in asked if re.search(r"by \([^)]*\bbackend\b", query) or "sum" not in query]
                self.assertTrue(apart or not asked, "\n".join(asked))
        self.assertTrue(any("by (backend, result) (rate(postern_logins_total" in query for query in queries))

    def test_label_values_that_rules_and_queries_ask_for_exist_in_the_source(self):
        source = "".join(path.read_text(encoding="utf-8") for room in ("metrics", "proxy", "tls")
                         for suffix in ("*.cc", "*.h") for path in (SOURCE / room).rglob(suffix))
        rules = (PROMETHEUS / "alerts.yml").read_text(encoding="utf-8")
        for text in (rules, *(query for _, query in dashboard_queries())):
            for label, values in MATCHER.findall(text):
                for value in () if label in TARGET_LABELS | {"le"} else values.split("|"):
                    self.assertIn(f'"{value}"', source, f"{label}={value} is never exported")


class Live(unittest.TestCase):
    """Against the gateway as it runs."""

    def test_exposition_passes_promtools_linter(self):
        use(gateway)
        text = gateway.folder / "metrics"
        text.write_text(gateway.metrics().text, encoding="utf-8")
        with text.open("rb") as file:
            run("promtool", "check", "metrics", stdin=file)

    def test_openmetrics_has_the_same_figures(self):
        """promtool lints only the text format; the Prometheus of this test reads OpenMetrics."""
        use(gateway)
        gateway.wait_for_metric("postern_sessions_active", 0)
        with gateway.ask("/metrics", Accept="application/openmetrics-text; version=1.0.0",
                         Accept_Encoding="gzip") as answer:
            self.assertEqual(answer.headers["Content-Type"],
                             "application/openmetrics-text; version=1.0.0; charset=utf-8")
            self.assertEqual(answer.headers["Content-Encoding"], "gzip")
            packed = answer.read()
        text = gzip.decompress(packed).decode()
        self.assertLess(len(packed), len(text) / 4)
        self.assertTrue(text.endswith("\n# EOF\n"))

        def series(metrics):
            return {(name, frozenset((key, value.removesuffix(".0")) for key, value in labels.items()))
                    for name, labels, _ in metrics.samples}
        self.assertEqual(series(Metrics(text)), series(gateway.metrics()))

    def test_prometheus_asks_for_openmetrics(self):
        bound = 'postern_login_duration_seconds_bucket{le="1.0"}'
        wait_until(lambda: use(gateway) or prometheus.query(bound), f"{bound}, which text has as 1")

    def test_every_exported_metric_is_in_the_catalogue(self):
        known = catalog()
        use(gateway)
        for name, labels, _ in gateway.metrics().samples:
            self.assertIn(name, known)
            self.assertEqual(set(labels), known[name], name)

    def test_what_happens_is_counted(self):
        happened = (
            ("postern_sessions_total", {"end_reason": "client_logout"}, 2),
            ("postern_sessions_total", {"end_reason": "backend_unavailable"}, 1),
            ("postern_handshakes_total", {"version": "1.3"}, 4),
            ("postern_handshake_failures_total", {"reason": "plaintext_http"}, 1),
            ("postern_handshake_duration_seconds_count", {}, 4),
            ("postern_logins_total", {"mechanism": "login", "result": "success"}, 2),
            ("postern_logins_total", {"mechanism": "login", "result": "failure"}, 2),
            ("postern_logins_total", {"mechanism": "login", "result": "unavailable"}, 2),
            ("postern_login_duration_seconds_count", {}, 6),
            ("postern_protocol_violations_total", {"hop": "client"}, 1),
            ("postern_proxy_headers_total", {"result": "refused"}, 1),
            ("postern_cleartext_logins_refused_total", {}, 1),
            ("postern_starttls_refused_total", {}, 2),
            ("postern_backend_connects_total", {"backend": "clear", "result": "success"}, 2),
            ("postern_backend_connects_total", {"backend": "dead", "result": "connection_refused"}, 1),
            ("postern_backend_handshakes_total", {"backend": "verified"}, 1),
        )
        gateway.wait_for_metric("postern_sessions_active", 0)  # what earlier tests did is counted
        with contextlib.ExitStack() as stack:
            for name, labels, by in happened:
                stack.enter_context(gateway.counting(name, by, **labels))
            use(gateway)
        for gauge in ("postern_sessions_active", "postern_sessions_authenticated", "postern_handshakes_in_flight",
                      "postern_backend_sessions_active"):
            gateway.wait_for_metric(gauge, 0)

    def test_every_query_of_the_dashboard_has_data(self):
        queries = list(dashboard_queries())
        self.assertGreater(len(queries), 40)

        def empty():
            use(gateway)
            return [query for query in queries if not prometheus.query(query[1]) and CHAIN not in query[1]]
        wait_until(lambda: not empty(), lambda: "\n".join(map(": ".join, empty())), seconds=60)

    def test_prometheus_evaluates_every_rule(self):
        def rules():
            return [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
        wait_until(lambda: all(rule["health"] != "unknown" for rule in rules()), "the first evaluation")
        self.assertGreater(len(rules()), 10)
        for rule in rules():
            self.assertEqual(rule["health"], "ok", rule)

    def test_alerts_say_what_is_true_of_this_gateway(self):
        def alerts(name):
            return [alert["labels"] for alert in prometheus.get("alerts")["alerts"]
                    if alert["labels"]["alertname"] == name]

        def dead_server_is_noticed():
            use(gateway)
            return alerts("PosternBackendDown")
        wait_until(dead_server_is_noticed, "an alert about the dead server", seconds=60)
        self.assertEqual([labels["backend"] for labels in alerts("PosternBackendDown")], ["dead"])
        unprotected = {labels["backend"] for labels in alerts("PosternBackendHopUnprotected")}
        self.assertEqual(unprotected, {"clear", "dead"})
        self.assertFalse(alerts("PosternDown"))


if __name__ == "__main__":
    unittest.main()
