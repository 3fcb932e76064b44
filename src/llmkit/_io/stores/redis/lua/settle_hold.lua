-- SettleHold: op = {hold, kind, amounts, usd, prompt, completion, flag, settlement}; amounts and usd may be false: what
-- was held; settlement, too: there is none. An amount is {in 1e-9, whole}: which of them it is, the account says.
local function ended(status, standings)
  if op.settlement then record(op.settlement) end
  return encode({status, text(now), standings, op.settlement and true or false})
end

local hold = hold_of(op.hold)
if not hold then
  if entered(op.hold) then return ended('again', {}) end
  -- It has overtaken its Reserve, which must find nothing to hold any more when it comes.
  if op.kind == 'release' then enter(op.hold, 'release', op.hold, op.flag, '0', '0', {}, {{}, '', '', ''}) end
  return ended('missing', {})
end
if op.amounts and #op.amounts ~= #hold.lines then
  fail('a hold of ' .. #hold.lines .. ' accounts got ' .. #op.amounts .. ' amounts')
end
local usd, added, planned = op.usd or hold.usd, {}, {}

-- What a line adds to what was spent. Of what its expiry spent, no more is taken back than is there.
local function delta_of(line, amount)
  if not line[5] then return 0 end
  if not hold.expired then return amount end
  local delta = amount - tonumber(line[4])
  local found = delta < 0 and call('HGET', at_account(line[1]), 's' .. line[2])
  return found and math.max(delta, math.min(0, -tonumber(found))) or delta
end

for i, line in ipairs(hold.lines) do
  local amount = tonumber(line[4])
  if op.amounts then amount = op.amounts[i][line[1]:sub(1, 4) == 'usd:' and 1 or 2] end
  if not amount then fail('an amount for account ' .. line[1] .. ' is not below 2^53 units') end
  local delta = delta_of(line, amount)
  added[i] = {line[1], tonumber(line[2]), delta}
  -- What was held makes room for what is spent.
  planned[i] = {line[1], added[i][2], hold.expired and delta or delta - tonumber(line[4]), tonumber(line[3])}
end
room_for(planned)
for i, line in ipairs(added) do
  if not hold.expired then
    spend(hold.lines[i], line[3])
  elseif has_counter(line[1], line[2]) then
    count(line[1], line[2], line[3], 0)
  end
end
local calls = op.kind == 'release' and 0 or 1
if hold.expired then
  enter(op.hold, 'correct', op.hold, op.flag, usd[1], hold.usd[1], added, hold.whose)
  use(now, hold.whose, {calls - 1, op.prompt, op.completion}, usd, hold.usd)
else
  enter(op.hold, op.kind, op.hold, op.flag, usd[1], '0', added, hold.whose)
  use(now, hold.whose, {calls, op.prompt, op.completion}, usd)
end
call('HDEL', HOLDS, op.hold)
call('ZREM', LEASES, op.hold)
local standings = {}
for i, line in ipairs(added) do
  standings[i] = standing(line[1], tonumber(hold.lines[i][3]), line[2], line[3])
end
return ended(hold.expired and 'corrected' or 'settled', standings)
