-- WriteRule: op = {scope, body, expected, once}; false is none. `once` tells a repetition, which has been done.
local standing_rule = rule_of(op.scope)
if standing_rule[4] == op.once then return encode({true, {op.scope, standing_rule[2], standing_rule[3]}}) end
standing_rule[4] = nil
if op.expected and op.expected ~= standing_rule[2] then return encode({false, standing_rule}) end
local version = standing_rule[2] + 1
call('HSET', RULES, op.scope, encode({version, op.body, op.once}))
return encode({true, {op.scope, version, op.body}})
