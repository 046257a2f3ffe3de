SELECT $__timeInterval(minute) AS time, route, sum(escalations) / sum(requests) AS escalated
FROM usage_1m WHERE $__timeFilter(minute) AND tenant_id IN (${tenant:singlequote})
GROUP BY time, route ORDER BY time
