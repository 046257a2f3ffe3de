SELECT toString(floor(confidence * 20 + 1e-9) / 20) AS from_confidence, count() AS answers
FROM attempts
WHERE $__timeFilter_ms(ts) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant) AND run_id = '' AND kind = 'primary' AND confidence IS NOT NULL
GROUP BY from_confidence
ORDER BY toFloat64(from_confidence)
