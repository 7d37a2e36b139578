-- Files that several elements hold, byte for byte:  duckdb < twins.sql
WITH files AS (
    FROM read_json('mirror/index.ndjson', format = 'newline_delimited', columns = {
        element: 'STRUCT(id VARCHAR)',
        assets: 'STRUCT(file VARCHAR, size BIGINT, sha256 VARCHAR)[]'
    })
    SELECT element.id AS id, unnest(assets, recursive := true)
)
SELECT any_value(size) AS size, list(id || '/' || file ORDER BY id, file) AS files
FROM files
GROUP BY sha256
HAVING count(DISTINCT id) > 1
ORDER BY size DESC;
