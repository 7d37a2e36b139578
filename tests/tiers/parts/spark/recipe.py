"""The recipe for Spark, run as the guide says: undisturbed, with an executor that is killed, with a token that is
refused."""

import collections
import json
import subprocess
import threading

import duckdb
from jsonschema import Draft202012Validator

from checks import PATIENCE, wait_until
from spark.cluster import Cluster, executors_at_work, kill
from upstream import SLOTS, Upstream


def known(value):
    """A row as a report has it: what is not known is left out."""
    if isinstance(value, dict):
        return {name: known(inner) for name, inner in value.items() if inner is not None}
    return value


class Doled(Upstream):
    """It answers for as many elements as it has been given turns."""

    def __init__(self, *elements, **options):
        self.turns = threading.Semaphore(0)
        super().__init__(*elements, **options)
        self.moving = False

    def api(self, *request):
        self.turns.acquire()
        return super().api(*request)


class Recipe:
    def __init__(self, check, place, store, venv, program):
        self.check, self.store = check, store
        self.cluster = Cluster(place, store, venv, program)
        schema = subprocess.run([program, "schema", "report"], check=True, capture_output=True, text=True).stdout
        self.schema = json.loads(schema)

    def rows(self, name):
        """The outcomes of a job."""
        table = duckdb.sql(f"SELECT * FROM '{self.cluster.here}/{name}.parquet/*.parquet'")
        return [known(dict(zip(table.columns, row))) for row in table.fetchall()], table

    def conform(self, name, rows):
        validator = Draft202012Validator(self.schema)
        lines = [{"id": None, **row} for row in rows]
        wrong = [f"{line}: {error.message}" for line in lines for error in validator.iter_errors(line)]
        self.check(f"{name}: every row is as the schema of a report says", lines and not wrong, "\n".join(wrong))

    def one_each(self, name, rows, ids):
        count = collections.Counter(row.get("id") for row in rows)
        self.check(f"{name}: every ID has exactly one outcome", count == {one: 1 for one in ids}, count)

    def whole(self, name, ids):
        torn = self.store.torn(name)
        self.check(f"{name}: every manifest in the bucket is whole", not torn, "\n".join(torn))
        mirrored = self.store.mirrored(name)
        self.check(f"{name}: and every element has one", mirrored == sorted(ids), f"{len(mirrored)}: {mirrored}")

    def a_job(self):
        name, elements = "job", [f"u_{n}" for n in range(20)]
        with Upstream(elements, height=10) as upstream:
            ended, said = self.cluster.run(name, upstream, [*elements, "u_none", "u_7", "no/id"], runs=3)
        self.check("a job in which elements fail ends well", ended == 0 and "created" in said, said)
        rows, table = self.rows(name)
        self.one_each(name, rows, [*elements, "u_none", None])
        failed = {row.get("id"): row["error"]["kind"] for row in rows if row["status"] == "failed"}
        self.check("what fails is a row", failed == {"u_none": "not_found", None: "bad_line"}, failed)
        self.conform(name, rows)
        self.whole(name, elements)
        types = dict(zip(table.columns, map(str, table.types)))
        wanted = {"id": "VARCHAR", "status": "VARCHAR", "bytes": "BIGINT", "updateTime": "VARCHAR",
                  "warnings": "STRUCT(file VARCHAR, code VARCHAR, message VARCHAR)[]",
                  "error": "STRUCT(kind VARCHAR, message VARCHAR, asset VARCHAR)"}
        self.check("the columns are those of the schema", list(types) == list(self.schema["properties"])
                   and wanted.items() <= types.items(), types)

    def an_executor_is_killed(self):
        name, elements = "killed", [f"u_{n}" for n in range(160)]
        with Doled(elements, height=10) as upstream:
            with self.cluster.job(name, upstream, elements, runs=4) as driver:
                # A run has four requests waiting at most: these are of both. They take turns, so each has four
                # answered, and of each an element is in the bucket when no more than three are still on their way.
                self.wait(name, driver, lambda: len(upstream.asked) == 8, "two runs that ask")
                upstream.turns.release(24)
                self.wait(name, driver, lambda: len(self.store.mirrored(name)) > 20, "elements in the bucket")
                victim, other = executors_at_work(driver)
                for pid in victim:
                    kill(pid)
                there = self.store.mirrored(name)
                left = [tree[0] for tree in executors_at_work(driver)]
                self.check("one of two executors is killed in the middle", left == [other[0]]
                           and driver.poll() is None and 20 < len(there) < 30, f"{left} of {other}\n{there}")
                upstream.turns.release(1000)
                ended = driver.wait(PATIENCE)
            fetched = collections.Counter(path.split("/")[2] for path in upstream.asked if path.startswith("/cdn/"))
        self.check("and the job ends well all the same", ended == 0, self.cluster.said(name))
        rows, _ = self.rows(name)
        self.one_each(name, rows, elements)
        self.conform(name, rows)
        self.whole(name, elements)
        again = [row["id"] for row in rows if row["status"] == "unchanged"]
        self.check("what the killed one had mirrored is found unchanged", again
                   and {row["status"] for row in rows} == {"created", "unchanged"}, again)
        twice = {element: fetched[element] for element in there if fetched[element] != len(SLOTS)}
        self.check("and not downloaded again", not twice, twice)

    def wait(self, name, driver, condition, what):
        wait_until(lambda: condition() or driver.poll() is not None, f"there are never {what}")
        if driver.poll() is not None:
            raise RuntimeError(f"the job ended before there were {what}:\n{self.cluster.said(name)}")

    def a_token_that_is_refused(self):
        with Upstream(["u_1", "u_2"]) as upstream:
            ended, said = self.cluster.run("refused", upstream, upstream.elements, runs=1, token="user:1234-other")
        self.check("a token that is refused fails the job, in the program's words", ended != 0
                   and "element-mirror ended with 4: " in said and "401" in said, f"{ended}\n{said}")
        self.check("and nothing is mirrored", not self.store.mirrored("refused"), self.store.keys("refused"))


def steps(check, place, store, venv, program):
    recipe = Recipe(check, place, store, venv, program)
    return [recipe.a_job, recipe.an_executor_is_killed, recipe.a_token_that_is_refused]
