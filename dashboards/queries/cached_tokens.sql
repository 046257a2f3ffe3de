SELECT $__timeInterval(hour) AS time, model, sum(cached_tokens) / sum(input_tokens) AS hit_rate
FROM usage_1h WHERE $__timeFilter(hour) AND tenant_id IN (${tenant:singlequote})
GROUP BY time, model HAVING sum(input_tokens) > 0 ORDER BY time
