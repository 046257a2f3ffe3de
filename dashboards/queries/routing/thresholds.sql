SELECT toString(step / 20) AS threshold, countIf(confidence < step / 20) / count() AS below
FROM attempts
ARRAY JOIN range(1, 21) AS step
WHERE $__timeFilter_ms(ts) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant) AND run_id = '' AND kind = 'primary' AND confidence IS NOT NULL
GROUP BY step
ORDER BY step
