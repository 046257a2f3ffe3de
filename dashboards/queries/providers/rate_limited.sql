SELECT provider, model, credential, countIf(status_code = 429) AS limited, count() AS attempts, limited / attempts AS share,
  max(retry_after_ms) AS longest_wait
FROM attempts
WHERE $__timeFilter_ms(ts) AND run_id = '' AND $attempt_filters
GROUP BY provider, model, credential
ORDER BY limited DESC, attempts DESC
LIMIT 100
