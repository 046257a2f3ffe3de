SELECT sum(unpriced) AS unpriced
FROM usage_1m
WHERE $__timeFilter(minute) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
