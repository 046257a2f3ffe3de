SELECT sum(saved_usd) AS saved
FROM usage_1h
WHERE hour > $__fromTime - INTERVAL 1 HOUR AND hour <= $__toTime AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
