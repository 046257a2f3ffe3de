SELECT sum(cost_usd) AS spend FROM usage_1h WHERE $__timeFilter(hour) AND tenant_id IN (${tenant:singlequote})
