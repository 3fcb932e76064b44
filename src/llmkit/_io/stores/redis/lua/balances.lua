-- Balances: op = {seen, claims}. As Reserve would see them; nothing is held.
local newer = stale()
if newer then return encode({'stale', text(now), newer}) end
local lines = {}
for i, claim in ipairs(op.claims) do
  local bucket, position = bucket_at(claim[2], claim[3], now)
  if not bucket then return encode({'untimely', text(now)}) end
  lines[i] = asked(claim, bucket, position, true)
end
return encode({'balance', text(now), lines})
