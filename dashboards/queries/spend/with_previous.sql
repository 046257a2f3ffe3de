SELECT $__timeInterval_ms(if(ts < $__fromTime, ts + ($__toTime - $__fromTime), ts)) AS time,
  if(ts < $__fromTime, 'previous period', 'this period') AS period, sum(known_cost_usd) AS cost
FROM live_requests
WHERE ts >= $__fromTime - ($__toTime - $__fromTime) AND ts <= $__toTime AND $filters AND known_cost_usd IS NOT NULL
GROUP BY time, period
ORDER BY time, period
