SELECT s.request_id AS request_id, s.name AS score, s.value AS value, toString(s.source) AS source, r.route AS route, r.model AS model,
  s.explanation AS explanation
FROM (SELECT * FROM scores FINAL WHERE run_id = '') AS s
INNER JOIN (SELECT request_id, route, model FROM live_requests WHERE $__timeFilter_ms(ts) AND $filters) AS r ON r.request_id = s.request_id
ORDER BY value, s.ts DESC
LIMIT 50
