SELECT $__timeInterval(minute) AS time, model, quantilesTDigestIfMerge(0.5, 0.9, 0.95, 0.99)(ttft)[3] AS p95
FROM usage_1m
WHERE $__timeFilter(minute) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
GROUP BY time, model
HAVING isFinite(p95)
ORDER BY time, model
