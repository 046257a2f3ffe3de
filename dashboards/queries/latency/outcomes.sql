SELECT $__timeInterval(minute) AS time, outcome, sum(requests) AS requests
FROM usage_1m
WHERE $__timeFilter(minute) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
GROUP BY time, outcome
ORDER BY time, outcome
