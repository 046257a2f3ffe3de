/** The ledger's atomic changes as one Redis script. It decides as core/money/budget.ts does; a test compares the two. */

/**
 * Runs a list of operations. KEYS: the set of open reservations. ARGV: the prefix of all keys, the operations as JSON, the lease in milliseconds.
 * Returns their results as JSON, in order. Amounts of money are text, because JSON in Lua keeps 14 digits.
 *
 * - `reserve`: from every scope or from none. The same id twice is one reservation.
 * - `settle`: replaces a reservation by what was used. A reservation that the server lost counts as well; the same id twice counts once.
 * - `release`: undoes a reservation, also one that is still to come.
 * - `renew`: keeps a reservation for another lease, and makes it again when the server lost it.
 * - `sweep`: reservations whose lease has ended count as spent; settling them later corrects that.
 * - `raise`: a scope has spent at least so much: a server that lost its data learns it again.
 * - `note`: whether the name is new.
 */
export const ledgerScript = `
local prefix, ops, lease = ARGV[1], cjson.decode(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function whole(n) return n == 0 and '0' or string.format('%.0f', n) end
local function keyOf(id) return prefix .. ':reservation:' .. id end
local function get(id) local text = redis.call('GET', keyOf(id)) return text and cjson.decode(text) end
local function close(id, reservation, ending, ms)
  reservation.ended = ending
  redis.call('SET', keyOf(id), cjson.encode(reservation), 'PX', ms)
  redis.call('ZREM', KEYS[1], id)
end
local function open(id, reservation)
  redis.call('SET', keyOf(id), cjson.encode(reservation))
  redis.call('ZADD', KEYS[1], now + lease, id)
end
local function level(key, name, limit, at, window)
  local known = redis.call('HMGET', key, name, name .. ':at')
  if not known[1] then return limit end
  return math.min(limit, tonumber(known[1]) + limit * math.max(0, at - tonumber(known[2])) / window)
end
local function hold(h, sign)
  if h.m ~= '' then redis.call('HINCRBY', h.m, 'reserved', whole(sign * tonumber(h.amount))) end
  if h.parallel then redis.call('HINCRBY', h.r, 'parallel', whole(sign)) end
end
local function give(h, name, count)
  if redis.call('HEXISTS', h.r, name) == 1 then redis.call('HINCRBYFLOAT', h.r, name, string.format('%.6f', count)) end
end
local run = {}

function run.reserve(op)
  local known = get(op.id)
  if known then return not known.ended and known.verdict or { type = 'ended' } end
  local busy, plans, holds, states, amounts = nil, {}, {}, {}, {}
  for i, s in ipairs(op.scopes) do
    local amount, state = 0, { levels = {} }
    if s.cap then
      local cap, nano = tonumber(s.cap), tonumber(s.nano)
      local found = redis.call('HMGET', s.m, 'spent', 'reserved')
      local spent, reserved = tonumber(found[1]) or 0, tonumber(found[2]) or 0
      local left = cap - spent
      if left <= 0 then return { type = 'spent', scope = i, left = '0' } end
      if reserved + nano <= left then amount = nano
      elseif op.guess and tonumber(s.least) > left then return { type = 'spent', scope = i, left = whole(left) }
      elseif op.guess and reserved == 0 then amount = left
      elseif op.guess or nano <= left then busy = busy or { type = 'busy', scope = i, left = whole(left), reserved = whole(reserved) }
      else return { type = 'spent', scope = i, left = whole(left) } end
      state.spent, state.reserved = whole(spent), whole(reserved + amount)
    end
    for _, l in ipairs(s.limits) do
      local remaining, wanted = level(s.r, l.name, l.limit, op.at, l.window), math.min(l.needed, l.limit)
      if remaining + 0.000001 < wanted then
        return { type = 'limited', scope = i, dimension = l.name, limit = l.limit, waitMs = math.ceil((wanted - remaining) * l.window / l.limit) }
      end
      table.insert(plans, { s.r, l.name, remaining - l.needed, l.window })
      state.levels[l.name] = remaining - l.needed
    end
    if s.parallel then
      if (tonumber(redis.call('HGET', s.r, 'parallel')) or 0) >= s.parallel then
        return { type = 'limited', scope = i, dimension = 'parallel', limit = s.parallel, waitMs = op.parallelWaitMs }
      end
    end
    table.insert(states, state)
    table.insert(amounts, whole(amount))
    table.insert(holds, { s = s.s, m = s.cap and s.m or '', amount = whole(amount), r = s.r, tokens = s.tokens, parallel = s.parallel and true or false })
    if s.cap and s.expire then redis.call('PEXPIRE', s.m, s.expire) end
  end
  if busy then return busy end
  for _, plan in ipairs(plans) do
    redis.call('HSET', plan[1], plan[2], string.format('%.6f', plan[3]), plan[2] .. ':at', string.format('%.3f', op.at))
    redis.call('PEXPIRE', plan[1], math.max(2 * plan[4], redis.call('PTTL', plan[1])))
  end
  for _, h in ipairs(holds) do
    hold(h, 1)
    if h.parallel then redis.call('PEXPIRE', h.r, 172800000) end
  end
  local verdict = { type = 'taken', states = states, amounts = amounts }
  open(op.id, { tokens = op.tokens, holds = holds, verdict = verdict })
  return verdict
end

function run.settle(op)
  local known = get(op.id)
  if known and known.ended and known.ended ~= 'swept' then return {} end
  local reservation = known or { tokens = op.tokens, holds = op.holds, ended = 'lost' }
  local spent = {}
  for _, h in ipairs(reservation.holds) do
    local used = tonumber(op.by and op.by[h.s] or op.nano)
    if h.m ~= '' then
      if reservation.ended == 'swept' then used = used - tonumber(h.amount) end
      spent[h.m] = whole(redis.call('HINCRBY', h.m, 'spent', whole(used)))
    end
    if not reservation.ended then hold(h, -1) end
    if not reservation.ended then
      for _, name in ipairs(h.tokens) do give(h, name, reservation.tokens - op.tokens) end
    end
  end
  close(op.id, { holds = {} }, 'settled', 600000)
  return { spent = spent }
end

function run.release(op)
  local known = get(op.id)
  if known and known.ended then return {} end
  for _, h in ipairs(known and known.holds or {}) do
    hold(h, -1)
    give(h, 'requests', 1)
    give(h, 'dailyRequests', 1)
    for _, name in ipairs(h.tokens) do give(h, name, known.tokens) end
  end
  close(op.id, { holds = {} }, 'released', 600000)
  return {}
end

function run.renew(op)
  local known = get(op.id)
  if not known then
    for _, h in ipairs(op.holds) do hold(h, 1) end
    open(op.id, { tokens = op.tokens, holds = op.holds })
  elseif not known.ended then
    redis.call('ZADD', KEYS[1], now + lease, op.id)
  end
  return {}
end

function run.sweep()
  local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1000)
  for _, id in ipairs(ids) do
    local known = get(id)
    if known and not known.ended then
      for _, h in ipairs(known.holds) do
        hold(h, -1)
        if h.m ~= '' then redis.call('HINCRBY', h.m, 'spent', h.amount) end
      end
      close(id, { holds = known.holds, tokens = known.tokens }, 'swept', 3600000)
    else
      redis.call('ZREM', KEYS[1], id)
    end
  end
  return { swept = #ids }
end

function run.raise(op)
  if (tonumber(redis.call('HGET', op.m, 'spent')) or 0) < tonumber(op.spent) then redis.call('HSET', op.m, 'spent', op.spent) end
  return {}
end

function run.note(op)
  return { isNew = redis.call('SET', prefix .. ':note:' .. op.name, '1', 'NX', 'PX', op.ms) and true or false }
end

local results = {}
for _, op in ipairs(ops) do table.insert(results, run[op.op](op)) end
return cjson.encode(results)
`;
