# The IDs of a report that need another try:  jq -r -f failed-ids.jq last.ndjson
select(.status | IN("failed", "incomplete", "damaged", "missing", "missing_manifest")) | .id // empty
