SELECT created_at AS time, run_id, kind, name, arrayStringConcat(arms, ', ') AS arms, state, selected, done, failed, cost_usd AS cost, finished_at
FROM runs FINAL
WHERE $__timeFilter_ms(created_at) AND (tenant_id = '' OR $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant))
ORDER BY created_at DESC
LIMIT 100
