-- Post: op = {entry, charges = {account, width, starts, amount}…, usd, whose, prompt, completion, calls, at, flag}.
if posted_before(op.entry) then return encode({'again', text(now), {}}) end
local at, added, standings = op.at or now, {}, {}
for i, charge in ipairs(op.charges) do
  local bucket = bucket_at(charge[2], charge[3], at)
  if not bucket then return encode({'untimely', text(now)}) end
  added[i] = {charge[1], (placed(charge[1], charge[2], bucket)), charge[4], charge[2], bucket}
end
room_for(added)
for i, line in ipairs(added) do
  line[2] = place_and_count(line[1], line[4], line[5], line[3], 0)
  standings[i] = standing(line[1], line[4], line[2], line[3])
end
enter(op.entry, 'spend', '', op.flag, op.usd[1], '0', added, op.whose)
use(at, op.whose, {op.calls, op.prompt, op.completion}, op.usd)
return encode({'posted', text(now), standings})
