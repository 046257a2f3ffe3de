SELECT toStartOfDay(ts) AS time, tenant_id, sum(known_cost_usd) AS cost
FROM live_requests
WHERE $__timeFilter_ms(ts) AND $filters AND known_cost_usd IS NOT NULL
GROUP BY time, tenant_id
ORDER BY time, tenant_id
