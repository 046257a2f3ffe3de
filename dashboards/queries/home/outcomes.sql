SELECT $__timeInterval_ms(ts) AS time, toString(outcome) AS outcome, count() AS requests
FROM live_requests
WHERE $__timeFilter_ms(ts) AND $filters
GROUP BY time, outcome
ORDER BY time, outcome
