"""The job for Kubernetes: held against the schemas of its releases, and its command line run for each index."""

import collections
import copy
import json
import re
import subprocess

import kubernetes_validate
import yaml

from checks import PATIENCE
from packages import PROJECT
from spark.store import BUCKET
from upstream import TOKEN, Upstream

JOB = PROJECT / "examples/kubernetes/job.yaml"
# The first release in which backoffLimitPerIndex needs no word to the cluster, and the newest that is known here.
RELEASES = ["1.33", kubernetes_validate.latest_version()]


def complaints(job, release):
    try:
        kubernetes_validate.validate(job, release, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{release}: {error.message}"]
    return []


def expanded(text, variables):
    """What Kubernetes makes of $(NAME) in a command: names that it does not know stay as they are."""
    known = lambda found: "$" if found[0] == "$$" else variables.get(found[1], found[0])
    return re.sub(r"\$\$|\$\(([^)]*)\)", known, text)


class Kubernetes:
    def __init__(self, check, place, store, program):
        self.check, self.place, self.store, self.program = check, place, store, program
        self.job = yaml.safe_load(JOB.read_text())
        self.pod = self.job["spec"]["template"]["spec"]
        [self.container] = self.pod["containers"]

    def is_taken(self):
        wrong = [complaint for release in RELEASES for complaint in complaints(self.job, release)]
        self.check("the job is as the schemas of Kubernetes say", len(set(RELEASES)) == 2 and not wrong, wrong)
        misspelt, untyped, lacking = (copy.deepcopy(self.job) for _ in range(3))
        misspelt["spec"]["podFailurePolicy"]["rules"][0]["onExitCode"] = {}
        untyped["spec"]["completions"] = "8"
        del lacking["spec"]["template"]["spec"]["containers"][0]["name"]
        unnoticed = [job for job in [misspelt, untyped, lacking] if not complaints(job, RELEASES[0])]
        self.check("and what is not would be noticed", not unnoticed, unnoticed)

    def holds_together(self):
        """What the API server would refuse, and no schema says."""
        spec, container = self.job["spec"], self.container
        rules = spec["podFailurePolicy"]["rules"]
        named = {rule["onExitCodes"]["containerName"] for rule in rules if "onExitCodes" in rule}
        self.check("what the policy for failures and the limit for each index ask for is there",
                   named == {container["name"]} and self.pod["restartPolicy"] == "Never"
                   and spec["completionMode"] == "Indexed", named)
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        volumes = {volume["name"] for volume in self.pod["volumes"]}
        self.check("the volumes are those that are mounted", mounts == volumes, [mounts, volumes])
        codes = {rule["action"]: rule["onExitCodes"]["values"] for rule in rules if "onExitCodes" in rule}
        self.check("it ends where another try is in vain", codes == {"FailJob": [2, 4], "FailIndex": [3]}, codes)

    def run_shard(self, index, upstream, folders):
        """The container's command, as the pod with an index has it."""
        variables = {one["name"]: one["value"] for one in self.container["env"]} | {"JOB_COMPLETION_INDEX": str(index)}
        led = {**upstream.environment(), **self.store.environment(), "PATH": f"{self.place}:/usr/bin:/bin"}
        # What is polite takes time.
        del variables["ELEMENT_MIRROR_API_RATE"]
        words = [expanded(word, variables) for word in [*self.container["command"], *self.container["args"]]]
        for mounted, folder in folders.items():
            words = [word.replace(f"{mounted}/", f"{folder}/") for word in words]
            variables = {name: re.sub(f"^{mounted}(?=/|$)", str(folder), one) for name, one in variables.items()}
        return subprocess.run(words, env={**led, **variables}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=PATIENCE)

    def shares_the_work(self):
        """The shards of all indexes are all IDs, each once."""
        folders = {mount["mountPath"]: self.place / mount["name"] for mount in self.container["volumeMounts"]}
        for folder in folders.values():
            folder.mkdir()
        (self.place / "element-mirror").symlink_to(self.program)
        (self.place / "token/token").write_text(TOKEN + "\n")
        with Upstream([f"u_{n}" for n in range(24)], height=10) as upstream:
            (self.place / "ids/ids.txt").write_text("\n".join(upstream.elements + ["u_none"]) + "\n")
            done = [self.run_shard(index, upstream, folders) for index in range(self.job["spec"]["completions"])]
        self.check("each of the runs ends well", all(one.returncode == 0 for one in done), [one.stderr for one in done])
        reports = [[json.loads(line)["id"] for line in one.stdout.splitlines()] for one in done]
        count = collections.Counter(element for report in reports for element in report)
        self.check("together they take up every ID once", count == {one: 1 for one in upstream.elements + ["u_none"]}
                   and sum(map(bool, reports)) > len(reports) / 2, reports)
        name = next(one["value"] for one in self.container["env"] if one["name"] == "ELEMENT_MIRROR_OUT")
        prefix = name.removeprefix(f"s3://{BUCKET}/")
        self.check("and mirror them", self.store.mirrored(prefix) == sorted(upstream.elements)
                   and not self.store.torn(prefix), self.store.keys(prefix))


def steps(check, place, store, _, program):
    kubernetes = Kubernetes(check, place, store, program)
    return [kubernetes.is_taken, kubernetes.holds_together, kubernetes.shares_the_work]
