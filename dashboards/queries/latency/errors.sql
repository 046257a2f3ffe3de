SELECT provider, model, outcome, error_type, sum(a.attempts) AS attempts
FROM attempts_1m AS a
WHERE $__timeFilter(minute) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant) AND outcome NOT IN ('ok', 'aborted')
GROUP BY provider, model, outcome, error_type
ORDER BY attempts DESC
LIMIT 50
