SELECT $__timeInterval_ms(ts) AS time, route, avg(confidence) AS mean
FROM live_requests
WHERE $__timeFilter_ms(ts) AND $filters AND confidence IS NOT NULL
GROUP BY time, route
ORDER BY time, route
