SELECT $__timeInterval(minute) AS time, provider, sumIf(attempts, outcome NOT IN ('ok', 'aborted')) / sum(attempts) AS failed
FROM attempts_1m
WHERE $__timeFilter(minute) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
GROUP BY time, provider
ORDER BY time, provider
