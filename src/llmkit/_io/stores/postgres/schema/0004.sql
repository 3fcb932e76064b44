-- Version 4: settlements are read behind a number, and none is missed.
--
-- Who records one has given it a number before it can be seen; another with a later number may be seen first. So whoever
-- records has this lock, shared with all others who do, and who reads has it alone for a moment: every number up to the
-- latest that he sees then is committed, or never will be.

create function @.lock_settlements() returns void language sql as $body$
    select pg_advisory_xact_lock_shared(@seed # 2)
$body$;

create or replace function @.do_settle(ask jsonb) returns text language plpgsql as $body$
begin
    perform @.lock_settlements();
    insert into @.settlements (call, body, once) values (ask->>'call', ask->>'body', ask->>'once')
        on conflict do nothing;
    return to_json(found or exists (
        select from @.settlements s where s.call = ask->>'call' and s.once = ask->>'once'
    ));
end $body$;

-- Nobody waits for who finds nothing new.
create procedure @.settlements_after(ask jsonb, inout answer text) language plpgsql as $body$
declare
    behind bigint := ask->>'after';
    latest bigint;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        commit;
        set transaction isolation level read committed;
    end if;
    select max(s.number) into latest from @.settlements s;
    if latest > behind then
        perform @.hastily(ask);
        perform pg_advisory_xact_lock(@seed # 2);
        select max(s.number) into latest from @.settlements s;
        commit and chain;
    end if;
    answer := json_build_array(
        (select 'postgres ' || floor(extract(epoch from v.applied) * 1000) from @.versions v where v.version = 1),
        coalesce(latest, 0),
        (
            select coalesce(json_agg(json_build_array(s.number, s.body) order by s.number), '[]')
            from (
                select * from @.settlements where number > behind and number <= latest
                order by number limit (ask->>'limit')::bigint
            ) s
        )
    );
end $body$;

insert into @.versions values (4);
