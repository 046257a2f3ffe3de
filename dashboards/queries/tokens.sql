SELECT $__timeInterval(hour) AS time, sum(input_tokens) AS input, sum(cached_tokens) AS cached, sum(output_tokens) AS output
FROM usage_1h WHERE $__timeFilter(hour) AND tenant_id IN (${tenant:singlequote})
GROUP BY time ORDER BY time
