SELECT countIf(outcome NOT IN ('ok', 'client_error', 'cancelled')) / greatest(count(), 1) AS failed
FROM live_requests
WHERE $__timeFilter_ms(ts) AND $filters
