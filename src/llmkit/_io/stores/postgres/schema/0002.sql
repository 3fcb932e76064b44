-- Version 2: what routers share of deployments. What the functions mean is said, and done once in Python, in
-- _control/admission.py.
--
-- Nothing of it is money: the ledger's tables are not touched, and none of its locks is taken. Who changes anything of a
-- deployment (its tickets too) has locked its row, and who has one of these waits for no other: an operation commits,
-- and so lets go of one deployment, before it asks for the next. Only those who lock all that they want at once have
-- several, in order. So nobody meets crosswise, in whatever order processes list their candidates.
--
-- The tables are logged, and an admission that takes of a limit is answered when it is on the disk: after a crash,
-- tables that it empties, or what was not flushed, would let in what the window has already seen. A place that is given
-- back is not waited for; if that is lost, it ends with its lease.

create table @.deployments (
    id text collate "C" primary key,
    running bigint not null default 0, -- its tickets
    probing boolean not null default false, -- whether one of them is a probe
    latest bigint not null default 0, -- nothing of it begins later
    since bigint not null default 0, -- the latest cooldown
    until bigint not null default 0,
    strikes bigint not null default 0,
    reason text not null default ''
) with (fillfactor = 20); -- room for new versions of a row that is written a thousand times a second

create table @.tickets (
    id text collate "C" primary key,
    deployment text collate "C" not null, -- none: it may not come in
    since bigint not null,
    expires bigint not null,
    probe boolean not null,
    lines jsonb not null -- [quota, width, bucket, amount] each
);
create index tickets_overdue on @.tickets (expires);

create table @.taken (
    deployment text collate "C" not null,
    quota text collate "C" not null,
    width bigint not null,
    bucket bigint not null,
    amount bigint not null,
    primary key (deployment, quota, width, bucket)
) with (fillfactor = 20);

-- How each transaction begins: nobody waits for it, as whatever needs that waits for the log afterwards.
create function @.hastily(ask jsonb) returns void language plpgsql as $body$
begin
    perform set_config('synchronous_commit', 'off', true), set_config('lock_timeout', ask->>'wait', true);
end $body$;

-- How the last one does: it changes nothing and locks nothing, and ends when the log is flushed up to here.
create function @.flush() returns void language plpgsql as $body$
begin
    if current_setting('synchronous_commit') = 'off' then
        perform set_config('synchronous_commit', 'on', true);
    end if;
    perform pg_logical_emit_message(true, 'llmkit', '');
end $body$;

-- Drop tickets whose lease is over, wherever they are.
create function @.drop_tickets(now bigint) returns void language plpgsql as $body$
declare
    places text[] := array(select distinct t.deployment from @.tickets t where t.expires <= now);
begin
    perform from @.deployments d where d.id = any(places) order by d.id for no key update;
    with dropped as (
        delete from @.tickets t where t.expires <= now and t.deployment = any(places)
        returning t.deployment, t.probe
    )
    update @.deployments d set running = d.running - o.many, probing = d.probing and not o.probe
        from (select deployment, count(*) as many, bool_or(probe) as probe from dropped group by 1) o
        where d.id = o.deployment;
end $body$;

-- Without a cooldown.
create function @.well(state @.deployments) returns @.deployments language plpgsql immutable as $body$
begin
    state.since := 0;
    state.until := 0;
    state.strikes := 0;
    state.reason := '';
    return state;
end $body$;

-- Write its cooldown.
create function @.cool_down(state @.deployments) returns void language plpgsql as $body$
begin
    update @.deployments d set
        since = state.since, until = state.until, strikes = state.strikes, reason = state.reason,
        latest = greatest(d.latest, state.since)
        where d.id = state.id;
end $body$;

-- With what is left of its cooldown: nothing, once it is over without strikes, or a day after it.
create function @.current(state @.deployments, now bigint) returns @.deployments language plpgsql immutable as $body$
begin
    if state.until <= now and (state.strikes = 0 or state.until + 86400000 <= now) then
        return @.well(state);
    end if;
    return state;
end $body$;

-- A deployment as it is now, the caller's alone until his transaction ends. Nothing of it lasts longer than it was meant
-- to because a clock has jumped back.
create function @.deployment(of text, ask jsonb) returns @.deployments language plpgsql as $body$
declare
    found_so @.deployments;
    now bigint;
begin
    select * into found_so from @.deployments d where d.id = of for no key update;
    if not found then
        insert into @.deployments (id) values (of) on conflict do nothing;
        select * into found_so from @.deployments d where d.id = of for no key update;
    end if;
    now := @.now(ask);
    if now < found_so.latest then
        update @.tickets t set since = now, expires = t.expires - t.since + now
            where t.deployment = of and t.since > now;
        update @.deployments d set
            latest = now,
            since = least(d.since, now),
            until = d.until - d.since + least(d.since, now)
            where d.id = of returning d.* into found_so;
    end if;
    return @.current(found_so, now);
end $body$;

-- Add to what was taken in a bucket. Now and then, what is long over is forgotten.
create function @.take(of text, name text, wide bigint, at bigint, more bigint) returns void language plpgsql as $body$
declare
    many bigint;
begin
    update @.taken t set amount = greatest(t.amount + more, 0)
        where t.deployment = of and t.quota = name and t.width = wide and t.bucket = at;
    if found then
        return;
    end if;
    insert into @.taken values (of, name, wide, at, greatest(more, 0));
    select count(*) into many from @.taken t where t.deployment = of and t.quota = name and t.width = wide;
    if many > 180 then
        delete from @.taken t
            where t.deployment = of and t.quota = name and t.width = wide and t.bucket < at - 120;
    elsif many = 1 then
        -- What has a new name had another before.
        perform @.forget(of, at * wide);
    end if;
end $body$;

-- Forget deployments but one that nobody has asked for since days, and what was taken of them. What is locked is asked
-- for, or forgotten by somebody else: who has a deployment waits for no other.
create function @.forget(but text, now bigint) returns void language plpgsql as $body$
declare
    day constant bigint := 86400000;
begin
    delete from @.taken t where t.ctid = any(array(
        select o.ctid from @.taken o where (o.bucket + 121) * o.width + day < now for update skip locked
    ));
    delete from @.deployments d where d.ctid = any(array(
        select o.ctid from @.deployments o
        where o.id <> but and o.running = 0 and greatest(o.latest, o.until) + 2 * day < now
        for update skip locked
    ));
end $body$;

-- Milliseconds until a quota, which is [name, width, limit, amount], has room; 0 where it has.
create function @.filled(of text, asked jsonb, now bigint) returns bigint language plpgsql as $body$
declare
    wide bigint := asked->1;
    at bigint := now / wide;
    spare bigint := (asked->>2)::bigint - (asked->>3)::bigint;
    used bigint;
    latest bigint;
    line record;
begin
    if spare < 0 then
        return 9007199254740991;
    end if;
    select coalesce(sum(t.amount), 0), max(t.bucket) into used, latest from @.taken t
        where t.deployment = of and t.quota = asked->>0 and t.width = wide and t.bucket >= at - 60;
    if latest > at + 60 then
        perform @.gather(of, asked->>0, wide, at);
    end if;
    if used <= spare then
        return 0;
    end if;
    for line in
        select t.bucket, t.amount from @.taken t
        where t.deployment = of and t.quota = asked->>0 and t.width = wide and t.bucket >= at - 60
        order by t.bucket
    loop
        used := used - line.amount;
        exit when used <= spare;
    end loop;
    return (line.bucket + 61) * wide - now;
end $body$;

-- Move what is more than sixty buckets after this one into this one.
create function @.gather(of text, name text, wide bigint, at bigint) returns void language plpgsql as $body$
declare
    far bigint;
begin
    with moved as (
        delete from @.taken t
        where t.deployment = of and t.quota = name and t.width = wide and t.bucket > at + 60
        returning t.amount
    )
    select sum(amount) into far from moved;
    perform @.take(of, name, wide, at, far);
end $body$;

-- Let a ticket in at a candidate, which is [deployment, quotas, parallel], or say how long it has to wait. Null is until
-- another has left, and -1 that this ticket has just come in, or may not.
create function @.enter(ask jsonb, candidate jsonb, out wait bigint, out now bigint, out probe boolean)
language plpgsql as $body$
declare
    of text := candidate->>0;
    state @.deployments := @.deployment(of, ask);
    many integer := jsonb_array_length(candidate->1) - 1;
    quota jsonb;
    lines jsonb := '[]';
begin
    now := @.now(ask);
    probe := state.strikes > 0;
    wait := greatest(state.until - now, 0);
    if wait > 0 then
        return;
    end if;
    if (probe and state.probing) or state.running >= (candidate->>2)::bigint then
        wait := null;
        return;
    end if;
    for n in 0 .. many loop
        quota := candidate->1->n;
        wait := greatest(wait, @.filled(of, quota, now));
        lines := lines || jsonb_build_array(
            jsonb_build_array(quota->0, quota->1, now / (quota->>1)::bigint, quota->3)
        );
    end loop;
    if wait > 0 then
        return;
    end if;
    insert into @.tickets values (ask->>'ticket', of, now, now + (ask->>'lease')::bigint, probe, lines)
        on conflict do nothing;
    if not found then
        wait := -1;
        return;
    end if;
    for n in 0 .. many loop
        quota := lines->n;
        if (quota->>3)::bigint > 0 then
            perform @.take(of, quota->>0, (quota->>1)::bigint, (quota->>2)::bigint, (quota->>3)::bigint);
        end if;
    end loop;
    update @.deployments d set
        running = d.running + 1, probing = d.probing or probe, latest = greatest(d.latest, now)
        where d.id = of;
end $body$;

-- The answer to a ticket that is in already, or may not come in; null where there is none.
create function @.entered(ask jsonb) returns text language plpgsql as $body$
declare
    ticket @.tickets;
    candidates jsonb := ask->'candidates';
    waits json;
begin
    select * into ticket from @.tickets t where t.id = ask->>'ticket';
    if not found then
        return null;
    end if;
    for n in 0 .. jsonb_array_length(candidates) - 1 loop
        if candidates->n->>0 = ticket.deployment then
            return json_build_array('admitted', @.now(ask), n, ticket.probe, true);
        end if;
    end loop;
    select coalesce(json_agg(null::text), '[]') into waits from jsonb_array_elements(candidates);
    return json_build_array('full', @.now(ask), waits);
end $body$;

-- How each of the procedures below begins, which commit as often as they have to let go of what they have locked.
create procedure @.begin_admission(ask jsonb) language plpgsql as $body$
declare
    now bigint := @.now(ask);
begin
    -- Who has waited for a lock must see what its holder did, which a snapshot from before does not show.
    if current_setting('transaction_isolation') <> 'read committed' then
        commit;
        set transaction isolation level read committed;
    end if;
    perform @.hastily(ask);
    if exists (select from @.tickets t where t.expires <= now) then
        perform @.drop_tickets(now);
        commit and chain;
        perform @.hastily(ask);
    end if;
end $body$;

create procedure @.admit(ask jsonb, inout answer text) language plpgsql as $body$
declare
    candidate jsonb;
    place integer := 0;
    came record;
    waits bigint[] := '{}';
    limited boolean := true;
begin
    call @.begin_admission(ask);
    answer := @.entered(ask);
    while answer is null and place < jsonb_array_length(ask->'candidates') loop
        candidate := ask->'candidates'->place;
        came := @.enter(ask, candidate);
        if came.wait = 0 then
            answer := json_build_array('admitted', came.now, place, came.probe, false);
            limited := jsonb_array_length(candidate->1) > 0 or candidate->>2 is not null;
        elsif came.wait = -1 then
            answer := @.entered(ask);
        else
            waits := array_append(waits, came.wait);
            place := place + 1;
            commit and chain;
            perform @.hastily(ask);
        end if;
    end loop;
    -- It may be full of this very ticket, which somebody has asked for at the same time.
    answer := coalesce(answer, @.entered(ask));
    if answer is null then
        answer := json_build_array('full', @.now(ask), array_to_json(waits));
        return;
    end if;
    commit;
    if limited then
        perform @.flush();
    end if;
end $body$;

create function @.do_leave(ask jsonb, out was_in boolean, out raised boolean) language plpgsql as $body$
declare
    now bigint;
    ticket @.tickets;
    state @.deployments;
    line jsonb;
    more bigint;
begin
    raised := false;
    was_in := false;
    select * into ticket from @.tickets t where t.id = ask->>'ticket';
    while not found loop
        now := @.now(ask);
        insert into @.tickets values (ask->>'ticket', '', now, now + 60000, false, '[]') on conflict do nothing;
        if found then
            return;
        end if;
        -- It has just come.
        select * into ticket from @.tickets t where t.id = ask->>'ticket';
    end loop;
    if ticket.deployment = '' then
        return;
    end if;
    state := @.deployment(ticket.deployment, ask);
    now := @.now(ask);
    delete from @.tickets t where t.id = ask->>'ticket' and t.deployment = state.id returning t.* into ticket;
    if not found then
        return;
    end if;
    was_in := true;
    for n in 0 .. jsonb_array_length(ask->'used') - 1 loop
        for m in 0 .. jsonb_array_length(ticket.lines) - 1 loop
            line := ticket.lines->m;
            if line->0 = ask->'used'->n->0 then
                more := (ask->'used'->n->>1)::bigint - (line->>3)::bigint;
                if more <> 0 and (line->>2)::bigint >= now / (line->>1)::bigint - 60 then
                    perform @.take(state.id, line->>0, (line->>1)::bigint, (line->>2)::bigint, more);
                    raised := raised or more > 0;
                end if;
            end if;
        end loop;
    end loop;
    if (ask->>'worked')::boolean and state.until > 0 and ticket.since > state.since then
        perform @.cool_down(@.well(state));
    end if;
    update @.deployments d set running = d.running - 1, probing = d.probing and not ticket.probe
        where d.id = state.id;
end $body$;

create procedure @.leave(ask jsonb, inout answer text) language plpgsql as $body$
declare
    came record;
begin
    call @.begin_admission(ask);
    came := @.do_leave(ask);
    answer := to_json(came.was_in);
    commit;
    -- What was used beyond what was taken is limited, too.
    if came.raised then
        perform @.flush();
    end if;
end $body$;

create procedure @.cool(ask jsonb, inout answer text) language plpgsql as $body$
declare
    state @.deployments;
    now bigint;
begin
    call @.begin_admission(ask);
    state := @.deployment(ask->>'deployment', ask);
    now := @.now(ask);
    if (ask->>'lease')::bigint = 0 and (ask->>'strikes')::bigint = 0 then
        state := @.well(state);
    else
        state.strikes := greatest(state.strikes, (ask->>'strikes')::bigint);
        if state.until <= now + (ask->>'lease')::bigint then
            state.since := now;
            state.until := now + (ask->>'lease')::bigint;
            state.reason := ask->>'reason';
        end if;
    end if;
    perform @.cool_down(state);
    answer := @.health(state, '[]');
    commit;
    perform @.flush();
end $body$;

-- [deployment, until, strikes, reason, probing, running, used].
create function @.health(state @.deployments, used json) returns json language sql immutable as $body$
    select json_build_array(
        state.id, state.until, state.strikes, state.reason, state.probing, state.running, used
    )
$body$;

create function @.used(of text, quotas jsonb, now bigint) returns json language plpgsql as $body$
begin
    return (
        select coalesce(json_agg((
            select coalesce(sum(t.amount), 0) from @.taken t
            where t.deployment = of and t.quota = q->>0 and t.width = (q->1)::bigint
                and t.bucket >= now / (q->1)::bigint - 60
        ) order by n), '[]')
        from jsonb_array_elements(quotas) with ordinality a(q, n)
    );
end $body$;

create procedure @.look(ask jsonb, inout answer text) language plpgsql as $body$
declare
    names text[] := array(select jsonb_array_elements_text(ask->'deployments'));
    now bigint;
begin
    call @.begin_admission(ask);
    now := @.now(ask);
    -- Nobody is waited for, but where a clock seems to have jumped back.
    if exists (select from @.deployments d where d.id = any(names) and d.latest > now) then
        perform @.deployment(d.id, ask) from (
            select id from @.deployments where id = any(names) and latest > now order by id
        ) d;
        commit and chain;
    end if;
    answer := (
        select json_build_array(now, coalesce(json_agg(
            @.health(
                @.current(coalesce(d, row(name, 0, false, 0, 0, 0, 0, '')::@.deployments), now),
                @.used(name, ask->'quotas', now)
            ) order by n), '[]'))
        from unnest(names) with ordinality a(name, n)
        left join @.deployments d on d.id = name
    );
end $body$;

insert into @.versions values (2);
