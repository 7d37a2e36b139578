"""Single functions, as benches/micro.rs measures them by divan."""

import os
import re
import subprocess

from suite import table
from suite.measure import Failed

# A row of divan's tree: its lines, a name, and what follows.
ROW = re.compile(r"^(?P<lines>[│ ]*)[├╰]─ (?P<name>\S+)(?P<columns>.*)$")
FASTEST, SLOWEST, MEDIAN = range(3)
COLUMNS = 6


def measure(smoke):
    """What each function took: its name, and the fastest, the median and the slowest as divan writes them."""
    # Once each, where it is only to be seen that they work.
    how = ["--bench", "--sample-count", "1"] if smoke else ["--bench"]
    done = subprocess.run([os.environ["MICRO"], *how, "--color", "never"], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"micro ended with {done.returncode}\n{done.stderr}")
    return parse(done.stdout)


def parse(said):
    rows, group = [], ""
    for line in said.splitlines():
        row = ROW.match(line)
        if row:
            inner = bool(row["lines"])
            columns = [column.strip() for column in row["columns"].split("│")]
            group = group if inner else row["name"]
            if columns[FASTEST]:
                name = f"{group}, {row['name']}" if inner else group
                rows.append({"name": name, "fastest": columns[FASTEST], "median": columns[MEDIAN],
                             "slowest": columns[SLOWEST], "rate": ""})
        elif rows and "/s" in line:
            # What is done by the second stands below the times; the tree's lines on its left don't count.
            rows[-1]["rate"] = line.split("│")[MEDIAN - COLUMNS].strip()
    return rows


def show(rows):
    head = ["function", "fastest", "median", "slowest", "rate by the median"]
    keys = ["name", "fastest", "median", "slowest", "rate"]
    return table.table(head, [[row[key] for key in keys] for row in rows])
