-- ReadRules: op = {scopes}, false for all.
local scopes, found = op.scopes or call('HKEYS', RULES), {}
for i, scope in ipairs(scopes) do
  found[i] = rule_of(scope)
  found[i][4] = nil
end
return encode(found)
