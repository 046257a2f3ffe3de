SELECT $__timeInterval(hour) AS time, sum(input_tokens) AS input, sum(cached_tokens) AS cached, sum(output_tokens) AS output
FROM usage_1h
WHERE hour > $__fromTime - INTERVAL 1 HOUR AND hour <= $__toTime AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
GROUP BY time
ORDER BY time
