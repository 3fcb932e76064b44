-- Settle: op = {call, body, once}. A call has one settlement; the answer is whether this is it, repeated or not.
if call('HSETNX', LEDGER .. ':settled', op.call, op.once) == 0 then
  return call('HGET', LEDGER .. ':settled', op.call) == op.once and 'true' or 'false'
end
call('XADD', LEDGER .. ':settlements', '*', 's', op.body)
return 'true'
