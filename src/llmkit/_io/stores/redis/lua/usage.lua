-- ReadUsage, a part of it: op = {scopes, since, until_}. So many days at once that nobody has to wait for long; the answer
-- is {day to go on with or false, {day, field, number}…}.
local wanted
if op.scopes then
  wanted = {}
  for _, scope in ipairs(op.scopes) do wanted[scope] = true end
end
local rows, read = {}, 0
for _, day in ipairs(call('ZRANGEBYSCORE', DAYS, text(op.since), text(op.until_))) do
  if read > 4000 then return encode({day, rows}) end
  local fields = call('HGETALL', LEDGER .. ':usage:' .. day)
  for i = 1, #fields, 2 do
    if not wanted or wanted[decode(fields[i]:sub(2))[1]] then
      rows[#rows + 1] = {day, fields[i], fields[i + 1]}
    end
  end
  read = read + #fields + 10
end
return encode({false, rows})
