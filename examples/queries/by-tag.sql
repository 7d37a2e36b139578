-- Elements, files and bytes of each tag:  duckdb < by-tag.sql
WITH elements AS (
    FROM read_json('mirror/index.ndjson', format = 'newline_delimited', columns = {
        element: 'STRUCT(id VARCHAR, tags STRUCT(tagDesc VARCHAR)[])',
        assets: 'STRUCT(size BIGINT)[]'
    })
    SELECT element.id AS id, unnest(element.tags).tagDesc AS tag, assets
)
SELECT
    tag,
    count(*) AS elements,
    sum(len(assets))::BIGINT AS files,
    sum(list_sum([asset.size FOR asset IN assets]))::BIGINT AS bytes
FROM elements
GROUP BY tag
ORDER BY elements DESC, tag;
