SELECT tenant_id, end_user, count() AS requests, sum(cost_usd) AS cost
FROM requests
WHERE $__timeFilter_ms(ts) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant) AND run_id = '' AND end_user != ''
GROUP BY tenant_id, end_user
ORDER BY cost DESC
LIMIT 50
