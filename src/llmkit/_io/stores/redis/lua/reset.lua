-- Reset: op = {entry, accounts = {account, width, starts}…}. What was spent in the windows that count now is taken back.
if posted_before(op.entry) then return encode({'again', text(now), {}}) end
local added, standings = {}, {}
for _, asked_for in ipairs(op.accounts) do
  local account, width = asked_for[1], asked_for[2]
  local bucket = bucket_at(width, asked_for[3], now)
  if not bucket then return encode({'untimely', text(now)}) end
  for _, row in ipairs(counters(account, first_counted(bucket, width))) do
    if row[2] ~= 0 then added[#added + 1] = {account, row[1], -row[2], width} end
  end
end
for i, line in ipairs(added) do
  count(line[1], line[2], line[3], 0)
  standings[i] = standing(line[1], line[4], line[2], line[3])
end
enter(op.entry, 'reset', '', '', '0', '0', added, {{}, '', '', ''})
return encode({'posted', text(now), standings})
