SELECT $__timeInterval(minute) AS time, route, sum(u.cache_hits) / sum(u.requests) AS hits
FROM usage_1m AS u
WHERE $__timeFilter(minute) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
GROUP BY time, route
ORDER BY time, route
