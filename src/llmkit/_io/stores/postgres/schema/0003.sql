-- Version 3: the outbox of bills. What the functions mean is said, and done once in Python, in _control/billing/kept.py.
--
-- No table of the ledger or of the routers is touched. Who concludes or begins a call has locked its id and those of
-- its bills, in the order of the numbers that they are hashed to; rows are locked in the order of their ids, the lane
-- by itself, and the tally last. So nobody meets crosswise.
--
-- Who gives numbers has the outbox locked, shared with all others who do. Who reads by them has it alone for a moment,
-- and reads no further than to the last number that was given by then: every one of those is committed, or never will
-- be. Who takes what is queued does not wait: what comes late with a small number is the first next time.

create sequence @.bill_numbers;

create table @.bills (
    id text collate "C" primary key,
    call text collate "C" not null,
    state text not null, -- an intent whose lease is over is unknown: that is not written
    subscription text collate "C" not null,
    code text collate "C" not null,
    at bigint not null,
    body text not null,
    facts text not null,
    units numeric not null,
    usd numeric,
    reason text not null,
    number bigint not null,
    changed bigint not null,
    tries bigint not null,
    expires bigint not null,
    once text -- who wrote it so, so that a repetition is told from another
);
create unique index bills_number on @.bills (number);
create index bills_call on @.bills (call);
create index bills_at on @.bills (at);
create index bills_open on @.bills (state, number) where state <> 'delivered';
create index bills_oldest on @.bills (at) where state = 'queued';
create index bills_owing on @.bills (subscription) where state in ('intent', 'queued', 'held');
create index bills_over on @.bills (changed) where state in ('delivered', 'discarded', 'listed');

-- Who may send, one at a time; there is one row.
create table @.lane (
    sender text not null,
    since bigint not null,
    until bigint not null
) with (fillfactor = 20);
insert into @.lane values ('', 0, 0);

-- How many bills are delivered, which are too many to be counted each time; there is one row.
create table @.tally (
    delivered bigint not null,
    deduped bigint not null
) with (fillfactor = 20);
insert into @.tally values (0, 0);

-- Messages that were seen.
create table @.notices (
    key text collate "C" primary key,
    expires bigint not null,
    once text
);
create index notices_expires on @.notices (expires);

-- Whoever gives numbers, until his transaction ends.
create function @.lock_outbox() returns void language sql as $body$
    select pg_advisory_xact_lock_shared(@seed # 1)
$body$;

create function @.lock_bills(ids text[]) returns void language plpgsql as $body$
begin
    perform @.lock(@.keys(array(select 'bill ' || id from unnest(ids) id)));
end $body$;

-- Count what has become delivered, or ceased to be.
create function @.add_delivered(more bigint, more_deduped bigint) returns void language plpgsql as $body$
begin
    if more <> 0 or more_deduped <> 0 then
        update @.tally t set delivered = t.delivered + more, deduped = t.deduped + more_deduped;
    end if;
end $body$;

-- The lane as it is now: nobody's once its lease is over, which does not last longer because a clock has jumped back.
create function @.current(lane @.lane, now bigint) returns @.lane language plpgsql immutable as $body$
begin
    if lane.since > now then
        lane.until := lane.until - lane.since + now;
        lane.since := now;
    end if;
    if lane.until <= now then
        lane := row('', 0, 0);
    end if;
    return lane;
end $body$;

-- A bill's fields, in their order.
create function @.bill(b @.bills, now bigint) returns json language sql immutable as $body$
    select case when b.state = 'intent' and b.expires <= now then
        json_build_array(
            b.id, b.call, 'unknown', b.subscription, b.code, b.at, b.body, b.facts, b.units::text, b.usd::text,
            b.reason, b.number, b.expires, b.tries, b.expires
        )
    else
        json_build_array(
            b.id, b.call, b.state, b.subscription, b.code, b.at, b.body, b.facts, b.units::text, b.usd::text,
            b.reason, b.number, b.changed, b.tries, b.expires
        )
    end
$body$;

-- Lock bills, in order; those that are there. What comes meanwhile is left alone, or it would be locked out of order.
create function @.lock_rows(ids text[]) returns text[] language plpgsql as $body$
begin
    return array(select b.id from @.bills b where b.id = any(ids) order by b.id for update);
end $body$;

create function @.do_intend(ask jsonb, out answer text, out changed boolean) language plpgsql as $body$
declare
    now bigint;
    cost numeric := ask->>'usd';
    standing @.bills;
begin
    perform @.lock_outbox();
    perform @.lock_bills(array[ask->>'call']);
    now := @.now(ask);
    select * into standing from @.bills b where b.id = ask->>'call';
    if found then
        if standing.state = 'intent' and standing.expires > now then
            update @.bills b set
                usd = greatest(b.usd, cost), expires = greatest(b.expires, now + (ask->>'lease')::bigint)
                where b.id = standing.id and b.state = 'intent'
                    and (b.usd is null and cost is not null or b.usd < cost
                        or b.expires < now + (ask->>'lease')::bigint);
            changed := found;
        else
            changed := false;
        end if;
        answer := to_json(standing.once = ask->>'once');
        return;
    end if;
    if exists (select from @.bills b where b.call = ask->>'call') then
        answer := 'false';
        changed := false;
        return;
    end if;
    insert into @.bills values (
        ask->>'call', ask->>'call', 'intent', ask->>'subscription', '', now, '', ask->>'facts', 0, cost, '',
        nextval('@.bill_numbers'), now, 0, now + (ask->>'lease')::bigint, ask->>'once'
    );
    answer := 'true';
    changed := true;
end $body$;

create function @.do_conclude(ask jsonb, out answer text, out changed boolean) language plpgsql as $body$
declare
    now bigint;
    bill jsonb;
    intended boolean;
    fresh text[] := '{}';
    delivered bigint := 0;
    deduped bigint := 0;
begin
    perform @.lock_outbox();
    perform @.lock_bills(array(
        select ask->>'call' union select b->>0 from jsonb_array_elements(ask->'bills') b
    ));
    now := @.now(ask);
    delete from @.bills b where b.id = ask->>'call' and b.state = 'intent';
    intended := found;
    changed := found;
    for bill in select value from jsonb_array_elements(ask->'bills') loop
        insert into @.bills values (
            bill->>0, bill->>1, bill->>2, bill->>3, bill->>4, (bill->>5)::bigint, bill->>6, bill->>7,
            (bill->>8)::numeric, (bill->>9)::numeric, bill->>10, nextval('@.bill_numbers'), now, 0, 0, ask->>'once'
        ) on conflict (id) do nothing;
        if found then
            changed := true;
            fresh := array_append(fresh, bill->>0);
            if bill->>2 = 'delivered' then
                delivered := delivered + 1;
                deduped := deduped + (bill->>10 = 'deduped')::integer;
            end if;
        elsif not bill->>0 = any(fresh)
            and exists (select from @.bills b where b.id = bill->>0 and b.once = ask->>'once') then
            fresh := array_append(fresh, bill->>0);
        end if;
    end loop;
    if not intended and ask->'bills' = '[]' and not exists (select from @.bills b where b.call = ask->>'call') then
        -- The intent that this has overtaken may still come.
        insert into @.bills values (
            ask->>'call', ask->>'call', 'discarded', '', '', now, '', '{}', 0, null, 'concluded',
            nextval('@.bill_numbers'), now, 0, 0, ask->>'once'
        ) on conflict do nothing;
        changed := true;
    end if;
    perform @.add_delivered(delivered, deduped);
    answer := json_build_array(now, fresh, intended);
end $body$;

create function @.do_take_lane(ask jsonb, out answer text, out changed boolean) language plpgsql as $body$
declare
    now bigint;
    lane @.lane;
    bills json;
begin
    select * into lane from @.lane for no key update;
    now := @.now(ask);
    changed := false;
    lane := @.current(lane, now);
    if lane.sender in ('', ask->>'sender') then
        lane.sender := ask->>'sender';
        lane.since := now;
        lane.until := now + (ask->>'lease')::bigint;
    end if;
    update @.lane l set sender = lane.sender, since = lane.since, until = lane.until
        where (l.sender, l.since, l.until) <> (lane.sender, lane.since, lane.until);
    if lane.sender <> ask->>'sender' then
        answer := json_build_array(now, lane.sender, lane.until, '[]'::json);
        return;
    end if;
    select json_agg(@.bill(b, now) order by b.number) into bills from (
        select * from @.bills where state = 'queued' order by number limit (ask->>'limit')::bigint
    ) b;
    -- What a crash of this server would forget is not sent.
    changed := bills is not null;
    answer := json_build_array(now, lane.sender, lane.until, coalesce(bills, '[]'));
end $body$;

create function @.do_release_lane(ask jsonb, out answer text, out changed boolean) language plpgsql as $body$
declare
    lane @.lane;
begin
    select * into lane from @.lane for no key update;
    lane := @.current(lane, @.now(ask));
    update @.lane l set sender = '', since = 0, until = 0 where lane.sender = ask->>'sender';
    answer := to_json(found);
    changed := false;
end $body$;

create function @.do_mark(ask jsonb, out answer text, out changed boolean) language plpgsql as $body$
declare
    ids text[] := @.lock_rows(array(
        select m->>0 from jsonb_array_elements(ask->'marks') m
        union select jsonb_array_elements_text(ask->'tried')
    ));
    now bigint := @.now(ask);
    marked record;
    tried bigint;
begin
    with marks as (
        select distinct on (m->>0) m->>0 as id, m->>1 as state, m->>2 as reason
        from jsonb_array_elements(ask->'marks') with ordinality a(m, n) order by m->>0, n
    ), done as (
        update @.bills b set
            state = m.state, reason = m.reason, changed = now, tries = b.tries + 1, once = ask->>'once'
            from marks m where b.id = m.id and b.id = any(ids) and b.state = 'queued'
            returning b.state, b.reason
    )
    select count(*) as many, count(*) filter (where d.state = 'delivered') as delivered,
        count(*) filter (where d.state = 'delivered' and d.reason = 'deduped') as deduped
        into marked from done d;
    update @.bills b set tries = b.tries + 1, once = ask->>'once'
        where b.id = any(ids) and b.state = 'queued' and b.once is distinct from ask->>'once'
            and b.id in (select jsonb_array_elements_text(ask->'tried'));
    get diagnostics tried = row_count;
    perform @.add_delivered(marked.delivered, marked.deduped);
    changed := marked.many > 0 or tried > 0;
    answer := (
        select count(distinct m->>0) from jsonb_array_elements(ask->'marks') m
        join @.bills b on b.id = m->>0 and b.once = ask->>'once' and b.state <> 'queued'
    );
end $body$;

create function @.do_amend(ask jsonb, out answer text, out changed boolean) language plpgsql as $body$
declare
    now bigint;
    amended jsonb;
    bill jsonb;
    standing @.bills;
    locked text[];
    ids text[] := '{}';
    delivered bigint := 0;
    deduped bigint := 0;
begin
    perform @.lock_outbox();
    locked := @.lock_rows(array(select a->0->>0 from jsonb_array_elements(ask->'amended') a));
    now := @.now(ask);
    changed := false;
    for amended in select value from jsonb_array_elements(ask->'amended') loop
        bill := amended->0;
        continue when not bill->>0 = any(locked);
        select * into standing from @.bills b where b.id = bill->>0;
        if standing.once = ask->>'once' then
            ids := array_append(ids, bill->>0);
            continue;
        end if;
        if standing.state = 'intent' and standing.expires <= now then
            standing.state := 'unknown';
        end if;
        continue when not amended->1 ? standing.state;
        update @.bills b set
            state = bill->>2, subscription = bill->>3, code = bill->>4, at = (bill->>5)::bigint, body = bill->>6,
            facts = bill->>7, units = (bill->>8)::numeric, usd = (bill->>9)::numeric, reason = bill->>10,
            number = case when bill->>2 = 'queued' then nextval('@.bill_numbers') else b.number end,
            changed = now, expires = 0, once = ask->>'once'
            where b.id = standing.id;
        changed := true;
        ids := array_append(ids, bill->>0);
        delivered := delivered + (bill->>2 = 'delivered')::integer - (standing.state = 'delivered')::integer;
        deduped := deduped + (bill->>2 = 'delivered' and bill->>10 = 'deduped')::integer
            - (standing.state = 'delivered' and standing.reason = 'deduped')::integer;
    end loop;
    perform @.add_delivered(delivered, deduped);
    answer := array_to_json(ids);
end $body$;

create function @.do_forget_bills(ask jsonb, out answer text, out changed boolean) language plpgsql as $body$
declare
    gone record;
begin
    with gone as (
        delete from @.bills b where b.ctid = any(array(
            select o.ctid from @.bills o
            where o.state in ('delivered', 'discarded', 'listed') and o.changed < (ask->>'before')::bigint
            order by o.changed, o.number limit (ask->>'limit')::bigint
            for update skip locked
        )) returning b.state, b.reason
    )
    select count(*) as many, count(*) filter (where g.state = 'delivered') as delivered,
        count(*) filter (where g.state = 'delivered' and g.reason = 'deduped') as deduped
        into gone from gone g;
    perform @.add_delivered(-gone.delivered, -gone.deduped);
    changed := gone.many > 0;
    answer := gone.many;
end $body$;

create function @.do_notice(ask jsonb, out answer text, out changed boolean) language plpgsql as $body$
declare
    now bigint := @.now(ask);
begin
    delete from @.notices n where n.key = any(array(
        select o.key from @.notices o where o.expires <= now and o.key <> ask->>'key' limit 100 for update skip locked
    ));
    insert into @.notices as n values (ask->>'key', now + (ask->>'lease')::bigint, ask->>'once')
        on conflict (key) do update set expires = excluded.expires, once = excluded.once
        where n.expires <= now;
    changed := found;
    answer := to_json(found or exists (
        select from @.notices n where n.key = ask->>'key' and n.once = ask->>'once'
    ));
end $body$;

create function @.count_bills(ask jsonb) returns text language plpgsql stable as $body$
declare
    now bigint := @.now(ask);
    lane @.lane;
    tally @.tally;
    states json;
begin
    select * into lane from @.lane;
    lane := @.current(lane, now);
    select * into tally from @.tally;
    select json_object_agg(s.state, s.many) into states from (
        -- From the index alone, but for intents.
        select b.state, count(*) as many from @.bills b
            where b.state <> 'delivered' and b.state <> 'intent' group by 1
        union all select case when b.expires <= now then 'unknown' else 'intent' end, count(*)
            from @.bills b where b.state = 'intent' group by 1
        union all select 'delivered', tally.delivered where tally.delivered > 0
    ) s;
    return json_build_array(
        now, coalesce(states, '{}'), (select min(b.at) from @.bills b where b.state = 'queued'), tally.deduped,
        lane.sender, lane.until
    );
end $body$;

-- In 1e-9 dollars, rounded up, up to what a double holds wholly.
create function @.nanos(usd numeric) returns numeric language sql immutable as $body$
    select greatest(least(ceil(coalesce(usd, 0) * 1000000000), 9007199254740991), -9007199254740991)
$body$;

create function @.owing(ask jsonb) returns text language plpgsql stable as $body$
declare
    now bigint := @.now(ask);
    who text := ask->>'subscription';
    open record;
    late numeric;
begin
    -- Two queries, for one would have a plan that does for everybody's, and so reads all.
    if who = '' then
        select sum(@.nanos(b.usd)) filter (where b.state <> 'intent') as queued,
            sum(@.nanos(b.usd)) filter (where b.state = 'intent' and b.expires > now) as intended
            into open from @.bills b where b.state in ('intent', 'queued', 'held');
    else
        select sum(@.nanos(b.usd)) filter (where b.state <> 'intent') as queued,
            sum(@.nanos(b.usd)) filter (where b.state = 'intent' and b.expires > now) as intended
            into open from @.bills b where b.state in ('intent', 'queued', 'held') and b.subscription = who;
    end if;
    select sum(@.nanos(b.usd)) into late from @.bills b
        where b.state in ('delivered', 'discarded', 'listed') and b.state = 'delivered'
            and b.changed >= (ask->>'since')::bigint and (who = '' or b.subscription = who);
    return json_build_array(
        now, (coalesce(open.queued, 0) * 0.000000001)::text, (coalesce(late, 0) * 0.000000001)::text,
        (coalesce(open.intended, 0) * 0.000000001)::text
    );
end $body$;

-- The conditions that are given are written into the query, so that it is planned for these, and not for any.
create function @.bills_asked(ask jsonb, last_number bigint) returns text language plpgsql stable as $body$
declare
    now bigint := @.now(ask);
    query text := 'select coalesce(json_agg(@.bill(b, $1) order by b.number), ''[]'') from (
        select * from @.bills b where b.number > $2 and b.number <= $3 and b.at >= $4 and b.at < $5';
    states text[];
    found_bills text;
begin
    if ask->>'states' is not null then
        states := array(select jsonb_array_elements_text(ask->'states'));
        query := query || format(
            ' and b.state = any(%L::text[])', array(select distinct replace(s, 'unknown', 'intent') from unnest(states) s)
        );
        if 'unknown' = any(states) and not 'intent' = any(states) then
            query := query || ' and (b.state <> ''intent'' or b.expires <= $1)';
        elsif 'intent' = any(states) and not 'unknown' = any(states) then
            query := query || ' and (b.state <> ''intent'' or b.expires > $1)';
        end if;
    end if;
    if ask->>'ids' is not null then
        query := query || ' and b.id = any(array(select jsonb_array_elements_text($6->''ids'')))';
    end if;
    if ask->>'subscription' is not null then
        query := query || ' and b.subscription = $6->>''subscription''';
    end if;
    if ask->>'code' is not null then
        query := query || ' and b.code = $6->>''code''';
    end if;
    execute query || ' order by b.number limit $7) b' into found_bills using
        now, (ask->>'after')::bigint, last_number, (ask->>'since')::bigint, (ask->>'until')::bigint, ask,
        (ask->>'limit')::bigint;
    return found_bills;
end $body$;

create procedure @.read_bills(ask jsonb, inout answer text) language plpgsql as $body$
declare
    last_number bigint;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        commit;
        set transaction isolation level read committed;
    end if;
    perform @.hastily(ask);
    perform pg_advisory_xact_lock(@seed # 1);
    select s.last_value into last_number from @.bill_numbers s;
    commit and chain;
    answer := @.bills_asked(ask, last_number);
end $body$;

-- What changes something decides in a transaction of its own, which waits for no disk; the caller has his answer when
-- a second one, which changes nothing and locks nothing, has seen to it that the log is on the disk up to there.
do $do$
declare
    name text;
begin
    foreach name in array array[
        'intend', 'conclude', 'take_lane', 'release_lane', 'mark', 'amend', 'forget_bills', 'notice'
    ] loop
        execute format($make$
            create procedure @.%1$I(ask jsonb, inout answer text) language plpgsql as $body$
            declare
                changed boolean;
            begin
                -- Who has waited for a lock must see what its holder did, which a snapshot from before does not show.
                if current_setting('transaction_isolation') <> 'read committed' then
                    commit;
                    set transaction isolation level read committed;
                end if;
                perform @.hastily(ask);
                select d.answer, d.changed into answer, changed from @.%2$I(ask) d;
                commit;
                if changed then
                    perform @.flush();
                end if;
            end $body$
        $make$, name, 'do_' || name);
    end loop;
end $do$;

insert into @.versions values (3);
