SELECT tenant_id, api_key_id, sum(input_tokens) AS tokens_in, sum(cached_tokens) AS cached, sum(output_tokens) AS tokens_out,
  sum(reasoning_tokens) AS reasoning
FROM live_requests
WHERE $__timeFilter_ms(ts) AND $filters
GROUP BY tenant_id, api_key_id
ORDER BY tokens_in + tokens_out DESC
LIMIT 100
