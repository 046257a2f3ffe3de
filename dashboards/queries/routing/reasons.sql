SELECT route, kind, reason, target, count() AS attempts, countIf(accepted) / attempts AS answered
FROM attempts
WHERE $__timeFilter_ms(ts) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant) AND run_id = '' AND kind != 'primary'
GROUP BY route, kind, reason, target
ORDER BY attempts DESC
LIMIT 50
