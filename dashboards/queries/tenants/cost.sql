SELECT $__timeInterval(hour) AS time, tenant_id, sum(cost_usd) AS cost
FROM usage_1h
WHERE hour > $__fromTime - INTERVAL 1 HOUR AND hour <= $__toTime AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
GROUP BY time, tenant_id
ORDER BY time, tenant_id
