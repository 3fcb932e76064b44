-- ReadEntries: op = {after, limit}. Each is {number, JSON}.
local found = {}
for i, row in ipairs(call('XRANGE', ENTRIES, text(op.after + 1) .. '-0', '+', 'COUNT', op.limit)) do
  found[i] = {row[1]:match('^%d+'), row[2][2]}
end
return encode(found)
