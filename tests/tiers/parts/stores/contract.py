"""The one contract of all destinations (src/store/contract.rs), held against a bucket of each store."""

import os
import pathlib
import re
import subprocess

PROJECT = pathlib.Path(__file__).resolve().parents[4]
# They are there without a bucket, too; with one they do something.
FILTER = "store::contract::named_bucket"


def steps(check, place, store):
    def the_contract_holds():
        environment = {**os.environ, **store.environment(), "ELEMENT_MIRROR_TEST_BUCKET": store.url("contract")}
        command = ["cargo", "test", "--locked", "--lib", FILTER]
        done = subprocess.run(command, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True)
        counted = re.search(r"test result: ok\. (\d+) passed; 0 failed", done.stdout)
        held = int(counted[1]) if counted else 0
        check(f"{store.name}: the contract of all destinations holds ({held} cases)", held > 30,
              done.stdout[-4000:] + done.stderr[-1000:])

    return [the_contract_holds]
