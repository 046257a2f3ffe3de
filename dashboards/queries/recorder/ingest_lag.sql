SELECT $__timeInterval_ms(ts) AS time, max(dateDiff('second', ts, ingested_at)) AS lag
FROM requests
WHERE $__timeFilter_ms(ts) AND run_id = ''
GROUP BY time
ORDER BY time
