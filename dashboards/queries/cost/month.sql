SELECT toFloat64(sum(cost_usd)) / greatest(dateDiff('hour', $__fromTime, $__toTime), 1) * 24 * toDayOfMonth(toLastDayOfMonth($__toTime)) AS month
FROM usage_1h
WHERE hour > $__fromTime - INTERVAL 1 HOUR AND hour <= $__toTime AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant)
