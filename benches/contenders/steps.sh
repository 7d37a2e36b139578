# shellcheck shell=bash
# Sourced: what the shell scripts have in common. Each is called as: SCRIPT API_BASE IDS_FILE OUT, with $USEAPI_TOKEN.
# shellcheck disable=SC2034  # used by those that source this
api=$1 ids=$2 out=$3 connections=16
lists=$(mktemp -d)
trap 'rm -rf "$lists"' EXIT

# OUT/ID/element.json of every element. One curl for all: it keeps its connections, and reads what to do from a file.
fetch_replies() {
    mkdir -p "$out"
    awk -v api="$api" -v out="$out" '{
        printf "url = \"%s/elements/%s\"\noutput = \"%s/%s/element.json\"\n", api, $1, out, $1
    }' "$ids" >"$lists/replies"
    # The token goes by a file: a command line can be read by everybody.
    printf 'header = "Authorization: Bearer %s"\n' "$USEAPI_TOKEN" >>"$lists/replies"
    fetch_with_curl "$lists/replies"
}

fetch_with_curl() {
    curl --config "$1" --parallel --parallel-max $connections --create-dirs --fail --silent --show-error
}

# A line an asset: its link, its folder, its name there, with tabs between. One jq for all replies.
list_assets() {
    awk -v out="$out" '{ printf "%s/%s/element.json%c", out, $1, 0 }' "$ids" |
        xargs -0 jq -r '.id as $id | .resources[] | [
            .resource, $id,
            (if .slotKey != "" then .slotKey else .resourceKey end) +
                (.resource | sub("[?].*"; "") | capture("(?<extension>[.][a-z0-9]+)$").extension)
        ] | @tsv'
}

# OUT/SHA256SUMS, on all cores. What one sha256sum says of 32 files it writes at once, so that no line is torn.
write_sums() {
    local sums
    sums=$(cd "$out" && find . -type f -printf '%P\0' | xargs -0 -P "$(nproc)" -n 32 sha256sum)
    printf '%s\n' "$sums" >"$out/SHA256SUMS"
}
