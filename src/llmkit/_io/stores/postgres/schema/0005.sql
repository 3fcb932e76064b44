-- Version 5: a hold is ended, and how its call ended is recorded, in one transaction.
--
-- Who does both locks holds and accounts first, settlements last. The answer says which of the two were done:
-- ["held", the hold's] or ["stored", the hold's], so that what was recorded is flushed whatever came of the hold.

create function @.do_end_hold(ask jsonb) returns text language plpgsql as $body$
declare
    settled json := @.do_settle_hold(ask);
begin
    if jsonb_typeof(ask->'settlement') = 'object' then
        perform @.do_settle(ask->'settlement');
        return json_build_array('stored', settled);
    end if;
    return json_build_array('held', settled);
end $body$;

-- As each procedure of version 1.
create procedure @.end_hold(ask jsonb, inout answer text) language plpgsql as $body$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        commit;
        set transaction isolation level read committed;
    end if;
    perform set_config('synchronous_commit', 'off', true), set_config('lock_timeout', ask->>'wait', true);
    answer := @.do_end_hold(ask);
    commit;
    if answer like '["held", ["missing"%' then
        return;
    end if;
    if current_setting('synchronous_commit') = 'off' then
        perform set_config('synchronous_commit', 'on', true);
    end if;
    perform pg_logical_emit_message(true, 'llmkit', '');
end $body$;

insert into @.versions values (5);
