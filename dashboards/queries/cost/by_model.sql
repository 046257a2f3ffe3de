SELECT $__timeInterval(hour) AS time, model, sum(cost_usd) AS cost
FROM usage_1h
WHERE hour > $__fromTime - INTERVAL 1 HOUR AND hour <= $__toTime AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
GROUP BY time, model
ORDER BY time, model
