-- What came of a run, and why what failed did:  duckdb < report.sql
FROM read_json('last.ndjson', format = 'newline_delimited', columns = {
    id: 'VARCHAR', source: 'VARCHAR', status: 'VARCHAR', stands: 'VARCHAR', bytes: 'BIGINT', elapsedMs: 'BIGINT',
    error: 'STRUCT(kind VARCHAR, message VARCHAR)'
})
SELECT
    status,
    error.kind AS error,
    count(*) AS elements,
    sum(bytes)::BIGINT AS bytes,
    max(elapsedMs) AS slowest_ms,
    list(coalesce(id, source) ORDER BY id)[:5] AS some
GROUP BY ALL
ORDER BY elements DESC, status;
