SELECT round(confidence, 2) AS confidence, count() AS attempts
FROM attempts WHERE $__timeFilter_ms(ts) AND tenant_id IN (${tenant:singlequote}) AND run_id = '' AND confidence IS NOT NULL
GROUP BY confidence ORDER BY confidence
