SELECT $__timeInterval(minute) AS time, kind, sum(cost_usd) AS cost
FROM attempts_1m
WHERE $__timeFilter(minute) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
GROUP BY time, kind
ORDER BY time, kind
