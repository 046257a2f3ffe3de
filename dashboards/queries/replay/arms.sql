SELECT arm, count() AS results, countIf(outcome = 'ok') / results AS answered, avgOrNullIf(cost_usd, price_id != '') AS cost,
  quantileTDigest(0.5)(latency_ms) AS p50_ms, quantileTDigest(0.95)(latency_ms) AS p95_ms, avgOrNull(confidence) AS mean_confidence,
  avgOrNullIf(scores['quality'], mapContains(scores, 'quality')) AS quality
FROM replay_results FINAL
WHERE run_id = ${run:singlequote} AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
GROUP BY arm
ORDER BY arm
