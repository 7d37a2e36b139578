"""A node_exporter of a test's own."""

import contextlib
import subprocess
import urllib.request

from checks import wait_until
from nginx import free_ports


@contextlib.contextmanager
def exporting(place, folder):
    """Serves the metrics of a folder until the block ends; gives a function that reads them."""
    [port] = free_ports(1)
    command = ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}", "--collector.disable-defaults",
               "--web.disable-exporter-metrics", "--collector.textfile", f"--collector.textfile.directory={folder}"]
    with open(place.here / "exporter.log", "w") as log, subprocess.Popen(command, env=place.environment(), stderr=log,
                                                                         stdin=subprocess.DEVNULL) as running:
        def read():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
                return [line for line in reply.read().decode().splitlines() if not line.startswith("#")]

        def answers():
            with contextlib.suppress(OSError):
                return read()

        try:
            wait_until(answers, "node_exporter does not answer")
            yield read
        finally:
            running.terminate()
