#!/usr/bin/env bash
# Mirrors elements with aria2; the API's replies, which want a header, with curl.
set -euo pipefail
# shellcheck source=steps.sh
source "$(dirname "$0")/steps.sh"
fetch_replies
list_assets | awk -F '\t' -v out="$out" '{ printf "%s\n dir=%s/%s\n out=%s\n", $1, out, $2, $3 }' >"$lists/assets"
# A connection a file, as all the others have: the files are what there is plenty of.
aria2c --no-conf --input-file="$lists/assets" --max-concurrent-downloads=$connections --max-connection-per-server=1 \
    --file-allocation=none --allow-overwrite=true --auto-file-renaming=false --quiet --summary-interval=0
write_sums
