-- Version 2: what routers share of deployments. What the functions mean is said, and done once in Python, in
-- _control/admission.py.
--
-- Nothing of it is money: the ledger's tables are not touched, and none of their locks is taken. Who changes what is
-- known of a deployment has locked it, by an advisory lock that ends with the transaction, and nobody ever has two of
-- these: who finds a deployment full commits, and so lets go of it, before he asks for the next. Whatever the order in
-- which processes list their candidates, they cannot meet crosswise.
--
-- The tables are logged, and an admission is answered when it is on the disk: tables that a crash empties would let in
-- after it what the window had already seen. A place that is given back is not waited for; lost, it ends with its lease.

create table @.deployments (
    id text collate "C" primary key,
    until bigint not null, -- it is let be until then
    strikes bigint not null,
    reason text not null,
    cooldowns bigint not null, -- how many there were
    running bigint not null, -- tickets, those whose lease is over included
    soonest bigint not null, -- no lease is over before
    probe_until bigint not null -- a probe is under way until then
) with (fillfactor = 20); -- room for new versions of a row that is written a thousand times a second

create table @.tickets (
    id text collate "C" primary key,
    deployment text collate "C" not null,
    expires bigint not null,
    place integer not null, -- among the candidates
    probe boolean not null,
    cooldowns bigint not null, -- how many there had been
    lines jsonb not null -- [quota, bucket, amount] each
) with (fillfactor = 50);
create index tickets_overdue on @.tickets (deployment, expires);

create table @.taken (
    deployment text collate "C" not null,
    quota text collate "C" not null,
    bucket bigint not null,
    amount bigint not null,
    primary key (deployment, quota, bucket)
) with (fillfactor = 20);

create function @.lock_deployment(id text) returns void language plpgsql as $body$
begin
    if pg_advisory_xact_lock(hashtextextended('deployment ' || id, @seed)) is null then
        null;
    end if;
end $body$;

-- Add to what was taken in a bucket. Old buckets are forgotten when a new one begins.
create function @.take(of text, name text, at bigint, more bigint) returns void language plpgsql as $body$
begin
    update @.taken t set amount = t.amount + more where t.deployment = of and t.quota = name and t.bucket = at;
    if not found then
        delete from @.taken t where t.deployment = of and t.quota = name and t.bucket < at - 120;
        insert into @.taken values (of, name, at, more);
    end if;
end $body$;

-- Milliseconds until so much more can be taken; 0 is now.
create function @.quota_wait(of text, asked jsonb, now bigint) returns bigint language plpgsql as $body$
declare
    width bigint := asked->>1;
    spare bigint := (asked->>2)::bigint - (asked->>3)::bigint;
    used bigint;
    line record;
begin
    select coalesce(sum(t.amount), 0) into used from @.taken t
        where t.deployment = of and t.quota = asked->>0 and t.bucket >= now / width - 60;
    if used <= spare then
        return 0;
    end if;
    if spare >= 0 then
        for line in
            select t.bucket, t.amount from @.taken t
            where t.deployment = of and t.quota = asked->>0 and t.bucket >= now / width - 60 order by t.bucket
        loop
            used := used - line.amount;
            if used <= spare then
                return (line.bucket + 61) * width - now;
            end if;
        end loop;
    end if;
    return 9007199254740991;
end $body$;

-- Forget tickets whose lease is over, a few; how many are left that count.
create function @.drop_tickets(of text, now bigint) returns bigint language plpgsql as $body$
declare
    dropped bigint;
    counted bigint;
begin
    delete from @.tickets t where t.id in (
        select id from @.tickets where deployment = of and expires <= now order by expires limit 64
    );
    get diagnostics dropped = row_count;
    update @.deployments d set
        running = d.running - dropped,
        soonest = coalesce((select min(t.expires) from @.tickets t where t.deployment = of), 9007199254740991)
        where d.id = of
        returning d.running into counted;
    return counted - (select count(*) from @.tickets t where t.deployment = of and t.expires <= now);
end $body$;

-- Let a ticket in at one deployment, or say how long it has to wait; null is for another call.
create function @.enter(
    ask jsonb, place integer, out entered boolean, out probe boolean, out wait bigint, out now bigint
) language plpgsql as $body$
declare
    candidate jsonb := ask->'candidates'->place;
    of text := candidate->>0;
    quotas integer := jsonb_array_length(candidate->1);
    state record;
    counted bigint;
    quota jsonb;
    lines jsonb := '[]';
    expires bigint;
begin
    entered := false;
    probe := false;
    wait := 0;
    perform @.lock_deployment(of);
    now := @.now(ask);
    select * into state from @.deployments d where d.id = of;
    if found then
        counted := state.running;
        if state.soonest <= now then
            counted := @.drop_tickets(of, now);
        end if;
        if now < state.until then
            wait := state.until - now;
            return;
        end if;
        if state.strikes > 0 then
            if now < state.probe_until then
                wait := state.probe_until - now;
                return;
            end if;
            probe := true;
        end if;
        if counted >= (candidate->>2)::bigint then
            wait := null;
            return;
        end if;
    elsif (candidate->>2)::bigint <= 0 then
        wait := null;
        return;
    end if;
    for n in 0 .. quotas - 1 loop
        quota := candidate->1->n;
        wait := greatest(wait, @.quota_wait(of, quota, now));
        lines := lines || jsonb_build_array(
            jsonb_build_array(quota->0, now / (quota->>1)::bigint, quota->3)
        );
    end loop;
    if wait > 0 then
        return;
    end if;
    expires := now + (ask->>'lease')::bigint;
    insert into @.tickets values (
        ask->>'ticket', of, expires, place, probe, coalesce(state.cooldowns, 0), lines
    ) on conflict do nothing;
    if not found then
        wait := -1;
        return;
    end if;
    for n in 0 .. quotas - 1 loop
        quota := lines->n;
        if (quota->>2)::bigint <> 0 then
            perform @.take(of, quota->>0, (quota->>1)::bigint, (quota->>2)::bigint);
        end if;
    end loop;
    insert into @.deployments as d values (of, 0, 0, '', 0, 1, expires, 0)
        on conflict (id) do update set
            running = d.running + 1,
            soonest = least(d.soonest, excluded.soonest),
            probe_until = case when probe then excluded.soonest else d.probe_until end;
    entered := true;
end $body$;

-- The answer to a ticket that is in already; null for none. One whose lease is over is forgotten, wherever it was.
create function @.entered_before(ask jsonb) returns text language plpgsql as $body$
declare
    now bigint := @.now(ask);
    ticket record;
begin
    select * into ticket from @.tickets t where t.id = ask->>'ticket';
    if not found then
        return null;
    end if;
    if ticket.expires > now then
        return json_build_array('admitted', now, ticket.place, ticket.probe, true);
    end if;
    perform @.lock_deployment(ticket.deployment);
    delete from @.tickets t where t.id = ask->>'ticket' and t.expires <= now and t.deployment = ticket.deployment;
    if found then
        update @.deployments d set running = d.running - 1 where d.id = ticket.deployment;
    end if;
    return null;
end $body$;

create function @.do_leave(ask jsonb, out was_in boolean, out raised boolean) language plpgsql as $body$
declare
    now bigint;
    of text;
    ticket record;
    line jsonb;
    used jsonb;
    more bigint;
begin
    raised := false;
    was_in := false;
    select t.deployment into of from @.tickets t where t.id = ask->>'ticket';
    if of is null then
        return;
    end if;
    perform @.lock_deployment(of);
    now := @.now(ask);
    delete from @.tickets t where t.id = ask->>'ticket' and t.deployment = of returning t.* into ticket;
    if ticket.id is null then
        return;
    end if;
    was_in := true;
    for n in 0 .. jsonb_array_length(ask->'used') - 1 loop
        used := ask->'used'->n;
        for m in 0 .. jsonb_array_length(ticket.lines) - 1 loop
            line := ticket.lines->m;
            if line->0 = used->0 then
                more := (used->>1)::bigint - (line->>2)::bigint;
                raised := raised or more > 0;
                if more <> 0 then
                    perform @.take(of, line->>0, (line->>1)::bigint, more);
                end if;
            end if;
        end loop;
    end loop;
    update @.deployments d set
        running = d.running - 1,
        probe_until = case when ticket.probe then 0 else d.probe_until end,
        strikes = case
            when (ask->>'worked')::boolean and d.cooldowns = ticket.cooldowns then 0 else d.strikes end
        where d.id = of;
end $body$;

create procedure @.admit(ask jsonb, inout answer text) language plpgsql as $body$
declare
    got record;
    waits bigint[] := '{}';
    place integer := 0;
    places integer := jsonb_array_length(ask->'candidates');
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        commit;
        set transaction isolation level read committed;
    end if;
    perform set_config('synchronous_commit', 'off', true), set_config('lock_timeout', ask->>'wait', true);
    answer := @.entered_before(ask);
    while answer is null and place < places loop
        got := @.enter(ask, place);
        if got.entered then
            answer := json_build_array('admitted', got.now, place, got.probe, false);
        elsif got.wait = -1 then
            answer := @.entered_before(ask);
        else
            waits := array_append(waits, got.wait);
            place := place + 1;
            commit and chain;
            perform set_config('synchronous_commit', 'off', true), set_config('lock_timeout', ask->>'wait', true);
        end if;
    end loop;
    if answer is null then
        answer := json_build_array('full', @.now(ask), array_to_json(waits));
        return;
    end if;
    commit;
    if current_setting('synchronous_commit') = 'off' then
        perform set_config('synchronous_commit', 'on', true);
    end if;
    perform pg_logical_emit_message(true, 'llmkit', '');
end $body$;

create procedure @.leave(ask jsonb, inout answer text) language plpgsql as $body$
declare
    got record;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        commit;
        set transaction isolation level read committed;
    end if;
    perform set_config('synchronous_commit', 'off', true), set_config('lock_timeout', ask->>'wait', true);
    got := @.do_leave(ask);
    answer := to_json(got.was_in);
    commit;
    if not got.raised then
        return;
    end if;
    if current_setting('synchronous_commit') = 'off' then
        perform set_config('synchronous_commit', 'on', true);
    end if;
    perform pg_logical_emit_message(true, 'llmkit', '');
end $body$;

insert into @.versions values (2);
