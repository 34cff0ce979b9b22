"""deploy/kubernetes: rendered as kubectl renders it, then held against Kubernetes' own schemas and itself."""

import copy
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
from collections import Counter

import jsonschema
import yaml

from blocks import block
from deployed import make_certificate

HERE = pathlib.Path(__file__).resolve().parent
BASE = HERE.parents[1] / "deploy" / "kubernetes"
RUNBOOK = BASE.parent / "README.md"
APP = {"app.kubernetes.io/name": "postern"}


def debian_package(name):
    made = subprocess.run([HERE / "debian-package", "trixie", name], check=True, stdout=subprocess.PIPE, text=True)
    return pathlib.Path(made.stdout.strip())


@functools.cache
def kubectl():
    return shutil.which("kubectl") or str(debian_package("kubectl") / "usr/bin/kubectl")


def render(folder):
    made = subprocess.run([kubectl(), "kustomize", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if made.returncode:
        raise AssertionError(made.stderr)
    return list(yaml.safe_load_all(made.stdout))


# Kubernetes 1.27's OpenAPI as Debian ships it has two gaps. PodDisruptionBudget is there only as v1beta1, whose
# fields are those of v1; ServiceMonitor is no kind of Kubernetes, so what is used of it is written down here.
SERVICE_MONITOR = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "monitoring.coreos.com/v1"},
        "kind": {"const": "ServiceMonitor"},
        "metadata": {"type": "object"},
        "spec": {
            "required": ["selector", "endpoints"],
            "properties": {
                "jobLabel": {"type": "string"},
                "selector": {"properties": {"matchLabels": {"type": "object"}}},
                "endpoints": {
                    "type": "array",
                    "items": {
                        "properties": {
                            "port": {"type": "string"},
                            "path": {"type": "string", "pattern": "^/"},
                            "interval": {"type": "string", "pattern": "^[0-9]+[smh]$"},
                        }
                    },
                },
            },
        },
    },
}


class Schemas:
    """The schema of a kind, made strict: a field that Kubernetes would drop in silence is a fault."""

    def __init__(self):
        package = debian_package("golang-k8s-kubectl-dev")
        openapi = next(package.rglob("testdata/openapi"))
        self._documents = [json.loads((openapi / path).read_text())
                           for path in ("v3/api/v1.json", "v3/apis/apps/v1.json", "swagger.json")]
        for document in self._documents:
            self._tighten(document)
        self._kinds = {}
        for document in self._documents:
            for name, schema in self._definitions(document).items():
                for kind in schema.get("x-kubernetes-group-version-kind", []):
                    self._kinds.setdefault((kind["group"], kind["version"], kind["kind"]), (document, name))

    @staticmethod
    def _definitions(document):
        return document["components"]["schemas"] if "components" in document else document["definitions"]

    def _tighten(self, node):
        if isinstance(node, list):
            for item in node:
                self._tighten(item)
        elif isinstance(node, dict):
            if isinstance(node.get("properties"), dict):
                node.setdefault("additionalProperties", False)
            if node.get("format") == "int-or-string":  # the older swagger calls both a string
                node["type"] = ["integer", "string"]
            for value in node.values():
                self._tighten(value)

    def check(self, manifest):
        group, _, version = manifest["apiVersion"].rpartition("/")
        kind = manifest["kind"]
        if kind == "ServiceMonitor":
            schema = copy.deepcopy(SERVICE_MONITOR)
            self._tighten(schema)
        else:
            found = self._kinds.get((group, "v1beta1" if kind == "PodDisruptionBudget" else version, kind))
            if not found:
                raise AssertionError(f"no schema for {manifest['apiVersion']} {kind}")
            document, name = found
            part = "components/schemas" if "components" in document else "definitions"
            schema = {**document, "$ref": f"#/{part}/{name}"}
        jsonschema.Draft4Validator(schema).validate(manifest)


class Kubernetes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.manifests = render(BASE)
        cls.schemas = Schemas()

    def one(self, kind, name="postern"):
        named = lambda m: kind == "ConfigMap" or m["metadata"]["name"] == name  # that one's name ends in a digest
        (found,) = [m for m in self.manifests if m["kind"] == kind and named(m)]
        return found

    @property
    def pod(self):
        return self.one("Deployment")["spec"]["template"]["spec"]

    @property
    def container(self):
        (container,) = self.pod["containers"]
        return container

    @property
    def settings(self):
        return yaml.safe_load(self.one("ConfigMap")["data"]["postern.yaml"])

    def test_every_manifest_fits_its_schema(self):
        self.assertEqual({m["kind"] for m in self.manifests},
                         {"ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceMonitor"})
        for manifest in self.manifests:
            with self.subTest(manifest["kind"]):
                self.schemas.check(manifest)

    def test_the_schemas_refuse_what_kubernetes_would_drop(self):
        for kind, path in [("Deployment", ["spec", "template", "spec", "securityContext"]), ("Service", ["spec"]),
                           ("PodDisruptionBudget", ["spec"]), ("NetworkPolicy", ["spec"]), ("ServiceMonitor", ["spec"])]:
            with self.subTest(kind):
                broken = copy.deepcopy(self.one(kind))
                node = broken
                for step in path:
                    node = node[step]
                node["misspelt"] = 1
                with self.assertRaisesRegex(jsonschema.ValidationError, "misspelt"):
                    self.schemas.check(broken)

    def test_postern_accepts_the_configuration(self):
        with tempfile.TemporaryDirectory() as folder:
            make_certificate(folder)
            mount = {m["name"]: m["mountPath"] for m in self.container["volumeMounts"]}["tls"]
            text = self.one("ConfigMap")["data"]["postern.yaml"]
            self.assertIn(f"{mount}/tls.key", text)
            file = pathlib.Path(folder, "postern.yaml")
            file.write_text(text.replace(mount, folder))
            checked = subprocess.run([os.environ["POSTERN_BIN"], "check", "--config", file],
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.assertEqual(checked.returncode, 0, checked.stdout)

    def test_ports_agree_from_the_configuration_to_the_services(self):
        ports = {p["name"]: p["containerPort"] for p in self.container["ports"]}
        listening = {int(listener["address"].rpartition(":")[2]) for listener in self.settings["listeners"]}
        self.assertEqual({ports["imaps"]}, listening)
        self.assertEqual(ports["admin"], int(self.settings["admin"]["address"].rpartition(":")[2]))
        (imaps,) = self.one("Service")["spec"]["ports"]
        self.assertEqual((imaps["port"], imaps["targetPort"]), (993, "imaps"))
        (admin,) = self.one("Service", "postern-admin")["spec"]["ports"]
        self.assertEqual(admin["targetPort"], "admin")
        for probe in ("livenessProbe", "readinessProbe"):
            self.assertEqual(self.container[probe]["httpGet"]["port"], "admin")

    def test_every_selector_finds_the_pods(self):
        labels = self.one("Deployment")["spec"]["template"]["metadata"]["labels"]
        selectors = [self.one("Deployment")["spec"]["selector"]["matchLabels"],
                     self.one("Service")["spec"]["selector"],
                     self.one("Service", "postern-admin")["spec"]["selector"],
                     self.one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
                     self.one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
                     self.pod["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"]]
        for selector in selectors:
            self.assertEqual(selector, APP)
            self.assertLessEqual(selector.items(), labels.items())

    def test_prometheus_finds_the_admin_service_only(self):
        monitor = self.one("ServiceMonitor")["spec"]
        chosen = [m for m in self.manifests if m["kind"] == "Service"
                  and monitor["selector"]["matchLabels"].items() <= m["metadata"]["labels"].items()]
        self.assertEqual([m["metadata"]["name"] for m in chosen], ["postern-admin"])
        self.assertEqual(monitor["endpoints"][0]["port"], chosen[0]["spec"]["ports"][0]["name"])
        self.assertEqual(chosen[0]["metadata"]["labels"][monitor["jobLabel"]], "postern")  # as the alert rules have it

    def test_the_admin_endpoint_is_not_open_to_all(self):
        self.assertIn("Ingress", self.one("NetworkPolicy")["spec"]["policyTypes"])
        for rule in self.one("NetworkPolicy")["spec"]["ingress"]:
            names = [port["port"] for port in rule["ports"]]
            self.assertEqual("from" in rule, "admin" in names)

    def test_the_pod_is_restricted(self):
        """Pod Security Standards, profile "restricted"."""
        self.assertTrue(self.pod["securityContext"]["runAsNonRoot"])
        self.assertEqual(self.pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
        self.assertEqual(self.container["securityContext"], {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}})
        self.assertFalse(self.pod["automountServiceAccountToken"])

    def test_the_grace_period_outlasts_the_drain(self):
        times = (int(self.settings["timeouts"][key].removesuffix("s")) for key in ("drain_delay", "drain"))
        self.assertGreaterEqual(self.pod["terminationGracePeriodSeconds"], sum(times) + 5)

    def test_volumes_name_what_exists(self):
        volumes = {v["name"]: v for v in self.pod["volumes"]}
        self.assertEqual(volumes["config"]["configMap"]["name"], self.one("ConfigMap")["metadata"]["name"])
        self.assertEqual({m["name"] for m in self.container["volumeMounts"]}, set(volumes))
        self.assertIn("/etc/postern", [m["mountPath"] for m in self.container["volumeMounts"]])

    def test_an_overlay_can_bring_the_certificate(self):
        with tempfile.TemporaryDirectory() as folder:
            overlay = pathlib.Path(folder)
            (overlay / "tls.crt").write_text("chain")
            (overlay / "tls.key").write_text("key")
            (overlay / "kustomization.yaml").write_text(yaml.safe_dump({
                "resources": [os.path.relpath(BASE, overlay.resolve())],
                "secretGenerator": [{"name": "postern-tls", "type": "kubernetes.io/tls", "files": ["tls.crt", "tls.key"]}],
                "images": [{"name": "postern", "newName": "registry.example.org/postern"}]}))
            rendered = {m["kind"]: m for m in render(overlay)}
            self.schemas.check(rendered["Secret"])
            pod = rendered["Deployment"]["spec"]["template"]["spec"]
            self.assertIn({"name": "tls", "secret": {"secretName": rendered["Secret"]["metadata"]["name"],
                                                     "defaultMode": 0o440}}, pod["volumes"])
            self.assertEqual(pod["containers"][0]["image"], "registry.example.org/postern:0.1.0")

    def test_the_overlay_of_the_runbook(self):
        with tempfile.TemporaryDirectory() as folder:
            overlay = pathlib.Path(folder)
            text = block("deploy/README.md", "configMapGenerator:").text
            self.assertTrue(text.startswith("# kustomization.yaml\n"))
            text, replaced = re.subn(r'"github\.com/[^"]*//deploy/kubernetes\?ref=main"',
                                     os.path.relpath(BASE, overlay.resolve()), text)
            self.assertEqual(replaced, 1)  # a fork is on another machine
            (overlay / "kustomization.yaml").write_text(text)
            (overlay / "postern.yaml").write_text("of: the operator\n")
            rendered = render(overlay)
        for manifest in rendered:
            self.schemas.check(manifest)
        self.assertEqual({manifest["metadata"]["namespace"] for manifest in rendered}, {"mail"})
        (settings,) = [manifest["data"] for manifest in rendered if manifest["kind"] == "ConfigMap"]
        self.assertEqual(settings, {"postern.yaml": "of: the operator\n"})
        (deployment,) = [manifest for manifest in rendered if manifest["kind"] == "Deployment"]
        self.assertEqual(deployment["spec"]["template"]["spec"]["containers"][0]["image"],
                         "registry.example.org/postern:0.1.0")

    def test_an_overlay_without_the_operator_as_the_runbook_says(self):
        (patches,) = re.findall(r"`(patches: .*\$patch: delete.*)`", RUNBOOK.read_text(encoding="utf-8"))
        with tempfile.TemporaryDirectory() as folder:
            overlay = pathlib.Path(folder)
            (overlay / "kustomization.yaml").write_text(
                f"resources: [{os.path.relpath(BASE, overlay.resolve())}]\n{patches}\n")
            self.assertEqual(Counter(m["kind"] for m in self.manifests) - Counter(m["kind"] for m in render(overlay)),
                             Counter(["ServiceMonitor"]))

    def test_the_alert_rules_become_a_prometheus_rule_as_the_runbook_says(self):
        command, _, apply = block("deploy/README.md", "kind: PrometheusRule").text.rpartition(" | ")
        self.assertEqual(apply, "kubectl apply -f -\n")
        made = subprocess.run(["bash", "-c", command], cwd=BASE.parents[1], check=True, stdout=subprocess.PIPE, text=True)
        rule, rules = yaml.safe_load(made.stdout), BASE.parent / "prometheus" / "alerts.yml"
        self.assertEqual((rule["kind"], rule["metadata"]), ("PrometheusRule", {"name": "postern"}))
        self.assertEqual(rule["spec"], yaml.safe_load(rules.read_text(encoding="utf-8")))


if __name__ == "__main__":
    unittest.main()
