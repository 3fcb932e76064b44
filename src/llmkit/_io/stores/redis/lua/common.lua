-- What every script of a ledger goes on with: schema, counters, ledger, usage. The rules are those of _control/accounts.py.
--
-- Amounts are whole numbers of units below 2^53: of two of them added up, too, a double says rightly whether they are
-- more than a third. In what is kept or answered they are texts, because cjson writes 14 digits only. Counters are int64
-- (HINCRBY).
--
-- KEYS[1]            hash: schema, entries (how many)
-- :accounts          set of the accounts that have counters
-- :account:<name>    hash: s<bucket> spent, h<bucket> held (absent where 0); F, S, H: the sums over buckets >= F
-- :holds             hash: id -> JSON {expires, expired, usd, lines, whose};  :leases  sorted set of the live ones
-- :entries           stream, <number>-0 -> e, JSON [id, kind, at, hold, flag, usd, less, lines, whose];  :ids  id -> number
-- :usage:<day>       hash: c, p, o, u, r (calls, prompt and completion tokens, 1e-9 and 1e-18 USD) + [scope, provider, model]
-- :days              sorted set of the days that have usage
-- :rules             hash: scope -> JSON [version, body, which writing it was]
-- :settlements       stream, s -> JSON;  :settled  hash: call -> which writing it was
local LEDGER, SCHEMA, MOST, PARTS, KEPT = KEYS[1], 1, 9007199254740991, 60, 120
local ACCOUNTS, HOLDS, LEASES = LEDGER .. ':accounts', LEDGER .. ':holds', LEDGER .. ':leases'
local ENTRIES, IDS, RULES, DAYS = LEDGER .. ':entries', LEDGER .. ':ids', LEDGER .. ':rules', LEDGER .. ':days'

local written = call('HGET', LEDGER, 'schema')
if not written then
  call('HSET', LEDGER, 'schema', SCHEMA)
elseif tonumber(written) > SCHEMA then
  fail('the ledger in Redis was written by a newer llmkit: its schema is ' .. written
    .. ', this one knows ' .. SCHEMA)
end

local function minus(digits)
  if digits == '0' then return digits end
  return digits:sub(1, 1) == '-' and digits:sub(2) or '-' .. digits
end

local function fits(n, account)
  if n > MOST or n < -MOST then
    fail('a sum of account ' .. account .. ' is not below 2^53 units, more than Redis scripts can count exactly')
  end
  return n
end

local function at_account(account) return LEDGER .. ':account:' .. account end

-- Every counter from `first` on, as {bucket, spent, held}, oldest first.
local function counters(account, first)
  local fields, found, rows = call('HGETALL', at_account(account)), {}, {}
  for i = 1, #fields, 2 do
    local kind, bucket = fields[i]:sub(1, 1), tonumber(fields[i]:sub(2))
    if bucket and bucket >= first then
      local row = found[bucket]
      if not row then
        row = {bucket, 0, 0}
        found[bucket] = row
        rows[#rows + 1] = row
      end
      row[kind == 's' and 2 or 3] = tonumber(fields[i + 1])
    end
  end
  table.sort(rows, function(one, other) return one[1] < other[1] end)
  return rows, #fields > 0
end

-- Spent and held from `first` on; the sums are kept, and taken anew when the window has moved.
local function used(account, first)
  local key = at_account(account)
  local sums = call('HMGET', key, 'F', 'S', 'H')
  if sums[1] and tonumber(sums[1]) == first then return tonumber(sums[2]), tonumber(sums[3]) end
  local spent, held = 0, 0
  local rows, exists = counters(account, first)
  for _, row in ipairs(rows) do spent, held = spent + row[2], held + row[3] end
  fits(spent, account)
  fits(held, account)
  if exists then call('HSET', key, 'F', text(first), 'S', text(spent), 'H', text(held)) end
  return spent, held
end

-- Where an account's window begins now, as who was counted in this bucket sees it.
local function first_now(width, bucket) return width > 0 and floor(now / width) - PARTS or bucket end

-- Refuse what would take a counter, or the sum of those that count now, beyond what can be counted. Lines are {account,
-- bucket, added, width}; asked for all of them before anything is written.
local function room_for(lines)
  local planned = {}
  for _, line in ipairs(lines) do
    local account, row = line[1], text(line[2])
    local key, first = row .. '@' .. account, first_now(line[4], line[2])
    local kept = call('HMGET', at_account(account), 's' .. row, 'h' .. row)
    planned[key] = (planned[key] or 0) + line[3]
    fits(tonumber(kept[1] or 0) + tonumber(kept[2] or 0) + planned[key], account)
    if line[2] >= first then
      local spent, held = used(account, first)
      planned[account] = (planned[account] or 0) + line[3]
      fits(spent + held + planned[account], account)
    end
  end
end

local function has_counter(account, bucket)
  return call('HEXISTS', at_account(account), 's' .. text(bucket)) == 1
end

local function count(account, bucket, spent, held)
  local key, row = at_account(account), text(bucket)
  if call('HSETNX', key, 's' .. row, 0) == 1 then call('SADD', ACCOUNTS, account) end
  local first = call('HGET', key, 'F')
  local summed = first and bucket >= tonumber(first)
  if spent ~= 0 then
    call('HINCRBY', key, 's' .. row, text(spent))
    if summed then call('HINCRBY', key, 'S', text(spent)) end
  end
  if held ~= 0 then
    if call('HINCRBY', key, 'h' .. row, text(held)) == 0 then call('HDEL', key, 'h' .. row) end
    if summed then call('HINCRBY', key, 'H', text(held)) end
  end
end

-- The bucket to count in, which may not be older than what was forgotten; and whether it is a new one, as it was asked for.
local function placed(account, width, bucket)
  if width == 0 or has_counter(account, bucket) then return bucket, false end
  local rows = counters(account, -MOST)
  local oldest = #rows > 0 and rows[#rows][1] - KEPT or -MOST
  if bucket < oldest then return oldest, false end
  return bucket, true
end

-- Count what was planned. When a new bucket of a rolling window begins, old ones in which nothing is held are forgotten.
local function place_and_count(account, width, at, spent, held)
  local bucket, new = placed(account, width, at)
  if new then
    for _, row in ipairs(counters(account, -MOST)) do
      if row[1] < bucket - KEPT and row[3] == 0 then call('HDEL', at_account(account), 's' .. text(row[1])) end
    end
  end
  count(account, bucket, spent, held)
  return bucket
end

local function bucket_at(width, starts, at)
  if width > 0 then return floor(at / width) end
  if at < starts[1] or at >= starts[#starts] then return nil end
  local found, position = starts[1], 1
  for i, start in ipairs(starts) do
    if start <= at and start > found then found, position = start, i end
  end
  return found, position
end

local function first_counted(bucket, width) return width > 0 and bucket - PARTS or bucket end

local function standing(account, width, bucket, delta)
  local spent, held = used(account, first_now(width, bucket))
  return {account, text(spent), text(held), text(delta)}
end

local function entered(id) return call('HEXISTS', IDS, id) == 1 end

-- `less` is what is to be taken off `usd`: two exact texts, because Lua cannot subtract them exactly.
local function enter(id, kind, hold, flag, usd, less, lines, whose)
  local number = call('HINCRBY', LEDGER, 'entries', 1)
  local listed = {}
  for _, line in ipairs(lines) do
    if line[3] ~= 0 then listed[#listed + 1] = {line[1], text(line[2]), text(line[3])} end
  end
  local entry = encode({id, kind, text(now), hold, flag, usd, less, listed, whose})
  call('XADD', ENTRIES, text(number) .. '-0', 'e', entry)
  call('HSET', IDS, id, text(number))
end

-- `counts` are calls, prompt and completion tokens; `usd` and `less` {text, 1e-9 USD, 1e-18 USD}.
local function use(at, whose, counts, usd, less)
  local scopes, day = whose[1], floor(at / DAY)
  if #scopes == 0 then return end
  call('ZADD', DAYS, day, text(day))
  local key = LEDGER .. ':usage:' .. text(day)
  local added = {c = text(counts[1]), p = text(counts[2]), o = text(counts[3]), u = usd[2], r = usd[3]}
  for _, scope in ipairs(scopes) do
    local row = encode({scope, whose[2], whose[3]})
    for field, n in pairs(added) do
      if n ~= '0' or field == 'c' then call('HINCRBY', key, field .. row, n) end
    end
    if less then
      call('HINCRBY', key, 'u' .. row, minus(less[2]))
      if less[3] ~= '0' then call('HINCRBY', key, 'r' .. row, minus(less[3])) end
    end
  end
end

local function hold_of(id)
  local kept = call('HGET', HOLDS, id)
  return kept and decode(kept)
end

-- End a line of a hold that is live: it is spent so much. Where nothing was held, the counter may have been forgotten.
local function spend(line, amount)
  local account, bucket, held = line[1], tonumber(line[2]), tonumber(line[4])
  if held ~= 0 or has_counter(account, bucket) then count(account, bucket, amount, -held) end
end

-- Make spend of holds beyond their lease; how many there were. What it counts was counted as held: there is room.
local function sweep(limit)
  local overdue = call('ZRANGEBYSCORE', LEASES, '-inf', text(now), 'LIMIT', 0, limit)
  for _, id in ipairs(overdue) do
    local hold, lines = hold_of(id), {}
    for i, line in ipairs(hold.lines) do
      local spent = line[5] and tonumber(line[4]) or 0
      spend(line, spent)
      lines[i] = {line[1], tonumber(line[2]), spent}
    end
    enter(id .. '/expired', 'expire', id, 'expired', hold.usd[1], '0', lines, hold.whose)
    use(now, hold.whose, {1, 0, 0}, hold.usd)
    hold.expired = true
    call('HSET', HOLDS, id, encode(hold))
    call('ZREM', LEASES, id)
  end
  return #overdue
end

-- Whether the ledger has this entry. What is to be a hold's own may be nobody else's.
local function posted_before(id)
  if call('HEXISTS', HOLDS, id) == 1 then fail('an entry may not have the id of a hold: ' .. id) end
  return entered(id)
end

local function rule_of(scope)
  local kept = call('HGET', RULES, scope)
  if not kept then return {scope, 0, false} end
  kept = decode(kept)
  return {scope, kept[1], kept[2], kept[3]}
end

-- The rules that are others than those which the claims were made by.
local function stale()
  local newer = {}
  for _, seen in ipairs(op.seen) do
    local rule = rule_of(seen[1])
    rule[4] = nil
    if rule[2] ~= seen[2] then newer[#newer + 1] = rule end
  end
  return #newer > 0 and newer
end

-- Claims are {account, width, starts, amount, limit, extra, extra_until, rollover, keep}; false is none.
local function limit_of(claim, bucket, position)
  local limit, rollover = claim[5], claim[8]
  if not limit then return nil end
  if rollover and claim[2] == 0 and position > 1 then
    local key, before = at_account(claim[1]), text(claim[3][position - 1])
    local row = call('HMGET', key, 's' .. before, 'h' .. before)
    if row[1] then
      local left = claim[5] - tonumber(row[1]) - tonumber(row[2] or 0)
      if left > 0 then limit = fits(limit + math.min(rollover, left), claim[1]) end
    end
  end
  if now < claim[7] then limit = limit + claim[6] end
  return fits(limit, claim[1])
end

-- {account, limit, used, spent, amount, buckets} as it is answered, and whether there is room for the amount.
local function asked(claim, bucket, position, always)
  local account, width, amount = claim[1], claim[2], claim[4]
  local first = first_counted(bucket, width)
  local spent, held = used(account, first)
  local limit = limit_of(claim, bucket, position)
  local total = fits(spent + held, account)
  local fine = not limit or total + amount <= limit
  if fine and not always then return nil, true end
  local buckets = {}
  if width > 0 then
    for _, row in ipairs(counters(account, first)) do
      local both = row[2] + row[3]
      if both ~= 0 then buckets[#buckets + 1] = {text(row[1]), text(both)} end
    end
  end
  return {account, limit and text(limit) or '', text(total), text(spent), text(amount), buckets}, fine
end

-- Record how a call ended, {call, body, once}; whether its settlement is this one, repeated or not.
local function record(settlement)
  if call('HSETNX', LEDGER .. ':settled', settlement.call, settlement.once) == 0 then
    return call('HGET', LEDGER .. ':settled', settlement.call) == settlement.once
  end
  call('XADD', LEDGER .. ':settlements', '*', 's', settlement.body)
  return true
end
