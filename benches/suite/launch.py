"""Starts a command, waits for it, and writes what it took: launch.py FD COMMAND...

A process of its own, because a child begins with its parent's memory: what is said of the peak is never below
that of this small one, about 8 MiB. Processor time is that of the command and of all that it waited for; the
peak is that of the largest process among them.
"""

import os
import sys
import time

report = int(sys.argv[1])
os.set_inheritable(report, False)
command = sys.argv[2:]
start = time.monotonic()
pid = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(pid, 0)
wall = time.monotonic() - start
code = os.waitstatus_to_exitcode(status)
os.write(report, f"{code} {wall} {usage.ru_utime} {usage.ru_stime} {usage.ru_maxrss}".encode())
