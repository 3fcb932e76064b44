-- Reserve: op = {hold, lease, usd, whose, seen, claims}. Every claim's amount is held, or none.
sweep(8)
local found = hold_of(op.hold)
if found and not found.expired then
  return encode({'reserved', text(now), found.expires, found.lines, true})
end
if found or entered(op.hold) then return encode({'gone', text(now)}) end
local newer = stale()
if newer then return encode({'stale', text(now), newer}) end
local lines, planned, refusals = {}, {}, {}
for i, claim in ipairs(op.claims) do
  local bucket, position = bucket_at(claim[2], claim[3], now)
  if not bucket then return encode({'untimely', text(now)}) end
  local refusal = asked(claim, bucket, position)
  if refusal then refusals[#refusals + 1] = refusal end
  planned[i] = {claim[1], (placed(claim[1], claim[2], bucket)), claim[4], claim[2], bucket}
end
if #refusals > 0 then return encode({'refused', text(now), refusals}) end
room_for(planned)
for i, claim in ipairs(op.claims) do
  local bucket = place_and_count(claim[1], claim[2], planned[i][5], 0, claim[4])
  lines[i] = {claim[1], text(bucket), text(claim[2]), text(claim[4]), claim[9]}
end
local expires = now + op.lease
local hold = {expires = text(expires), expired = false, usd = op.usd, lines = lines, whose = op.whose}
call('HSET', HOLDS, op.hold, encode(hold))
call('ZADD', LEASES, text(expires), op.hold)
return encode({'reserved', text(now), text(expires), lines, false})
