#!/usr/bin/env bash
# Mirrors elements with curl, jq and sha256sum.
set -euo pipefail
# shellcheck source=steps.sh
source "$(dirname "$0")/steps.sh"
fetch_replies
list_assets | awk -F '\t' -v out="$out" '{
    printf "url = \"%s\"\noutput = \"%s/%s/%s\"\n", $1, out, $2, $3
}' >"$lists/assets"
fetch_with_curl "$lists/assets"
write_sums
