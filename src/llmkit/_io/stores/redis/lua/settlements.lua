-- Settlements: op = {limit}. The latest, the latest first.
local found = {}
for i, row in ipairs(call('XREVRANGE', LEDGER .. ':settlements', '+', '-', 'COUNT', op.limit)) do
  found[i] = row[2][2]
end
return encode(found)
