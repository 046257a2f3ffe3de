SELECT $__timeInterval_ms(ts) AS time, target, quantileTDigest(0.95)(duration_ms) AS p95
FROM attempts
WHERE $__timeFilter_ms(ts) AND run_id = '' AND $attempt_filters AND outcome = 'ok'
GROUP BY time, target
ORDER BY time, target
