"""Goals: what the program is to achieve. A file a goal, or a few that are measured together."""

from suite.goals import bucket, durability, memory, rerun, speed, startup, verification
from suite.goals.goal import show, skipped
from suite.place import NoRoom

ALL = [speed, durability, rerun, memory, bucket, startup, verification]


def measure(suite):
    """Measures all goals, and says each as soon as it is known."""
    goals = []
    for one in ALL:
        print(f"\n{one.__doc__.splitlines()[0]}", flush=True)
        for goal in measured(one, suite):
            print(f"  {goal}", flush=True)
            goals.append(goal)
    print("\n" + show(goals), flush=True)
    return goals


def measured(one, suite):
    try:
        yield from one.goals(suite)
    except NoRoom as why:
        yield skipped(one.__name__.rpartition(".")[2], why)
