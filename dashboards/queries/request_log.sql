SELECT ts AS time, request_id, trace_id, route, provider, model, outcome, status_code, latency_ms, ttft_ms, input_tokens, output_tokens, cost_usd
FROM requests WHERE $__timeFilter_ms(ts) AND tenant_id IN (${tenant:singlequote}) AND run_id = ''
ORDER BY ts DESC LIMIT 200
