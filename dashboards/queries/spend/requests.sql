SELECT request_id, ts, tenant_id, route, model, input_tokens, output_tokens, known_cost_usd AS cost
FROM live_requests
WHERE $__timeFilter_ms(ts) AND $filters AND known_cost_usd > 0
ORDER BY cost DESC
LIMIT 50
