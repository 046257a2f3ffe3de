SELECT sum(cost - cost / answers) AS repeated
FROM (
  SELECT count() AS answers, sum(cost_usd) AS cost
  FROM requests
  WHERE $__timeFilter_ms(ts) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant) AND run_id = '' AND outcome = 'ok'
  GROUP BY tenant_id, prompt_hash
)
