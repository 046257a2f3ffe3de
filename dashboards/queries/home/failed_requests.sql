SELECT ts, request_id, trace_id, tenant_id, route, model, toString(outcome) AS outcome, error_type, latency_ms
FROM live_requests
WHERE $__timeFilter_ms(ts) AND $filters AND outcome NOT IN ('ok', 'client_error', 'cancelled')
ORDER BY ts DESC
LIMIT 50
