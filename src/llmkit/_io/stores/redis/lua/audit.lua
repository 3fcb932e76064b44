-- Audit, its last part: op = {after}. All that is not in the ledger's first `after` entries, at one moment.
local rows, holds, entries, usage = {}, {}, {}, {}
for _, account in ipairs(call('SMEMBERS', ACCOUNTS)) do
  for _, row in ipairs(counters(account, -MOST)) do
    rows[#rows + 1] = {account, text(row[1]), text(row[2]), text(row[3])}
  end
end
local kept = call('HGETALL', HOLDS)
for i = 1, #kept, 2 do holds[#holds + 1] = {kept[i], kept[i + 1]} end
for i, row in ipairs(call('XRANGE', ENTRIES, text(op.after + 1) .. '-0', '+')) do
  entries[i] = {row[1]:match('^%d+'), row[2][2]}
end
for _, day in ipairs(call('ZRANGE', DAYS, 0, -1)) do
  local fields = call('HGETALL', LEDGER .. ':usage:' .. day)
  for i = 1, #fields, 2 do usage[#usage + 1] = {day, fields[i], fields[i + 1]} end
end
return encode({text(now), rows, holds, entries, usage})
