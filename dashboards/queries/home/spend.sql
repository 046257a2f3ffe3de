SELECT sum(known_cost_usd) AS spend
FROM live_requests
WHERE $__timeFilter_ms(ts) AND $filters
