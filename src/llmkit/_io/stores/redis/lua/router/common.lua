-- What every script of a router's operations goes on with: tickets, deployments, quotas. The rules are those of
-- _control/admission.py.
--
-- All of it may be lost, and none of it is money: it is beside the ledger, which does not know of it. A layout that is
-- another one gets other names. What is written is in an order at any moment: a log that was torn leaves what ends.
--
-- :router:tickets             hash: id -> JSON [deployment, since, expires, probe, [[quota, width, bucket, amount]…]]; at no
--                             deployment ('') is a ticket that may not come in
-- :router:leases              sorted set of all tickets: id NUL deployment, by expires
-- :router:over                what had expired by then stays so, though some of it is yet to be dropped
-- :router:in:<deployment>     sorted set of the ids that are in, by expires
-- :router:about:<deployment>  hash: since, until, strikes, reason (its cooldown), latest (since), probe (a ticket), kept
-- :router:quota:<width>:<length of the deployment's name>:<deployment>:<name>
--                             hash: bucket -> amount; F, S: the sum over buckets >= F; L: the latest bucket; kept
-- kept: the key goes by itself some time after that, when nobody would miss it.
local ROUTER, PARTS, FOR_EVER = KEYS[1] .. ':router:', 60, 9007199254740991
local TICKETS, LEASES, OVER = ROUTER .. 'tickets', ROUTER .. 'leases', ROUTER .. 'over'
local HOUR, TOMBSTONE, FEW, MANY = 3600000, 60000, 8, 180

local function who_is_in(deployment) return ROUTER .. 'in:' .. deployment end

local function lease_of(id, deployment) return id .. '\0' .. deployment end

-- An hour more than need be, so that it is seldom said.
local function keep(key, kept, till)
  if kept and kept >= till then return end
  call('HSET', key, 'kept', text(till + HOUR))
  call('PEXPIRE', key, text(till + HOUR - now))
end

-- --- tickets

local function write(id, ticket)
  call('ZADD', LEASES, text(ticket[3]), lease_of(id, ticket[1]))
  if ticket[1] ~= '' then call('ZADD', who_is_in(ticket[1]), text(ticket[3]), id) end
  call('HSET', TICKETS, id, encode(ticket))
end

local function drop(id, deployment)
  call('HDEL', TICKETS, id)
  if deployment ~= '' then call('ZREM', who_is_in(deployment), id) end
  call('ZREM', LEASES, lease_of(id, deployment))
end

local function drop_expired(till, ...)
  local expired = call('ZRANGEBYSCORE', LEASES, '-inf', text(till), ...)
  for _, lease in ipairs(expired) do
    local nul = lease:find('\0', 1, true)
    drop(lease:sub(1, nul - 1), lease:sub(nul + 1))
  end
  return #expired
end

-- A few are dropped. The others count no more either, by their scores, as long as time does not go back; then all are.
local function expire()
  local over = tonumber(call('GET', OVER) or 0)
  if now < over then
    drop_expired(over)
    call('DEL', OVER)
  elseif drop_expired(now, 'LIMIT', 0, FEW) == FEW then
    call('SET', OVER, text(now))
  elseif over > 0 then
    call('DEL', OVER)
  end
end

local function ticket_of(id)
  local kept = call('HGET', TICKETS, id)
  local ticket = kept and decode(kept)
  if not ticket or ticket[3] > now then return ticket end
  drop(id, ticket[1])
  return false
end

-- --- deployments

-- What begins later begins now, and lasts as long as it was to.
local function turn_back(deployment, found)
  for _, id in ipairs(call('ZRANGEBYSCORE', who_is_in(deployment), '(' .. text(now), '+inf')) do
    local kept = call('HGET', TICKETS, id)
    local ticket = kept and decode(kept)
    if ticket and ticket[2] > now then
      ticket[2], ticket[3] = now, ticket[3] - ticket[2] + now
      write(id, ticket)
    end
  end
  if found.since > now then
    found.since, found.till = now, found.till - found.since + now
    call('HSET', found.key, 'since', text(found.since), 'until', text(found.till))
  end
  found.latest = now
  call('HSET', found.key, 'latest', text(now))
end

-- A deployment as it is now.
local function at(deployment)
  local key = ROUTER .. 'about:' .. deployment
  local row = call('HMGET', key, 'since', 'until', 'strikes', 'reason', 'latest', 'probe', 'kept')
  local found = {
    key = key, since = tonumber(row[1] or 0), till = tonumber(row[2] or 0), strikes = tonumber(row[3] or 0),
    reason = row[4] or '', latest = tonumber(row[5] or 0), probe = row[6], kept = tonumber(row[7]),
  }
  if found.latest > now then turn_back(deployment, found) end
  if found.till <= now and (found.strikes == 0 or found.till + DAY <= now) then
    found.since, found.till, found.strikes, found.reason = 0, 0, 0, ''
  end
  return found
end

local function running(deployment)
  return call('ZCOUNT', who_is_in(deployment), '(' .. text(now), '+inf')
end

local function probing(deployment, found)
  local expires = found.probe and call('ZSCORE', who_is_in(deployment), found.probe)
  return expires and tonumber(expires) > now or false
end

local function well_again(found)
  call('HDEL', found.key, 'since', 'until', 'strikes', 'reason')
  found.since, found.till, found.strikes, found.reason = 0, 0, 0, ''
end

local function health(deployment, found)
  return {text(found.till), text(found.strikes), found.reason, probing(deployment, found), running(deployment)}
end

-- --- quotas

local function quota_of(deployment, name, width)
  local key = ROUTER .. 'quota:' .. text(width) .. ':' .. #deployment .. ':' .. deployment .. ':' .. name
  local row = call('HMGET', key, 'F', 'S', 'L', 'kept')
  return {
    key = key, width = width, bucket = floor(now / width),
    first = tonumber(row[1]), sum = tonumber(row[2]), latest = tonumber(row[3]), kept = tonumber(row[4]),
  }
end

-- {bucket, amount} from a bucket on, oldest first.
local function buckets(quota, first)
  local fields, rows = call('HGETALL', quota.key), {}
  for i = 1, #fields, 2 do
    local bucket = tonumber(fields[i])
    if bucket and bucket >= first then rows[#rows + 1] = {bucket, tonumber(fields[i + 1])} end
  end
  table.sort(rows, function(one, other) return one[1] < other[1] end)
  return rows
end

-- What has left the window since it was summed is taken off.
local function summed(quota, first)
  local sum, left = 0, {}
  if not quota.first or first < quota.first or first > quota.first + PARTS then
    for _, row in ipairs(buckets(quota, first)) do sum = sum + row[2] end
    return sum
  end
  for bucket = quota.first, first - 1 do left[#left + 1] = text(bucket) end
  sum = quota.sum
  for _, amount in ipairs(call('HMGET', quota.key, unpack(left))) do sum = sum - tonumber(amount or 0) end
  return sum
end

local function used(quota)
  local first = quota.bucket - PARTS
  if not quota.latest then return 0 end
  if quota.first ~= first then
    quota.sum, quota.first = summed(quota, first), first
    call('HSET', quota.key, 'F', text(first), 'S', text(quota.sum))
  end
  return quota.sum
end

local function latest(quota, bucket)
  quota.latest = bucket
  call('HSET', quota.key, 'L', text(bucket))
  keep(quota.key, quota.kept, (math.max(bucket, quota.bucket) + 2 * PARTS + 1) * quota.width)
end

-- What is more than a window ahead is moved into the bucket of now.
local function gather(quota)
  local far, last = 0, quota.bucket
  for _, row in ipairs(buckets(quota, quota.bucket)) do
    if row[1] > quota.bucket + PARTS then
      far = far + row[2]
      call('HDEL', quota.key, text(row[1]))
    else
      last = row[1]
    end
  end
  call('HINCRBY', quota.key, text(quota.bucket), text(far))
  latest(quota, last)
end

-- Add to a bucket, which is never below 0.
local function count(quota, bucket, amount)
  local after = call('HINCRBY', quota.key, text(bucket), text(amount))
  if after < 0 then
    call('HINCRBY', quota.key, text(bucket), text(-after))
    amount = amount - after
  end
  if quota.first and bucket >= quota.first then call('HINCRBY', quota.key, 'S', text(amount)) end
  if not quota.latest or bucket > quota.latest then latest(quota, bucket) end
  if after ~= amount or call('HLEN', quota.key) <= MANY then return end
  for _, row in ipairs(buckets(quota, -FOR_EVER)) do
    if row[1] < quota.bucket - 2 * PARTS then call('HDEL', quota.key, text(row[1])) end
  end
end

expire()

