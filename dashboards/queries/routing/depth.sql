SELECT toString(attempts) AS attempts_made, count() AS requests
FROM requests
WHERE $__timeFilter_ms(ts) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant) AND run_id = ''
GROUP BY attempts
ORDER BY attempts
