SELECT route, model, sum(u.requests) AS requests, sum(u.input_tokens) - sum(u.cached_tokens) AS fresh_tokens, sum(u.cached_tokens) AS cached_tokens, cached_tokens / sum(u.input_tokens) AS hit_rate, sum(u.saved_usd) AS saved
FROM usage_1h AS u
WHERE hour > $__fromTime - INTERVAL 1 HOUR AND hour <= $__toTime AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
GROUP BY route, model
HAVING sum(u.input_tokens) > 0
ORDER BY fresh_tokens DESC
LIMIT 50
