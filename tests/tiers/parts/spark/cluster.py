"""Spark on this machine, its executors processes of their own, which can be killed one by one."""

import contextlib
import os
import pathlib
import re
import shlex
import signal
import subprocess

import pyspark

from checks import PATIENCE
from packages import PROJECT
from upstream import TOKEN

# Two workers, each with a core and as many MiB.
MASTER = "local-cluster[2,1,1024]"
# What pays off in hours is not worth its time here.
SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"
EXECUTOR = "CoarseGrainedExecutorBackend"
GUIDE = PROJECT / "docs/operations.md"


def section(title):
    """What the guide says below a title, up to the next one."""
    [text] = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    return text


def shown(kind, text):
    """The first block of a kind."""
    return re.search(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[1]


class Cluster:
    """A folder with what the recipe takes; each job is a cluster of its own."""

    def __init__(self, here, store, venv, program):
        self.here, self.store, self.venv = here, store, venv
        (here / "element-mirror").symlink_to(program)
        (here / "examples").symlink_to(PROJECT / "examples")
        # Workers have their folders in $SPARK_HOME, which is not to be the package's own.
        self.home = here / "spark"
        self.home.mkdir()
        # What is killed leaves files behind.
        self.scratch = here / "tmp"
        self.scratch.mkdir()
        for name in ["bin", "jars"]:
            (self.home / name).symlink_to(pathlib.Path(pyspark.__file__).parent / name)

    def environment(self):
        """That of the driver: executors have theirs from the job's properties."""
        return {"PATH": f"{self.home}/bin:/usr/local/bin:/usr/bin:/bin", "HOME": str(self.here), "LANG": "C.UTF-8",
                "SPARK_HOME": str(self.home), "SPARK_LOCAL_IP": "127.0.0.1", "TMPDIR": str(self.scratch),
                "PYSPARK_PYTHON": str(self.venv / "bin/python"),
                **{name: os.environ[name] for name in ["JAVA_HOME"] if name in os.environ}}

    def properties(self, upstream):
        """Those of the guide, with what leads the executors to the upstream and the store of the test."""
        java = f"{SHORT_LIVED} -Djava.io.tmpdir={self.scratch}"
        own = {"spark.master": MASTER, "spark.executor.memory": "512m", "spark.driver.memory": "512m",
               "spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2",
               "spark.driver.extraJavaOptions": java, "spark.executor.extraJavaOptions": java}
        led = {**upstream.environment(), **self.store.environment()}
        own |= {f"spark.executorEnv.{name}": value for name, value in led.items()}
        guide = dict(line.split(maxsplit=1) for line in shown("text", section("Spark")).splitlines())
        # Politeness takes time.
        guide.pop("spark.executorEnv.ELEMENT_MIRROR_API_RATE")
        return "".join(f"{name} {value}\n" for name, value in (guide | own).items())

    def command(self, name, runs):
        """The guide's, on a mirror and with outcomes of the job's own."""
        [_, command] = shown("console", section("Spark")).split("$ ")
        command = command.replace("\\\n", " ")
        command = command.replace("s3://bucket/elements", f"s3://bucket/{name}")
        return [*shlex.split(command.replace("outcomes.parquet", f"{name}.parquet")), "--runs", str(runs)]

    @contextlib.contextmanager
    def job(self, name, upstream, ids, runs, token=TOKEN):
        """The recipe at work on IDs; whoever asks for it waits for its end."""
        (self.here / "ids.csv").write_text("".join(f"{line}\n" for line in ["id", *ids]))
        (self.here / "mirror.conf").write_text(self.properties(upstream))
        (self.here / "token").write_text(token + "\n")
        with open(self.here / f"{name}.log", "w") as log:
            driver = subprocess.Popen(self.command(name, runs), env=self.environment(), cwd=self.here,
                                      stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield driver
        finally:
            for pid in [driver.pid, *descendants(driver.pid)] if driver.poll() is None else []:
                kill(pid)
            driver.wait()

    def run(self, name, upstream, ids, **options):
        """Runs the recipe to its end; gives its exit code, and what it said."""
        with self.job(name, upstream, ids, **options) as driver:
            return driver.wait(PATIENCE), self.said(name)

    def said(self, name):
        """What a job said that is no chatter of Spark's."""
        lines = (self.here / f"{name}.log").read_text().splitlines()
        return "\n".join(line for line in lines if not re.match(r"\S+ \S+ INFO |\tat ", line))


def parents():
    """The parent of each process."""
    found = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # A name may have spaces and parentheses in it.
            found[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    return found


def descendants(pid):
    tree = parents()
    found = [pid]
    for one in found:
        found += [child for child, parent in tree.items() if parent == one]
    return found[1:]


def words(pid):
    """The command line of a process, an empty word where it has ended."""
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return [""]


def executors_at_work(driver):
    """Of each executor that has a run going on: its process, and all below it."""
    executors = [pid for pid in descendants(driver.pid) if any(word.endswith(EXECUTOR) for word in words(pid))]
    trees = [[pid, *descendants(pid)] for pid in executors]
    return [tree for tree in trees if "element-mirror" in [pathlib.Path(words(pid)[0]).name for pid in tree]]


def kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
