SELECT countIf(request_id IN (SELECT request_id FROM scores)) / greatest(count(), 1) AS scored
FROM live_requests
WHERE $__timeFilter_ms(ts) AND $filters
