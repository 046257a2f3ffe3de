SELECT r.arm AS arm, count() AS results, avg(o.cost_usd) AS live_cost, avg(r.cost_usd) AS cost,
  quantileTDigest(0.95)(o.latency_ms) AS live_p95_ms, quantileTDigest(0.95)(r.latency_ms) AS p95_ms
FROM (
  SELECT arm, request_id, cost_usd, latency_ms
  FROM replay_results FINAL
  WHERE run_id = ${run:singlequote} AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
) AS r
INNER JOIN (
  SELECT toString(request_id) AS request_id, cost_usd, latency_ms
  FROM requests
  WHERE run_id = '' AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant) AND toString(request_id) IN (SELECT request_id FROM replay_results WHERE run_id = ${run:singlequote})
) AS o ON o.request_id = r.request_id
GROUP BY arm
ORDER BY arm
