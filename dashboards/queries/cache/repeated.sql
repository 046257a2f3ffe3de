SELECT tenant_id, any(route) AS one_route, any(request_id) AS one_request_id, count() AS answers, sum(cost_usd) AS cost, max(ts) AS last
FROM requests
WHERE $__timeFilter_ms(ts) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant) AND run_id = '' AND outcome = 'ok'
GROUP BY tenant_id, prompt_hash
HAVING answers > 1
ORDER BY cost DESC, answers DESC
LIMIT 20
