"""Pipelines: other programs read what this one writes, as it is written."""

import json
import subprocess
import threading

from checks import PATIENCE
from systems.place import PROJECT

IDS = PROJECT / "sample-ids.txt"


class Pipelines:
    def __init__(self, check, place):
        self.check, self.place = check, place

    def shell(self, script):
        return self.place.run("bash", "-c", script, env={"ELEMENT_MIRROR_DEMO": "1"})

    def validator(self, of):
        from jsonschema import Draft202012Validator
        schema = json.loads(self.place.mirror("schema", of).stdout)
        Draft202012Validator.check_schema(schema)
        return Draft202012Validator(schema)

    def schemas(self):
        report, manifest = self.validator("report"), self.validator("manifest")
        self.place.demo("--id", "u_1,u_2", "--index", "--report", "a.ndjson")
        self.place.mirror("run", "-", "--demo", "-o", "mirror", "--report", "b.ndjson",
                          input=IDS.read_text() + "\nno/id\n")
        (self.place.here / "mirror/u_302847193845201/cover.jpg").write_bytes(b"damaged")
        self.place.mirror("verify", "mirror", "-", "--report", "c.ndjson", input=IDS.read_text() + "\nu_3\n")
        lines = [line for name in "abc" for line in self.place.lines(f"{name}.ndjson")]
        wrong = [f"{line}: {error.message}" for line in lines for error in report.iter_errors(line)]
        statuses = {line["status"] for line in lines}
        self.check("every line of a report is as its schema says", not wrong
                   and statuses == {"created", "unchanged", "failed", "ok", "damaged", "missing"}, wrong or statuses)
        manifests = [json.loads(path.read_text()) for path in self.place.here.glob("mirror/*/manifest.json")]
        index = self.place.lines("mirror/index.ndjson")
        wrong = [error.message for one in manifests + index for error in manifest.iter_errors(one)]
        self.check("so is every manifest, and every line of the index", not wrong
                   and len(manifests) == len(index) == 11, wrong)
        strange = [dict(lines[0], status="odd"), dict(lines[0], id="no/id"), dict(lines[0], error={"kind": "Odd"})]
        unnoticed = [line for line in strange if report.is_valid(line)]
        unnoticed += [one for one in [dict(manifests[0], format="1"), dict(manifests[0], assets=[{}])]
                      if manifest.is_valid(one)]
        self.check("what is not so would be noticed", not unnoticed, unnoticed)

    def a_filter(self):
        ids = [line.split()[0] for line in IDS.read_text().splitlines() if line.startswith("u_")]
        script = "element-mirror run --demo - -o filtered -q --report - | jq --unbuffered -c '[.id, .status]'"
        with subprocess.Popen(["bash", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              env=self.place.environment(), cwd=self.place.here) as pipeline:
            # One that says nothing is ended, or nothing would come of waiting.
            watchdog = threading.Timer(PATIENCE, pipeline.kill)
            watchdog.start()
            said, there = [], []
            for element in ids[:3]:
                pipeline.stdin.write(element + "\n")
                pipeline.stdin.flush()
                said.append(json.loads(pipeline.stdout.readline()))
                there.append((self.place.here / "filtered" / element / "manifest.json").is_file())
            pipeline.stdin.close()
            rest = pipeline.stdout.read()
            watchdog.cancel()
        self.check("a line comes out when its element is there, before the next one is named",
                   said == [[element, "created"] for element in ids[:3]] and all(there) and rest == "", said)
        self.check("the pipeline ends with its input", pipeline.returncode == 0, pipeline.returncode)

    def a_reader_that_has_enough(self):
        slowly = f"while read -r line; do echo \"$line\"; sleep 0.1; done <{IDS}"
        mirror = "element-mirror run - -o headed --report -"
        done = self.shell(f"({slowly}) | {mirror} | head -n 1; echo ${{PIPESTATUS[1]}}")
        lines = done.stdout.splitlines()
        self.check("a reader that has enough ends the run quietly, with 141", len(lines) == 2 and lines[1] == "141"
                   and json.loads(lines[0])["status"] == "created" and done.stderr == "", done.stdout + done.stderr)
        done = self.shell("element-mirror verify headed -q")
        self.check("and what is there is whole", done.returncode == 0, done.stderr)

    def lists(self):
        done = self.shell("element-mirror list --json | jq -c 'select(.tags[].tagDesc == \"Animal\")' |"
                          " element-mirror run - -o animals -q --report - | jq -r .id | sort")
        mirrored = sorted(path.name for path in (self.place.here / "animals").glob("u_*"))
        self.check("what jq lets through of a list is mirrored", done.stdout.split() == mirrored
                   and len(mirrored) == 2, done.stdout + done.stderr)


def steps(check, place):
    pipelines = Pipelines(check, place)
    return [pipelines.schemas, pipelines.a_filter, pipelines.a_reader_that_has_enough, pipelines.lists]
