-- Leave: op = {ticket, used = {name, amount}…, worked}. Where it is asked once more, whoever is not in may have left by it:
-- he is not kept out.
local known = ticket_of(op.ticket)
if not known and not ARGV[2] then write(op.ticket, {'', now, now + TOMBSTONE, false, {}}) end
if not known or known[1] == '' then return 'false' end
local deployment, told = known[1], {}
local found = at(deployment)
for _, row in ipairs(op.used) do told[row[1]] = row[2] end
for _, line in ipairs(known[5]) do
  local name, width, bucket, amount = line[1], line[2], line[3], line[4]
  local more = (told[name] or amount) - amount
  if more ~= 0 and bucket >= floor(now / width) - PARTS then count(quota_of(deployment, name, width), bucket, more) end
end
drop(op.ticket, deployment)
if op.worked and found.till > 0 and math.min(known[2], now) > found.since then well_again(found) end
return 'true'
