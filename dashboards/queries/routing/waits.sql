SELECT $__timeInterval_ms(ts) AS time, ifNotFinite(quantileIf(0.95)(queued_ms, queued_ms > 0), 0) AS queued, ifNotFinite(quantileIf(0.95)(held_ms, held_ms > 0), 0) AS held
FROM requests
WHERE $__timeFilter_ms(ts) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant) AND run_id = ''
GROUP BY time
ORDER BY time
