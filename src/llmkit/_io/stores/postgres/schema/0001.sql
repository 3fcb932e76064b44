-- Version 1 of the ledger's schema. What the functions mean is said, and done once in Python, in _control/accounts.py.
--
-- "@." stands for the schema's name and "@seed" for a number made of it. Amounts go in and out as texts of decimal
-- numbers and are numeric within: nothing is rounded. Texts compare by their bytes, whatever the database's language.
--
-- Who changes an account has locked it, by an advisory lock that ends with the transaction; the rows of its buckets
-- alone would not do, since at the edge of two buckets two transactions add to different rows and must still see each
-- other's sum. Locks are taken in this order, and so cannot meet crosswise: holds (never waited for by who sweeps),
-- the ledger (shared), accounts and ids by the number that they are hashed to, usage by its key.

create table @.versions (
    version integer primary key,
    applied timestamptz not null default now()
);

create table @.counters (
    account text collate "C" not null,
    bucket bigint not null,
    spent numeric not null,
    held numeric not null,
    primary key (account, bucket)
) with (fillfactor = 20); -- room for new versions of a row that is written a thousand times a second

create table @.holds (
    id text collate "C" primary key,
    expires bigint not null,
    expired boolean not null default false,
    usd numeric not null,
    keys bigint[] not null, -- what is locked to change its accounts, in order
    lines jsonb not null, -- [account, bucket, width, amount, keep] each
    whose jsonb not null  -- [scopes, provider, model, call]
);
create index holds_overdue on @.holds (expires, id) where not expired;

create table @.entries (
    number bigint generated always as identity primary key,
    id text collate "C" not null unique,
    kind text not null,
    at bigint not null,
    hold text collate "C" not null,
    flag text not null,
    usd numeric not null,
    lines jsonb not null, -- [account, bucket, amount] each
    whose jsonb not null
);

create table @.usage (
    scope text collate "C" not null,
    day bigint not null,
    provider text collate "C" not null,
    model text collate "C" not null,
    calls bigint not null,
    prompt_tokens bigint not null,
    completion_tokens bigint not null,
    usd numeric not null,
    primary key (scope, day, provider, model)
) with (fillfactor = 50);

create table @.rules (
    scope text collate "C" primary key,
    version bigint not null,
    body text,
    once text -- who wrote it, so that a repetition is told from another
);

create table @.settlements (
    number bigint generated always as identity primary key,
    call text collate "C" not null unique,
    body text not null,
    once text
);

-- Milliseconds of Unix time; a test may say what it is.
create function @.now(ask jsonb) returns bigint language sql volatile as $body$
    select coalesce((ask->>'now')::bigint, floor(extract(epoch from clock_timestamp()) * 1000)::bigint)
$body$;

-- The bucket of a time; null outside of the periods given. A window is [width, starts].
create function @.bucket(frame jsonb, at bigint) returns bigint language plpgsql immutable as $body$
declare
    width bigint := frame->>0;
    latest bigint;
begin
    if width > 0 then
        return (at - ((at % width) + width) % width) / width;
    end if;
    if at < (frame->1->>0)::bigint or at >= (frame->1->>-1)::bigint then
        return null;
    end if;
    if jsonb_array_length(frame->1) = 2 then
        return frame->1->>0;
    end if;
    select max(start::bigint) into latest
        from jsonb_array_elements_text(frame->1) start where start::bigint <= at;
    return latest;
end $body$;

create function @.first_counted(bucket bigint, width bigint) returns bigint language sql immutable as $body$
    select case when width > 0 then bucket - 60 else bucket end
$body$;

-- The numbers that accounts and ids are locked by, in the one order in which everybody takes them.
create function @.keys(names text[]) returns bigint[] language plpgsql immutable as $body$
begin
    return array(select distinct hashtextextended(name, @seed) from unnest(names) name order by 1);
end $body$;

-- Locked until the transaction's end.
create function @.lock(keys bigint[]) returns void language plpgsql as $body$
declare
    key bigint;
begin
    foreach key in array keys loop
        -- An expression, not a statement: it needs no plan to be started.
        continue when pg_advisory_xact_lock(key) is null;
    end loop;
end $body$;

-- Who enters has this lock shared, and who reads has it alone for a moment: then every number given is committed.
create function @.lock_ledger() returns void language sql as $body$
    select pg_advisory_xact_lock_shared(@seed)
$body$;

create function @.accounts(lines jsonb) returns text[] language sql immutable as $body$
    select array_agg(line->>0) from jsonb_array_elements(lines) line
$body$;

-- Add to a counter that is there; whether it was.
create function @.count(of text, at bigint, more_spent numeric, more_held numeric)
returns boolean language plpgsql as $body$
begin
    update @.counters c set spent = c.spent + more_spent, held = c.held + more_held
        where c.account = of and c.bucket = at;
    return found;
end $body$;

-- Add to a counter, which is made where there is none; its bucket. Old ones are forgotten when a new one begins, and
-- none of those is made again: what comes that late counts in the oldest bucket that there may be.
create function @.place(of text, width bigint, at bigint, more_spent numeric, more_held numeric)
returns bigint language plpgsql as $body$
declare
    place bigint := at;
    newest bigint;
begin
    if @.count(of, at, more_spent, more_held) then
        return at;
    end if;
    if width > 0 then
        select max(c.bucket) into newest from @.counters c where c.account = of;
        if at < newest - 120 then
            place := newest - 120;
            if @.count(of, place, more_spent, more_held) then
                return place;
            end if;
        elsif newest is not null then
            delete from @.counters c where c.account = of and c.bucket < at - 120 and c.held = 0;
        end if;
    end if;
    insert into @.counters values (of, place, more_spent, more_held);
    return place;
end $body$;

-- What was held becomes spent. Where nothing was held, the counter may have been forgotten since.
create function @.spend(of text, at bigint, amount numeric, released numeric)
returns numeric language plpgsql as $body$
begin
    if not @.count(of, at, amount, -released) and released <> 0 then
        insert into @.counters values (of, at, amount, -released);
    end if;
    return amount;
end $body$;

-- What was spent when it expired is corrected. No more is taken back than is there: a reset may have come between.
create function @.correct(of text, at bigint, amount numeric, expired numeric)
returns numeric language plpgsql as $body$
declare
    delta numeric := amount - expired;
    there numeric;
begin
    select c.spent into there from @.counters c where c.account = of and c.bucket = at;
    if found then
        if delta < 0 then
            delta := greatest(delta, least(0, -there));
        end if;
        perform @.count(of, at, delta, 0);
    end if;
    return delta;
end $body$;

-- [account, spent, held, delta] of an account in the window that counts now.
create function @.standing(of text, width bigint, at bigint, delta numeric, now bigint)
returns json language plpgsql as $body$
declare
    spent numeric;
    held numeric;
    first bigint := at;
begin
    if width > 0 then
        first := @.bucket(jsonb_build_array(width), now) - 60;
    end if;
    select coalesce(sum(c.spent), 0), coalesce(sum(c.held), 0) into spent, held
        from @.counters c where c.account = of and c.bucket >= first;
    return json_build_array(of, spent::text, held::text, delta::text);
end $body$;

-- Each use is [day, whose, calls, prompt tokens, completion tokens, usd].
create function @.use(uses jsonb) returns void language plpgsql as $body$
begin
    insert into @.usage as u
        select scope, (use->>0)::bigint, use->1->>1, use->1->>2,
            sum((use->>2)::bigint), sum((use->>3)::bigint), sum((use->>4)::bigint), sum((use->>5)::numeric)
        from jsonb_array_elements(uses) use, jsonb_array_elements_text(use->1->0) scope
        group by 1, 2, 3, 4
        order by 1, 2, 3, 4
    on conflict (scope, day, provider, model) do update set
        calls = u.calls + excluded.calls,
        prompt_tokens = u.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = u.completion_tokens + excluded.completion_tokens,
        usd = u.usd + excluded.usd;
end $body$;

create function @.day(at bigint) returns bigint language sql immutable as $body$
    select floor(at::numeric / 86400000)::bigint
$body$;

-- Holds whose lease is over, the oldest first. Somebody is settling those that are locked.
create function @.overdue(at bigint, many bigint) returns text[] language plpgsql as $body$
declare
    ids text[];
begin
    select array_agg(h.id) into ids from (
        select id from @.holds where not expired and expires <= at
        order by expires, id limit many for update skip locked
    ) h;
    return ids;
end $body$;

create function @.keys_of(ids text[]) returns bigint[] language plpgsql as $body$
begin
    return array(
        select distinct key from @.holds h, unnest(h.keys) key where h.id = any(ids) order by 1
    );
end $body$;

-- What these hold becomes spend. Their rows and accounts, and the ledger, are locked.
create function @.expire(ids text[], now bigint) returns void language plpgsql as $body$
declare
    hold record;
    line jsonb;
    uses jsonb := '[]';
begin
    for hold in
        select h.* from unnest(ids) with ordinality i(id, n) join @.holds h on h.id = i.id order by n
    loop
        for line in select value from jsonb_array_elements(hold.lines) loop
            perform @.spend(
                line->>0, (line->>1)::bigint,
                case when (line->>4)::boolean then (line->>3)::numeric else 0 end, (line->>3)::numeric
            );
        end loop;
        insert into @.entries (id, kind, at, hold, flag, usd, lines, whose) select
            hold.id || '/expired', 'expire', now, hold.id, 'expired', hold.usd,
            coalesce(jsonb_agg(jsonb_build_array(l->>0, l->1, l->>3)), '[]'), hold.whose
            from jsonb_array_elements(hold.lines) l where (l->>4)::boolean and (l->>3)::numeric <> 0;
        uses := uses || jsonb_build_array(
            jsonb_build_array(@.day(now), hold.whose, 1, 0, 0, hold.usd::text)
        );
    end loop;
    update @.holds set expired = true where id = any(ids);
    perform @.use(uses);
end $body$;

-- The rules of the scopes whose version is not the one that was seen: [scope, version, body] each; null for none.
create function @.stale(seen jsonb) returns json language plpgsql stable as $body$
declare
    newer json;
begin
    if jsonb_array_length(seen) > 0 then
        select json_agg(json_build_array(s->>0, coalesce(r.version, 0), r.body) order by n) into newer
            from jsonb_array_elements(seen) with ordinality e(s, n)
            left join @.rules r on r.scope = s->>0
            where coalesce(r.version, 0) <> (s->>1)::bigint;
    end if;
    return newer;
end $body$;

-- The limit that holds now. A claim is [account, window, amount, limit, extra, extra_until, rollover, keep].
create function @.limit_now(claim jsonb, at bigint, now bigint) returns numeric language plpgsql stable as $body$
declare
    most numeric := claim->>3;
    spare numeric;
begin
    if most is null then
        return 'Infinity';
    end if;
    if claim->>6 is not null and (claim->1->>0)::bigint = 0 then
        select (claim->>3)::numeric - c.spent - c.held into spare from @.counters c
            where c.account = claim->>0 and c.bucket = (
                select max(start::bigint) from jsonb_array_elements_text(claim->1->1) start
                where start::bigint < at
            );
        if spare > 0 then
            most := most + least((claim->>6)::numeric, spare);
        end if;
    end if;
    if now < (claim->>5)::bigint then
        most := most + (claim->>4)::numeric;
    end if;
    return most;
end $body$;

-- [account, limit, used, spent, amount, buckets], as a refusal and a balance have it.
create function @.asked(claim jsonb, at bigint, most numeric, spent numeric, held numeric)
returns json language plpgsql stable as $body$
declare
    buckets json;
begin
    if (claim->1->>0)::bigint > 0 then
        select json_agg(json_build_array(c.bucket, (c.spent + c.held)::text) order by c.bucket) into buckets
            from @.counters c
            where c.account = claim->>0 and c.bucket >= at - 60 and c.spent + c.held <> 0;
    end if;
    return json_build_array(
        claim->>0, most::text, (spent + held)::text, spent::text, claim->>2, coalesce(buckets, '[]')
    );
end $body$;

create function @.do_reserve(ask jsonb) returns text language plpgsql as $body$
declare
    ids text[] := @.overdue(@.now(ask), 8);
    own bigint[];
    now bigint;
    hold record;
    claim jsonb;
    newer json;
    at bigint;
    width bigint;
    most numeric;
    spent numeric;
    held numeric;
    refusals json[] := '{}';
    lines jsonb := '[]';
begin
    -- The hold's own id too: a release that overtakes it waits for its end, or is seen by it.
    own := array(
        select distinct key from (
            select hashtextextended(c->>0, @seed) from jsonb_array_elements(ask->'claims') c
            union all select hashtextextended(ask->>'hold', @seed)
        ) k(key) order by 1
    );
    if ids is null then
        perform @.lock(own);
    else
        perform @.lock_ledger();
        perform @.lock(array(select distinct key from unnest(own || @.keys_of(ids)) key order by 1));
    end if;
    now := @.now(ask);
    if ids is not null then
        perform @.expire(ids, now);
    end if;
    select * into hold from @.holds h where h.id = ask->>'hold';
    if found and not hold.expired then
        return json_build_array('reserved', now, hold.expires, hold.lines, true);
    end if;
    if found or exists (select from @.entries e where e.id = ask->>'hold') then
        return json_build_array('gone', now);
    end if;
    newer := @.stale(ask->'seen');
    if newer is not null then
        return json_build_array('stale', now, newer);
    end if;
    for n in 0 .. jsonb_array_length(ask->'claims') - 1 loop
        claim := ask->'claims'->n;
        at := @.bucket(claim->1, now);
        if at is null then
            return json_build_array('untimely', now);
        end if;
        width := claim->1->>0;
        most := @.limit_now(claim, at, now);
        select coalesce(sum(c.spent), 0), coalesce(sum(c.held), 0) into spent, held from @.counters c
            where c.account = claim->>0 and c.bucket >= @.first_counted(at, width);
        if spent + held + (claim->>2)::numeric > most then
            refusals := array_append(refusals, @.asked(claim, at, most, spent, held));
        end if;
        lines := lines || jsonb_build_array(
            jsonb_build_array(claim->>0, at, width, claim->>2, (claim->>7)::boolean)
        );
    end loop;
    if cardinality(refusals) > 0 then
        return json_build_array('refused', now, refusals);
    end if;
    return @.held(ask, now, own, lines);
end $body$;

create function @.held(ask jsonb, now bigint, own bigint[], lines jsonb) returns text language plpgsql as $body$
declare
    line jsonb;
    at bigint;
    kept jsonb := '[]';
    expires bigint := now + (ask->>'lease')::bigint;
begin
    for n in 0 .. jsonb_array_length(lines) - 1 loop
        line := lines->n;
        at := @.place(line->>0, (line->>2)::bigint, (line->>1)::bigint, 0, (line->>3)::numeric);
        kept := kept || jsonb_build_array(jsonb_set(line, '{1}', to_jsonb(at)));
    end loop;
    insert into @.holds (id, expires, usd, keys, lines, whose)
        values (ask->>'hold', expires, (ask->>'usd')::numeric, own, kept, ask->'whose');
    return json_build_array('reserved', now, expires, kept, false);
end $body$;

-- There is no such hold, or no more. A release sees to it that there never will be: it has overtaken its Reserve.
create function @.ended_before(ask jsonb) returns text language plpgsql as $body$
declare
    now bigint := @.now(ask);
begin
    if exists (select from @.entries e where e.id = ask->>'hold') then
        return json_build_array('again', now, '[]'::json);
    end if;
    if ask->>'kind' = 'release' then
        perform @.lock_ledger();
        insert into @.entries (id, kind, at, hold, flag, usd, lines, whose) values (
            ask->>'hold', 'release', now, ask->>'hold', ask->>'flag', 0, '[]', '[[], "", "", ""]'
        );
    end if;
    return json_build_array('missing', now, '[]'::json);
end $body$;

create function @.do_settle_hold(ask jsonb) returns text language plpgsql as $body$
declare
    now bigint;
    hold record;
    line jsonb;
    held numeric;
    delta numeric;
    entered jsonb := '[]';
    standings json[] := '{}';
    bill numeric;
    calls integer := case when ask->>'kind' = 'release' then 0 else 1 end;
begin
    select * into hold from @.holds h where h.id = ask->>'hold' for update;
    if not found and ask->>'kind' = 'release' then
        -- Its Reserve may be on its way: who of the two comes second must see the first.
        perform @.lock(@.keys(array[ask->>'hold']));
        select * into hold from @.holds h where h.id = ask->>'hold' for update;
    end if;
    if hold.id is null then
        return @.ended_before(ask);
    end if;
    if jsonb_typeof(ask->'amounts') = 'array'
        and jsonb_array_length(ask->'amounts') <> jsonb_array_length(hold.lines) then
        raise 'a hold of % accounts got % amounts',
            jsonb_array_length(hold.lines), jsonb_array_length(ask->'amounts');
    end if;
    perform @.lock_ledger();
    perform @.lock(hold.keys);
    now := @.now(ask);
    bill := coalesce((ask->>'usd')::numeric, hold.usd);
    for n in 0 .. jsonb_array_length(hold.lines) - 1 loop
        line := hold.lines->n;
        held := line->>3;
        if not (line->>4)::boolean then
            delta := 0;
            if not hold.expired then
                perform @.spend(line->>0, (line->>1)::bigint, 0, held);
            end if;
        else
            delta := coalesce((ask->'amounts'->>n)::numeric, held);
            if hold.expired then
                delta := @.correct(line->>0, (line->>1)::bigint, delta, held);
            else
                perform @.spend(line->>0, (line->>1)::bigint, delta, held);
            end if;
        end if;
        -- No other line of this hold is of the same account.
        standings := array_append(
            standings, @.standing(line->>0, (line->>2)::bigint, (line->>1)::bigint, delta, now)
        );
        if delta <> 0 then
            entered := entered || jsonb_build_array(jsonb_build_array(line->>0, line->1, delta::text));
        end if;
    end loop;
    if hold.expired then
        bill := bill - hold.usd;
        calls := calls - 1;
    end if;
    insert into @.entries (id, kind, at, hold, flag, usd, lines, whose) values (
        hold.id, case when hold.expired then 'correct' else ask->>'kind' end,
        now, hold.id, ask->>'flag', bill, entered, hold.whose
    );
    perform @.use(jsonb_build_array(jsonb_build_array(
        @.day(now), hold.whose, calls, ask->'prompt_tokens', ask->'completion_tokens', bill::text
    )));
    delete from @.holds h where h.id = hold.id;
    return json_build_array(
        case when hold.expired then 'corrected' else 'settled' end, now, array_to_json(standings)
    );
end $body$;

create function @.do_sweep(ask jsonb, many bigint) returns bigint language plpgsql as $body$
declare
    ids text[] := @.overdue(@.now(ask), many);
begin
    if ids is null then
        return 0;
    end if;
    perform @.lock_ledger();
    perform @.lock(@.keys_of(ids));
    perform @.expire(ids, @.now(ask));
    return cardinality(ids);
end $body$;

-- Add to counters, one after the other: [account, width, bucket, amount] each. The answer is how each stands then, and
-- the lines of the entry.
create function @.add(added jsonb, now bigint, out standings json[], out entered jsonb) language plpgsql as $body$
declare
    line jsonb;
    at bigint;
begin
    standings := '{}';
    entered := '[]';
    for line in select value from jsonb_array_elements(added) loop
        at := @.place(line->>0, (line->>1)::bigint, (line->>2)::bigint, (line->>3)::numeric, 0);
        standings := array_append(
            standings, @.standing(line->>0, (line->>1)::bigint, at, (line->>3)::numeric, now)
        );
        if (line->>3)::numeric <> 0 then
            entered := entered || jsonb_build_array(jsonb_build_array(line->>0, at, line->>3));
        end if;
    end loop;
end $body$;

-- Whether the ledger has no such entry. What is to be a hold's own may be nobody else's.
create function @.is_new(entry text) returns boolean language plpgsql as $body$
begin
    if exists (select from @.holds h where h.id = entry) then
        raise 'an entry may not have the id of a hold: %', entry;
    end if;
    return not exists (select from @.entries e where e.id = entry);
end $body$;

create function @.do_post(ask jsonb) returns text language plpgsql as $body$
declare
    now bigint;
    at bigint;
    counted bigint;
    charge jsonb;
    added jsonb := '[]';
    sums record;
begin
    perform @.lock_ledger();
    perform @.lock(@.keys(array[ask->>'entry'] || @.accounts(ask->'charges')));
    now := @.now(ask);
    if not @.is_new(ask->>'entry') then
        return json_build_array('again', now, '[]'::json);
    end if;
    at := coalesce((ask->>'at')::bigint, now);
    for charge in select value from jsonb_array_elements(ask->'charges') loop
        counted := @.bucket(charge->1, at);
        if counted is null then
            return json_build_array('untimely', now);
        end if;
        added := added || jsonb_build_array(jsonb_build_array(charge->>0, charge->1->0, counted, charge->>2));
    end loop;
    sums := @.add(added, now);
    insert into @.entries (id, kind, at, hold, flag, usd, lines, whose) values (
        ask->>'entry', 'spend', now, '', ask->>'flag', (ask->>'usd')::numeric, sums.entered, ask->'whose'
    );
    perform @.use(jsonb_build_array(jsonb_build_array(
        @.day(at), ask->'whose', ask->'calls', ask->'prompt_tokens', ask->'completion_tokens', ask->>'usd'
    )));
    return json_build_array('posted', now, array_to_json(sums.standings));
end $body$;

create function @.do_reset(ask jsonb) returns text language plpgsql as $body$
declare
    now bigint;
    at bigint;
    wanted jsonb;
    added jsonb := '[]';
    sums record;
begin
    perform @.lock_ledger();
    perform @.lock(@.keys(array[ask->>'entry'] || @.accounts(ask->'accounts')));
    now := @.now(ask);
    if not @.is_new(ask->>'entry') then
        return json_build_array('again', now, '[]'::json);
    end if;
    for wanted in select value from jsonb_array_elements(ask->'accounts') loop
        at := @.bucket(wanted->1, now);
        if at is null then
            return json_build_array('untimely', now);
        end if;
        added := added || (
            select coalesce(jsonb_agg(jsonb_build_array(
                c.account, wanted->1->0, c.bucket, (-c.spent)::text) order by c.bucket), '[]')
            from @.counters c
            where c.account = wanted->>0 and c.spent <> 0
                and c.bucket >= @.first_counted(at, (wanted->1->>0)::bigint)
        );
    end loop;
    sums := @.add(added, now);
    insert into @.entries (id, kind, at, hold, flag, usd, lines, whose) values (
        ask->>'entry', 'reset', now, '', '', 0, sums.entered, '[[], "", "", ""]'
    );
    return json_build_array('posted', now, array_to_json(sums.standings));
end $body$;

create function @.do_write_rule(ask jsonb) returns text language plpgsql as $body$
declare
    standing record;
    following bigint;
begin
    perform @.lock(@.keys(array['rule ' || (ask->>'scope')]));
    select * into standing from @.rules r where r.scope = ask->>'scope';
    following := coalesce(standing.version, 0) + 1;
    if standing.once = ask->>'once' then
        return json_build_array(true, json_build_array(ask->>'scope', standing.version, standing.body));
    end if;
    if (ask->>'expected')::bigint <> following - 1 then
        return json_build_array(false, json_build_array(ask->>'scope', following - 1, standing.body));
    end if;
    insert into @.rules values (ask->>'scope', following, ask->>'body', ask->>'once')
        on conflict (scope) do update set version = excluded.version, body = excluded.body, once = excluded.once;
    return json_build_array(true, json_build_array(ask->>'scope', following, ask->>'body'));
end $body$;

create function @.do_settle(ask jsonb) returns text language plpgsql as $body$
begin
    insert into @.settlements (call, body, once) values (ask->>'call', ask->>'body', ask->>'once')
        on conflict do nothing;
    return to_json(found or exists (
        select from @.settlements s where s.call = ask->>'call' and s.once = ask->>'once'
    ));
end $body$;

create function @.balances(ask jsonb) returns text language plpgsql stable as $body$
declare
    now bigint := @.now(ask);
    newer json := @.stale(ask->'seen');
    claim jsonb;
    at bigint;
    spent numeric;
    held numeric;
    lines json[] := '{}';
begin
    if newer is not null then
        return json_build_array('stale', now, newer);
    end if;
    for claim in select value from jsonb_array_elements(ask->'claims') loop
        at := @.bucket(claim->1, now);
        if at is null then
            return json_build_array('untimely', now);
        end if;
        select coalesce(sum(c.spent), 0), coalesce(sum(c.held), 0) into spent, held from @.counters c
            where c.account = claim->>0 and c.bucket >= @.first_counted(at, (claim->1->>0)::bigint);
        lines := array_append(lines, @.asked(claim, at, @.limit_now(claim, at, now), spent, held));
    end loop;
    return json_build_array('balance', now, array_to_json(lines));
end $body$;

create function @.read_usage(ask jsonb) returns text language plpgsql stable as $body$
begin
    return (
        select coalesce(json_agg(json_build_array(
            u.day, u.scope, u.provider, u.model, u.calls, u.prompt_tokens, u.completion_tokens, u.usd::text)
            order by u.day, u.scope, u.provider, u.model), '[]')
        from @.usage u
        where u.day between (ask->>'since')::bigint and (ask->>'until')::bigint
            and (ask->>'scopes' is null or u.scope in (select jsonb_array_elements_text(ask->'scopes')))
    );
end $body$;

create function @.read_rules(ask jsonb) returns text language plpgsql stable as $body$
begin
    if ask->>'scopes' is null then
        return (
            select coalesce(json_agg(json_build_array(r.scope, r.version, r.body) order by r.scope), '[]')
            from @.rules r
        );
    end if;
    return (
        select coalesce(json_agg(json_build_array(wanted, coalesce(r.version, 0), r.body) order by n), '[]')
        from jsonb_array_elements_text(ask->'scopes') with ordinality w(wanted, n)
        left join @.rules r on r.scope = wanted
    );
end $body$;

create function @.do_read_entries(ask jsonb) returns text language plpgsql as $body$
begin
    perform pg_advisory_xact_lock(@seed);
    return (
        select coalesce(json_agg(json_build_array(
            e.number, e.id, e.kind, e.at, e.hold, e.flag, e.usd::text, e.lines, e.whose) order by e.number), '[]')
        from (
            select * from @.entries where number > (ask->>'after')::bigint
            order by number limit (ask->>'limit')::bigint
        ) e
    );
end $body$;

create function @.settlements(ask jsonb) returns text language plpgsql stable as $body$
begin
    return (
        select coalesce(json_agg(s.body order by s.number), '[]')
        from (select * from @.settlements order by number desc limit (ask->>'limit')::bigint) s
    );
end $body$;

create function @.audit(ask jsonb) returns text language plpgsql stable as $body$
begin
    return (
        with entered as (
            select line->>0 as account, (line->>1)::bigint as bucket, sum((line->>2)::numeric) as spent
            from @.entries e, jsonb_array_elements(e.lines) line group by 1, 2
        ), holding as (
            select line->>0 as account, (line->>1)::bigint as bucket, sum((line->>3)::numeric) as held
            from @.holds h, jsonb_array_elements(h.lines) line where not h.expired group by 1, 2
        ), billed as (
            select scope, sum(e.usd) as usd
            from @.entries e, jsonb_array_elements_text(e.whose->0) scope group by 1
        ), used as (
            select scope, sum(usd) as usd from @.usage group by 1
        ), differences as (
            select 1 as part, 'spent' as what, c.account || ' @' || c.bucket as key,
                coalesce(e.spent, 0) as expected, c.spent as found
            from @.counters c left join entered e on e.account = c.account and e.bucket = c.bucket
            union all
            select 2, 'held', coalesce(c.account, h.account) || ' @' || coalesce(c.bucket, h.bucket),
                coalesce(h.held, 0), coalesce(c.held, 0)
            from @.counters c full join holding h on h.account = c.account and h.bucket = c.bucket
            union all
            select 3, 'usage', coalesce(b.scope, u.scope), coalesce(b.usd, 0), coalesce(u.usd, 0)
            from billed b full join used u on u.scope = b.scope
        )
        select json_build_array(
            @.now(ask),
            (select count(*) from @.entries),
            (select count(*) from @.holds where not expired),
            (select count(*) from @.holds where expired),
            (select coalesce(json_agg(json_build_array(d.what, d.key, d.expected::text, d.found::text)
                order by d.part, d.key collate "C"), '[]') from differences d where d.expected <> d.found)
        )
    );
end $body$;

-- What changes something is called by a procedure, which decides in a transaction of its own. That one commits without
-- waiting for the disk, so that its locks are gone at once and the next one can decide meanwhile; then a second one,
-- which changes nothing and locks nothing, waits until the log is flushed up to here, together with all who wait.
-- What is flushed never depends on what is lost, since the log is in order. Only then the caller has his answer.
do $do$
declare
    name text;
begin
    foreach name in array array[
        'reserve', 'settle_hold', 'post', 'reset', 'write_rule', 'settle', 'read_entries'
    ] loop
        execute format($make$
            create procedure @.%1$I(ask jsonb, inout answer text) language plpgsql as $body$
            begin
                -- Who has waited for a lock must see what its holder did, which a snapshot from before does not show.
                if current_setting('transaction_isolation') <> 'read committed' then
                    commit;
                    set transaction isolation level read committed;
                end if;
                perform set_config('synchronous_commit', 'off', true), set_config('lock_timeout', ask->>'wait', true);
                answer := @.%2$I(ask);
                commit;
                if %3$L or answer ~ '^\["(refused|stale|untimely|gone|missing)"' then
                    return;
                end if;
                if current_setting('synchronous_commit') = 'off' then
                    perform set_config('synchronous_commit', 'on', true);
                end if;
                perform pg_logical_emit_message(true, 'llmkit', '');
            end $body$
        $make$, name, 'do_' || name, name = 'read_entries');
    end loop;
end $do$;

-- A few holds in each transaction: every account among them is locked.
create procedure @.sweep(ask jsonb, inout answer text) language plpgsql as $body$
declare
    swept bigint := 0;
    more bigint;
    many bigint := ask->>'limit';
begin
    loop
        commit;
        set transaction isolation level read committed;
        perform set_config('synchronous_commit', 'off', true), set_config('lock_timeout', ask->>'wait', true);
        more := @.do_sweep(ask, least(50, many - swept));
        swept := swept + more;
        exit when more = 0 or swept >= many;
    end loop;
    commit;
    if swept > 0 then
        if current_setting('synchronous_commit') = 'off' then
            perform set_config('synchronous_commit', 'on', true);
        end if;
        perform pg_logical_emit_message(true, 'llmkit', '');
    end if;
    answer := swept;
end $body$;

insert into @.versions values (1);
