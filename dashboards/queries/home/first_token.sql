SELECT quantileTDigestIf(0.95)(ttft_ms, ttft_ms > 0) AS p95
FROM live_requests
WHERE $__timeFilter_ms(ts) AND $filters
