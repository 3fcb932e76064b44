-- Look: op = {deployments, quotas = {name, width}…}. The answer is {now, {until, strikes, reason, probing, running, used}…}.
local rows = {}
for i, deployment in ipairs(op.deployments) do
  local row, taken = health(deployment, at(deployment)), {}
  for j, asked in ipairs(op.quotas) do taken[j] = text(used(quota_of(deployment, asked[1], asked[2]))) end
  row[6] = taken
  rows[i] = row
end
return encode({text(now), rows})
