SELECT $__timeInterval(minute) AS time, route, sum(escalations) / sum(requests) AS escalated
FROM usage_1m
WHERE $__timeFilter(minute) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
GROUP BY time, route
ORDER BY time, route
