SELECT ts AS time, request_id, trace_id, tenant_id, route, provider, model, outcome, error_type, status_code, attempts, latency_ms, ttft_ms, input_tokens, output_tokens, cost_usd
FROM requests
WHERE $__timeFilter_ms(ts) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant) AND run_id = ''
  AND $__conditionalAll(outcome IN (${outcome:singlequote}), $outcome)
ORDER BY ts DESC
LIMIT 200
