SELECT conversation_id, any(tenant_id) AS tenant, count() AS requests, sum(input_tokens) AS tokens_in,
  sum(output_tokens) AS tokens_out, sum(known_cost_usd) AS cost
FROM live_requests
WHERE $__timeFilter_ms(ts) AND $filters AND conversation_id != ''
GROUP BY conversation_id
ORDER BY cost DESC
LIMIT 50
