"""What stands around the program, each piece with the real tool."""

from . import alerts, copies, crontab, guides, pipelines, queries, units

# In the order in which they are told.
TOPICS = {"units": units, "crontab": crontab, "alerts": alerts, "queries": queries, "copies": copies,
          "pipelines": pipelines, "guides": guides}
