-- Sweep: op = {limit}.
return text(sweep(op.limit))
