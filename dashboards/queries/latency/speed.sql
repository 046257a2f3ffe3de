SELECT model, sum(output_tokens) / (sum(duration_ms - ttft_ms) / 1000) AS tokens_per_second
FROM attempts
WHERE $__timeFilter_ms(ts) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant) AND run_id = '' AND outcome = 'ok' AND chunks > 1 AND ttft_ms > 0 AND duration_ms > ttft_ms
GROUP BY model
ORDER BY tokens_per_second DESC
LIMIT 30
