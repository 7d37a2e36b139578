"""Metrics and alerts: what the program writes is read by Prometheus' own tools, and the rules speak of nothing else."""

import re

from systems.exporter import exporting
from systems.place import EXAMPLES, PROJECT
from upstream import Upstream

RULES = "prometheus/alerts.yml"
TESTS = "prometheus/alerts.test.yml"
# As docs/operations.md has it.
[LABEL] = re.findall(r"sed -E '([^']+)'", (PROJECT / "docs/operations.md").read_text())


class Alerts:
    def __init__(self, check, place):
        self.check, self.place = check, place
        self.rules = (EXAMPLES / RULES).read_text()
        self.metrics = place.here / "element-mirror.prom"

    def are_tested(self):
        done = self.place.run("promtool", "check", "rules", EXAMPLES / RULES)
        self.check("Prometheus takes the rules", done.returncode == 0, done.stdout + done.stderr)
        done = self.place.run("promtool", "test", "rules", EXAMPLES / TESTS)
        self.check("they alert when they should, and only then", done.returncode == 0, done.stdout + done.stderr)
        self.place.copy(TESTS)
        unnoticed = []
        names = re.findall(r"alert: (\w+)\n +expr: (.*)", self.rules)
        for name, expression in names:
            rules = self.place.copy(RULES, {expression: "vector(0) > 1"})
            done = self.place.run("promtool", "test", "rules", rules.with_name("alerts.test.yml"))
            unnoticed += [name] if done.returncode == 0 else []
        self.check("a rule that never alerts would be noticed", names and not unnoticed, unnoticed)

    def read(self):
        """The metrics as Python's client reads them: values by name and labels."""
        from prometheus_client.parser import text_string_to_metric_families
        samples = [sample for family in text_string_to_metric_families(self.metrics.read_text())
                   for sample in family.samples]
        return {(sample.name.removeprefix("element_mirror_"), *sample.labels.values()): sample.value
                for sample in samples}

    def speak_of_what_is_written(self):
        with Upstream([f"u_{n}" for n in range(5)]) as upstream:
            def run():
                env = {**upstream.environment(), "ELEMENT_MIRROR_TOKEN_FILE": str(self.place.token)}
                args = ["run", "-", "-o", "mirror", "-q", "--metrics", self.metrics]
                return self.place.mirror(*args, input="\n".join(upstream.elements), env=env)

            done = run()
            said = self.read()
            bytes_there = sum(path.stat().st_size for path in (self.place.here / "mirror").glob("u_*/*.png"))
            expected = {("elements", "created"): 5, ("elements", "failed"): 0, ("exit_code",): done.returncode,
                        ("requests", "api"): 5, ("requests", "cdn"): 15, ("downloaded_bytes",): bytes_there,
                        ("retries",): 0, ("not_taken_up",): 0}
            told = {key: said.get(key) for key in expected}
            self.check("a parser of its client reads the metrics, and they are true", told == expected, told)
            upstream.faults["u_2"] = 403
            done = run()
            failed = self.read()
            told = [failed.get(key) for key in [("elements", "failed"), ("errors", "http_403"), ("exit_code",)]]
            self.check("what failed is told", told == [1, 1, 3], failed)
            success = ("last_success_timestamp_seconds",)
            self.check("the last success stays", said[success] == failed[success] > 1e9, failed)
        written = self.metrics.read_text()
        done = self.place.run("promtool", "check", "metrics", input=written)
        self.check("promtool finds nothing to say about the metrics", (done.returncode, done.stderr) == (0, ""),
                   done.stdout + done.stderr)
        names = set(re.findall(r"element_mirror_\w+", self.rules))
        strange = [name for name in names if f"# TYPE {name} " not in written]
        self.check("the rules name metrics that there are", names and not strange, strange)
        [statuses] = re.findall(r'status=~"([a-z_|]+)"', self.rules)
        (self.place.here / "mirror/u_0/cover.png").write_bytes(b"damaged")
        (self.place.here / "mirror/u_1/manifest.json").unlink()
        verify = ["verify", "mirror", "-", "--metrics", self.place.here / "verify.prom"]
        self.place.mirror(*verify, input="u_0\nu_1\nu_missing\n")
        there = set(re.findall(r'status="(\w+)"', written + (self.place.here / "verify.prom").read_text()))
        self.check("and statuses that there are", set(statuses.split("|")) <= there, there)

    def are_exported(self):
        """A node_exporter drops what two files have in common; so a label is put into the second."""
        folder = self.place.here / "node-exporter"
        folder.mkdir()
        (folder / "a.prom").write_text(self.metrics.read_text())
        own = [line for line in self.metrics.read_text().splitlines() if line.startswith("element_mirror_")]
        label = self.place.run("sed", "-E", LABEL, self.metrics).stdout
        with exporting(self.place, folder) as read:
            missing = {line.split()[0] for line in own} - {line.split()[0] for line in read()}
            self.check("node_exporter reads the metrics", own and not missing, missing)
            (folder / "b.prom").write_text(label)
            there = [line.split()[0] for line in read() if line.startswith("element_mirror_")]
            labelled = [name for name in there if 'mirror="b"' in name]
            self.check("and those of a second mirror, with a label", len(there) == 2 * len(own)
                       and len(labelled) == len(own) and "node_textfile_scrape_error 0" in read(), there)


def steps(check, place):
    alerts = Alerts(check, place)
    return [alerts.are_tested, alerts.speak_of_what_is_written, alerts.are_exported]
