SELECT 1 - uniqCombined64(tenant_id, prompt_hash) / nullIf(count(), 0) AS repeated
FROM requests
WHERE $__timeFilter_ms(ts) AND $__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant) AND run_id = '' AND outcome = 'ok'
