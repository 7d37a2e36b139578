"""What is published of the results: docs/performance/, with charts, tables, and all figures."""

import json
import pathlib

from suite import chart, compare, machine, micro
from suite.goals.goal import show
from suite.measure import median

FOLDER = pathlib.Path("docs/performance")


def write(results):
    """Writes what was measured; what was not stays as it is."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    parts = {
        "compare": compare_of(results.said.get("compare", {})),
        "goals": "\n\n".join(show(goals) for goals in results.said.get("goals", {}).values()),
        "growth": growth_of(results.said.get("growth", {}).get("sweeps", [])),
        "micro": "\n\n".join(micro.show(rows) for rows in results.said.get("micro", {}).values()),
    }
    rounds = results.said["rounds"]
    rounds = f"{rounds} rounds" if rounds > 1 else "one round"
    head = f"Medians of {rounds}.\n\n{machine.sentence(results.said['machine'])}"
    for part, body in parts.items():
        if body:
            (FOLDER / f"{part}.md").write_text(f"# {part}\n\n{head}\n\n{body}\n")
            plain = results.plain()
            said = {key: plain[key] for key in ["machine", "rounds", part]}
            (FOLDER / f"{part}.json").write_text(json.dumps(said, indent=1) + "\n")
    print(f"written: {FOLDER}")


def compare_of(kinds):
    tables = [compare.LEGEND] if kinds else []
    for name, figures in kinds.items():
        medians = {who: median(taken) for who, taken in figures["taken"].items()}
        title = f"{name}: {figures['what']}"
        bars = [(who, one.wall, one.cpu) for who, one in medians.items()]
        (FOLDER / f"compare-{name}.svg").write_text(chart.bars(title, bars))
        tables.append(f"## {title}\n\n![{title}](compare-{name}.svg)\n\n{compare.show(figures)}")
    return "\n\n".join(tables)


def growth_of(sweeps):
    tables = []
    for sweep in sweeps:
        short = sweep.name.split(":")[0].lower()
        steps = [step for step, _ in sweep.points]
        taken = [one for _, one in sweep.points]
        series = [("wall time", "wall", "s", [one.wall for one in taken]),
                  ("processor time", "cpu", "s", [one.cpu for one in taken]),
                  ("peak memory", "peak", "MiB", [one.peak / (1 << 20) for one in taken])]
        (FOLDER / f"growth-{short}.svg").write_text(chart.lines(sweep.name, sweep.unit, steps, series))
        tables.append(f"## {sweep.name}\n\n![{sweep.name}](growth-{short}.svg)\n\n{sweep.show()}")
    return "\n\n".join(tables)
