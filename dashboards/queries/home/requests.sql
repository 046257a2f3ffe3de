SELECT count() AS requests
FROM live_requests
WHERE $__timeFilter_ms(ts) AND $filters
