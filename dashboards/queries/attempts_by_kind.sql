SELECT $__timeInterval(minute) AS time, kind, sum(attempts) AS attempts
FROM attempts_1m WHERE $__timeFilter(minute) AND tenant_id IN (${tenant:singlequote})
GROUP BY time, kind ORDER BY time
