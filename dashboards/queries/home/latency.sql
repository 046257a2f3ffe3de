SELECT quantileTDigest(0.95)(latency_ms) AS p95
FROM live_requests
WHERE $__timeFilter_ms(ts) AND $filters
