SELECT $__timeInterval(minute) AS time, concat(provider, '/', model) AS target, sum(requests) AS requests
FROM usage_1m
WHERE $__timeFilter(minute) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
GROUP BY time, target
ORDER BY time, target
