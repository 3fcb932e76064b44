-- Cool: op = {deployment, lease, reason, strikes}. A cooldown that lasts longer stays.
local found, till = at(op.deployment), now + op.lease
if op.lease == 0 and op.strikes == 0 then
  well_again(found)
  return encode(health(op.deployment, found))
end
found.strikes = math.max(found.strikes, op.strikes)
if found.till <= till then found.since, found.till, found.reason = now, till, op.reason end
call('HSET', found.key, 'since', text(found.since), 'until', text(found.till), 'strikes', text(found.strikes),
  'reason', found.reason, 'latest', text(math.max(found.latest, found.since)))
keep(found.key, found.kept, found.till + DAY)
return encode(health(op.deployment, found))
