SELECT table, sum(p.rows) AS rows, sum(p.bytes_on_disk) AS bytes, bytes / nullIf(rows, 0) AS bytes_per_row, count() AS parts
FROM system.parts AS p
WHERE active AND database = currentDatabase()
GROUP BY table
ORDER BY bytes DESC
