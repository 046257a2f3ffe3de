SELECT time, q[1] AS p50, q[2] AS p95, q[3] AS p99
FROM (
  SELECT $__timeInterval(minute) AS time, quantilesTDigestMerge(0.5, 0.95, 0.99)(overhead) AS q
  FROM usage_1m
  WHERE $__timeFilter(minute) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
  GROUP BY time
)
ORDER BY time
