SELECT sumIf(known_cost_usd, ts >= $__fromTime) / nullIf(sumIf(known_cost_usd, ts < $__fromTime), 0) - 1 AS change
FROM live_requests
WHERE ts >= $__fromTime - ($__toTime - $__fromTime) AND ts <= $__toTime AND $filters
