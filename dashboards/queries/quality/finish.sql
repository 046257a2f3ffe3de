SELECT $__timeInterval_ms(ts) AS time, finish_reason, count() AS requests
FROM live_requests
WHERE $__timeFilter_ms(ts) AND $filters AND outcome = 'ok'
GROUP BY time, finish_reason
ORDER BY time, finish_reason
