SELECT $__timeInterval(minute) AS time, model, quantilesTDigestIfMerge(0.5, 0.9, 0.95, 0.99)(ttft)[3] AS p95
FROM usage_1m WHERE $__timeFilter(minute) AND tenant_id IN (${tenant:singlequote})
GROUP BY time, model ORDER BY time
