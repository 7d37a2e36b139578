"""What stands around the program, each piece with the real tool."""

from . import alerts, copies, crontab, operations, pipelines, queries, units

# In the order in which they are told.
TOPICS = {"units": units, "crontab": crontab, "alerts": alerts, "queries": queries, "copies": copies,
          "pipelines": pipelines, "operations": operations}
