"""The index, read from the bucket by pyarrow's own clients of object stores."""

import json

import pyarrow.fs
import pyarrow.json

from .scene import Scene


class Index:
    def __init__(self, scene):
        self.scene, self.upstream = scene, scene.upstream

    def table(self):
        """What pyarrow makes of it."""
        name = f"{self.scene.store.bucket}/{self.scene.prefix}/index.ndjson"
        with self.scene.store.arrow().open_input_stream(name) as stream:
            return pyarrow.json.read_json(stream)

    def is_read_by_pyarrow(self):
        scene = self.scene
        for what in ["a first run", "a run that replaces all"]:
            done, _ = scene.run("--index")
            table = self.table().to_pylist()
            rows = {row["element"]["id"]: row for row in table}
            wrong = []
            for element in self.upstream.elements:
                manifest, row = scene.manifest(element), rows.get(element, {})
                said = [(asset["file"], asset["sha256"], asset["size"]) for asset in row.get("assets", [])]
                if said != [(asset["file"], asset["sha256"], asset["size"]) for asset in manifest["assets"]]:
                    wrong.append(f"{element}: {said}")
            scene.check(f"after {what} with --index pyarrow reads each manifest from the bucket", done.returncode == 0
                        and len(table) == len(self.upstream.elements) and not wrong, done.stderr + "\n".join(wrong))

    def has_no_response(self):
        rows = [json.loads(line) for line in self.scene.get("index.ndjson").splitlines()]
        self.scene.check("its lines are the manifests without `response`", rows == [
            {key: value for key, value in self.scene.manifest(row["element"]["id"]).items() if key != "response"}
            for row in rows], rows)

    def is_whole_after_part_of_a_list(self):
        done, _ = self.scene.run("--index", ids="-", input="u_0\n")
        rows = self.scene.get("index.ndjson").splitlines()
        self.scene.check("a run over part of a list leaves the others in the index", done.returncode == 0
                         and len(rows) == len(self.upstream.elements), done.stderr)


def steps(check, place, store):
    scene = Scene(check, place, store, "index")
    index = Index(scene)
    return [index.is_read_by_pyarrow, index.has_no_response, index.is_whole_after_part_of_a_list, scene.stop]
