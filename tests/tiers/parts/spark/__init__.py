"""Runs that share a bucket, on machines that may be lost."""

from . import kubernetes, recipe

# In the order in which they are told.
TOPICS = {"recipe": recipe, "kubernetes": kubernetes}
