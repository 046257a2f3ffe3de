SELECT $__timeInterval(minute) AS time, kind, sum(a.attempts) AS attempts
FROM attempts_1m AS a
WHERE $__timeFilter(minute) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
GROUP BY time, kind
ORDER BY time, kind
