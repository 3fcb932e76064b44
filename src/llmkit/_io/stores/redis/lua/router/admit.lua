-- Admit: op = {ticket, lease, candidates = {deployment, quotas = {name, width, limit, amount}…, parallel or null}…}. The
-- answer is {now, place, probe, again}, or {now, false, waits}; a wait that nobody knows is false.
local known, waits = ticket_of(op.ticket), {}

-- Milliseconds until a quota has room, 0 where it has.
local function filled(quota, limit, amount)
  if amount > limit then return FOR_EVER end
  local excess, left = used(quota) + amount - limit, 0
  if quota.latest and quota.latest > quota.bucket + PARTS then gather(quota) end
  if excess <= 0 then return 0 end
  for _, row in ipairs(buckets(quota, quota.bucket - PARTS)) do
    excess, left = excess - row[2], (row[1] + PARTS + 1) * quota.width
    if excess <= 0 then break end
  end
  return left - now
end

local function wait_for(candidate, found, quotas)
  local deployment, parallel, wait = candidate[1], candidate[3], 0
  if found.till > now then return found.till - now end
  if found.strikes > 0 and probing(deployment, found) then return false end
  if parallel ~= cjson.null and running(deployment) >= parallel then return false end
  for i, asked in ipairs(candidate[2]) do
    quotas[i] = quota_of(deployment, asked[1], asked[2])
    wait = math.max(wait, filled(quotas[i], asked[3], asked[4]))
  end
  return wait
end

local function take(candidate, found, quotas)
  local deployment, probe, lines = candidate[1], found.strikes > 0, {}
  for i, asked in ipairs(candidate[2]) do
    if asked[4] > 0 then count(quotas[i], quotas[i].bucket, asked[4]) end
    lines[i] = {asked[1], asked[2], quotas[i].bucket, asked[4]}
  end
  write(op.ticket, {deployment, now, now + op.lease, probe, lines})
  if found.latest < now then call('HSET', found.key, 'latest', text(now)) end
  if probe then
    call('HSET', found.key, 'probe', op.ticket)
  elseif found.probe == op.ticket then
    call('HDEL', found.key, 'probe')
  end
  keep(found.key, found.kept, now + op.lease)
  return probe
end

for i, candidate in ipairs(op.candidates) do
  if known then
    if candidate[1] == known[1] then return encode({text(now), i - 1, known[4], true}) end
    waits[i] = false
  else
    local found, quotas = at(candidate[1]), {}
    local wait = wait_for(candidate, found, quotas)
    if wait == 0 then return encode({text(now), i - 1, take(candidate, found, quotas), false}) end
    waits[i] = wait and text(wait)
  end
end
return encode({text(now), false, waits})
