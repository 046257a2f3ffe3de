SELECT tenant_id, project_id, countIf(ts >= $__fromTime) AS requests, sumIf(known_cost_usd, ts >= $__fromTime) AS cost,
  sumIf(known_cost_usd, ts < $__fromTime) AS previous, cost - previous AS change
FROM live_requests
WHERE ts >= $__fromTime - ($__toTime - $__fromTime) AND ts <= $__toTime AND $filters
GROUP BY tenant_id, project_id
ORDER BY cost DESC
LIMIT 100
