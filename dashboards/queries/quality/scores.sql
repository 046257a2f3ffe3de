SELECT $__timeInterval_ms(s.ts) AS time, concat(s.name, ' (', toString(s.source), ')') AS score, avg(s.value) AS mean
FROM (SELECT * FROM scores FINAL WHERE run_id = '') AS s
INNER JOIN (SELECT request_id, route, model FROM live_requests WHERE $__timeFilter_ms(ts) AND $filters) AS r ON r.request_id = s.request_id
GROUP BY time, score
ORDER BY time, score
