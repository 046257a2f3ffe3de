SELECT $__timeInterval_ms(ts) AS time, sum(cached_tokens) AS read, sum(cache_write_tokens) AS written, greatest(toInt64(sum(input_tokens)) - read - written, 0) AS fresh
FROM requests
WHERE $__timeFilter_ms(ts) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant) AND run_id = ''
GROUP BY time
ORDER BY time
