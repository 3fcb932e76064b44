-- Settle: op = {call, body}. A call has one settlement; the answer is whether this is it.
if call('SADD', LEDGER .. ':settled', op.call) == 0 then return 'false' end
call('XADD', LEDGER .. ':settlements', '*', 's', op.body)
return 'true'
