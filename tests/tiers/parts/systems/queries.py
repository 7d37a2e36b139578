"""The queries: DuckDB and jq over a real mirror's index and a run's report, their results held against the folders."""

import collections
import json

from systems.place import EXAMPLES

QUERIES = EXAMPLES / "queries"


class Queries:
    def __init__(self, check, place):
        self.check, self.place = check, place
        self.manifests = []

    def begin(self):
        done = self.place.demo("--index", "--report", "last.ndjson", "--id", "u_1,u_2")
        folders = (self.place.here / "mirror").glob("u_*/manifest.json")
        self.manifests = [json.loads(path.read_text()) for path in folders]
        self.check("there is a mirror to ask about", done.returncode == 3 and len(self.manifests) == 11, done.stderr)

    def duckdb(self, name):
        done = self.place.run("duckdb", "-json", input=(QUERIES / name).read_text())
        if done.returncode != 0 or done.stderr:
            raise RuntimeError(done.stderr)
        return json.loads(done.stdout or "[]")

    def jq(self, *args):
        done = self.place.run("jq", *args)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout.splitlines()

    def files(self):
        """All files, the largest first."""
        files = [(manifest["element"]["id"], asset["file"], asset["size"])
                 for manifest in self.manifests for asset in manifest["assets"]]
        return sorted(files, key=lambda file: (-file[2], *file[:2]))

    def largest(self):
        expected = self.files()[:10]
        found = [(row["id"], row["file"], row["size"]) for row in self.duckdb("biggest-assets.sql")]
        self.check("DuckDB finds the largest files", found == expected, found)
        lines = self.jq("-r", "-n", "-f", QUERIES / "biggest-assets.jq", "mirror/index.ndjson")
        found = [(id, file, int(size)) for id, file, size in (line.split("\t") for line in lines)]
        self.check("jq finds the largest files", found == expected, found)

    def tags(self):
        expected = collections.defaultdict(list)
        for manifest in self.manifests:
            for tag in manifest["element"]["tags"]:
                expected[tag["tagDesc"]].append(manifest)
        rows = self.duckdb("by-tag.sql")
        wrong = [row for row in rows if (held := expected[row["tag"]]) is None or (row["elements"], row["files"],
                 row["bytes"]) != (len(held), sum(len(one["assets"]) for one in held),
                                   sum(asset["size"] for one in held for asset in one["assets"]))]
        self.check("DuckDB counts by tag", len(rows) == len(expected) > 2 and not wrong, rows)
        found = self.jq("-r", "--arg", "tag", "Animal", "-f", QUERIES / "ids-by-tag.jq", "mirror/index.ndjson")
        animals = sorted(manifest["element"]["id"] for manifest in expected["Animal"])
        self.check("jq finds the elements of a tag", len(animals) > 1 and sorted(found) == animals, found)

    def twins(self):
        self.check("DuckDB finds no file twice where none is", self.duckdb("twins.sql") == [])
        index = self.place.here / "mirror/index.ndjson"
        before = index.read_text()
        first = json.loads(before.splitlines()[0])
        id, file = first["element"]["id"], first["assets"][0]["file"]
        first["element"]["id"], first["assets"] = "u_twin", first["assets"][:1]
        index.write_text(before + json.dumps(first) + "\n")
        [twins] = self.duckdb("twins.sql")
        index.write_text(before)
        self.check("DuckDB finds files that are in two elements", twins["files"] == [f"{id}/{file}", f"u_twin/{file}"],
                   twins)

    def report(self):
        rows = [(row["status"], row["error"], row["elements"]) for row in self.duckdb("report.sql")]
        self.check("DuckDB says what came of a run", rows == [("created", None, 11), ("failed", "not_found", 2)], rows)
        failed = self.jq("-r", "-f", QUERIES / "failed-ids.jq", "last.ndjson")
        self.check("jq finds what failed", sorted(failed) == ["u_1", "u_2"], failed)

    def all_are_asked(self):
        there = {path.name for path in QUERIES.iterdir()}
        asked = {"biggest-assets.sql", "by-tag.sql", "twins.sql", "report.sql", "failed-ids.jq", "biggest-assets.jq",
                 "ids-by-tag.jq"}
        self.check("there is no query that is not tried here", there == asked, there ^ asked)


def steps(check, place):
    queries = Queries(check, place)
    return [queries.begin, queries.largest, queries.tags, queries.twins, queries.report, queries.all_are_asked]
