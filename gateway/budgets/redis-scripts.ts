/** The ledger's two atomic changes as Redis scripts. They decide as core/money/budget.ts does; a test compares the two. */

/**
 * Reserves from every scope, or from none. KEYS: open, reservation, then per scope: spending, rates. ARGV: instant, guess, nanoUsd, tokens,
 * dead-after instant, then per scope: cap or '', requests per minute or '', tokens per minute or ''. Returns the decision as JSON, scopes counted from 1.
 */
export const reserveScript = `
local at, guess, nano, tokens = tonumber(ARGV[1]), ARGV[2] == '1', tonumber(ARGV[3]), tonumber(ARGV[4])
local n = (#KEYS - 2) / 2
local busy, plans, holds, levels = nil, {}, {}, {}
local function level(key, dimension, limit)
  local known = redis.call('HMGET', key, dimension, dimension .. ':at')
  if not known[1] then return limit end
  return math.min(limit, tonumber(known[1]) + limit * math.max(0, at - tonumber(known[2])) / 60000)
end
for i = 1, n do
  local money, rates = KEYS[1 + 2 * i], KEYS[2 + 2 * i]
  local cap, rpm, tpm = tonumber(ARGV[3 + 3 * i]), tonumber(ARGV[4 + 3 * i]), tonumber(ARGV[5 + 3 * i])
  local amount = 0
  if cap then
    local known = redis.call('HMGET', money, 'spent', 'reserved')
    local left, reserved = cap - (tonumber(known[1]) or 0), tonumber(known[2]) or 0
    if left <= 0 then return cjson.encode({ type = 'spent', scope = i, left = 0 }) end
    if reserved + nano <= left then amount = nano
    elseif guess and reserved == 0 then amount = left
    elseif guess or nano <= left then busy = busy or { type = 'busy', scope = i, left = left, reserved = reserved }
    else return cjson.encode({ type = 'spent', scope = i, left = left }) end
  end
  for _, rate in ipairs({ { 'requests', rpm, 1 }, { 'tokens', tpm, tokens } }) do
    if rate[2] then
      local now, wanted = level(rates, rate[1], rate[2]), math.min(rate[3], rate[2])
      if now + 0.000001 < wanted then
        return cjson.encode({ type = 'limited', scope = i, dimension = rate[1], limit = rate[2], waitMs = math.ceil((wanted - now) * 60000 / rate[2]) })
      end
      table.insert(plans, { rates, rate[1], now - rate[3] })
      table.insert(levels, { i, rate[1], now - rate[3] })
    end
  end
  table.insert(holds, { money, cap and amount or -1, rates, tpm and 1 or 0 })
end
if busy then return cjson.encode(busy) end
for _, plan in ipairs(plans) do
  redis.call('HSET', plan[1], plan[2], string.format('%.6f', plan[3]), plan[2] .. ':at', ARGV[1])
  redis.call('PEXPIRE', plan[1], 120000)
end
for _, hold in ipairs(holds) do
  if hold[2] >= 0 then redis.call('HINCRBY', hold[1], 'reserved', string.format('%.0f', hold[2])) end
end
redis.call('SET', KEYS[2], cjson.encode({ tokens = tokens, holds = holds }))
redis.call('ZADD', KEYS[1], tonumber(ARGV[5]), KEYS[2])
return cjson.encode({ type = 'taken', levels = levels })
`;

/** Ends a reservation. KEYS: open, reservation. ARGV: nanoUsd and tokens used; '' for both when unknown: then the reserved amount counts as spent. */
export const settleScript = `
local stored = redis.call('GET', KEYS[2])
redis.call('ZREM', KEYS[1], KEYS[2])
if not stored then return 0 end
redis.call('DEL', KEYS[2])
local reservation = cjson.decode(stored)
for _, hold in ipairs(reservation.holds) do
  if hold[2] >= 0 then
    redis.call('HINCRBY', hold[1], 'reserved', string.format('%.0f', 0 - hold[2]))
    local used = ARGV[1] == '' and string.format('%.0f', hold[2]) or ARGV[1]
    redis.call('HINCRBY', hold[1], 'spent', used)
  end
  if hold[4] == 1 and ARGV[2] ~= '' and redis.call('HEXISTS', hold[3], 'tokens') == 1 then
    redis.call('HINCRBYFLOAT', hold[3], 'tokens', string.format('%.0f', reservation.tokens - tonumber(ARGV[2])))
  end
end
return 1
`;
