SELECT $__timeInterval_ms(ts) AS time, concat(provider, ' ', toString(status_code)) AS status, count() AS attempts
FROM attempts
WHERE $__timeFilter_ms(ts) AND run_id = '' AND $attempt_filters AND outcome NOT IN ('ok', 'aborted')
GROUP BY time, status
ORDER BY time, status
