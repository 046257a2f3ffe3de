SELECT $__timeInterval(hour) AS time, model, sum(cached_tokens) / sum(input_tokens) AS hit_rate
FROM usage_1h
WHERE hour > $__fromTime - INTERVAL 1 HOUR AND hour <= $__toTime AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
GROUP BY time, model
HAVING sum(input_tokens) > 0
ORDER BY time, model
