SELECT tenant_id, sum(u.requests) AS requests, sumIf(u.requests, outcome NOT IN ('ok', 'client_error', 'cancelled')) / requests AS failed, uniqCombined64Merge(12)(u.users) AS users,
  sum(u.input_tokens) AS input_tokens, sum(u.output_tokens) AS output_tokens, sum(u.cost_usd) AS cost,
  quantilesTDigestMerge(0.5, 0.9, 0.95, 0.99)(u.latency)[3] AS p95_ms
FROM usage_1h AS u
WHERE hour > $__fromTime - INTERVAL 1 HOUR AND hour <= $__toTime AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
GROUP BY tenant_id
ORDER BY cost DESC
LIMIT 100
