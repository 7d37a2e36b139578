"""A mirror in a bucket, with real object stores."""

from . import at_once, broken_puts, changes, contract, first_run, footing, index, large, pasts, refusals, verifying

# In the order in which they are told; each is told of each store.
TOPICS = {"footing": footing, "contract": contract, "first-run": first_run, "changes": changes,
          "verifying": verifying, "index": index, "pasts": pasts, "at-once": at_once, "broken-puts": broken_puts,
          "large": large, "refusals": refusals}
