# The elements with a tag, as an ID list:  jq -r --arg tag Animal -f ids-by-tag.jq mirror/index.ndjson
select(any(.element.tags[]; .tagDesc == $tag or .tagKey == $tag)) | .element.id
