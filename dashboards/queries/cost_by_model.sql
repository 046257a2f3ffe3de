SELECT $__timeInterval(hour) AS time, model, sum(cost_usd) AS cost
FROM usage_1h WHERE $__timeFilter(hour) AND tenant_id IN (${tenant:singlequote})
GROUP BY time, model ORDER BY time
