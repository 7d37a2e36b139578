# The ten largest files of a mirror:  jq -r -n -f biggest-assets.jq mirror/index.ndjson
[inputs | .element.id as $id | .assets[] | {id: $id, file, size}]
| sort_by(-.size, .id, .file)[:10][]
| [.id, .file, .size]
| @tsv
