-- WriteRule: op = {scope, body, expected}; false is none.
local standing_rule = rule_of(op.scope)
if op.expected and op.expected ~= standing_rule[2] then return encode({false, standing_rule}) end
local version = standing_rule[2] + 1
call('HSET', RULES, op.scope, encode({version, op.body}))
return encode({true, {op.scope, version, op.body}})
