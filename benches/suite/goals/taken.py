"""Command lines measured alternately, the mirror removed between."""

import shutil

from suite.measure import measure, median
from suite.nginx import TOKEN

ENVIRONMENT = {"USEAPI_TOKEN": TOKEN}


def alternately(rounds, folder, commands):
    """The medians of commands, each a function of the folder that it fills."""
    taken = [[] for _ in commands]
    for number in range(rounds):
        # Nobody is always the first after somebody else.
        for place in sorted(range(len(commands)), reverse=number % 2 == 1):
            out = folder / "out"
            taken[place].append(measure(commands[place](out), environment=ENVIRONMENT))
            shutil.rmtree(out, ignore_errors=True)
    return [median(one) for one in taken]
