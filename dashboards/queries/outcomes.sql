SELECT $__timeInterval(minute) AS time, outcome, sum(requests) AS requests
FROM usage_1m WHERE $__timeFilter(minute) AND tenant_id IN (${tenant:singlequote})
GROUP BY time, outcome ORDER BY time
