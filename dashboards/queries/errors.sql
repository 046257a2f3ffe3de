SELECT provider, model, outcome, error_type, sum(attempts) AS attempts
FROM attempts_1m WHERE $__timeFilter(minute) AND tenant_id IN (${tenant:singlequote}) AND outcome NOT IN ('ok', 'aborted')
GROUP BY provider, model, outcome, error_type ORDER BY attempts DESC LIMIT 50
