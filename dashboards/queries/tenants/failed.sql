SELECT $__timeInterval(minute) AS time, tenant_id, sumIf(requests, outcome NOT IN ('ok', 'client_error', 'cancelled')) / sum(requests) AS failed
FROM usage_1m
WHERE $__timeFilter(minute) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
GROUP BY time, tenant_id
ORDER BY time, tenant_id
