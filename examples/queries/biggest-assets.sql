-- The ten largest files of the mirror:  duckdb < biggest-assets.sql
-- The columns are named, since fields may be left out of every line, and others be added.
FROM (
    SELECT element.id AS id, unnest(assets, recursive := true)
    FROM read_json('mirror/index.ndjson', format = 'newline_delimited', columns = {
        element: 'STRUCT(id VARCHAR)',
        assets: 'STRUCT(file VARCHAR, size BIGINT, mediaType VARCHAR)[]'
    })
)
SELECT id, file, size, mediaType
ORDER BY size DESC, id, file
LIMIT 10;
