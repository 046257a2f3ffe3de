SELECT provider, model, count() AS attempts, countIf(outcome NOT IN ('ok', 'aborted')) / attempts AS failed,
  quantileTDigest(0.95)(duration_ms) AS p95_ms, sum(known_cost_usd) AS cost
FROM attempts
WHERE $__timeFilter_ms(ts) AND run_id = '' AND $attempt_filters
GROUP BY provider, model
ORDER BY attempts DESC
LIMIT 100
