SELECT arm, outcome, error_type, count() AS results
FROM replay_results FINAL
WHERE run_id = ${run:singlequote} AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
GROUP BY arm, outcome, error_type
ORDER BY arm, results DESC
