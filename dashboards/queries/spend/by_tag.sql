SELECT tag_name, tag_value, count() AS requests, sum(known_cost_usd) AS cost
FROM live_requests
ARRAY JOIN mapKeys(tags) AS tag_name, mapValues(tags) AS tag_value
WHERE $__timeFilter_ms(ts) AND $filters
GROUP BY tag_name, tag_value
ORDER BY cost DESC
LIMIT 100
