SELECT $__timeInterval_ms(ts) AS time, model, quantileTDigest(0.95)(latency_ms) AS p95
FROM live_requests
WHERE $__timeFilter_ms(ts) AND $filters AND outcome = 'ok'
GROUP BY time, model
ORDER BY time, model
