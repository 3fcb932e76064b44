-- Settle: op = {call, body, once}. A call has one settlement; the answer is whether this is it, repeated or not.
return record(op) and 'true' or 'false'
