SELECT run_id, arm, count() AS n, countIf(outcome = 'ok') / n AS answered, avg(cost_usd) AS cost, quantileTDigest(0.95)(latency_ms) AS p95_ms
FROM replay_results FINAL WHERE tenant_id IN (${tenant:singlequote}) AND $__timeFilter_ms(ts)
GROUP BY run_id, arm ORDER BY run_id DESC, arm LIMIT 100
