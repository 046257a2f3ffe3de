SELECT r.model AS model, s.name AS score, count() AS scores, avg(s.value) AS mean
FROM (SELECT * FROM scores FINAL WHERE run_id = '') AS s
INNER JOIN (SELECT request_id, route, model FROM live_requests WHERE $__timeFilter_ms(ts) AND $filters) AS r ON r.request_id = s.request_id
GROUP BY model, score
ORDER BY scores DESC
LIMIT 100
