-- The queries of the publisher (services.outbox). Of one key only the first event that waits is taken, so that none
-- overtakes another on its way to the broker.

-- claim: Take what is due and put it out of sight for the length of the lease
WITH due AS (
    SELECT id, due_at
    FROM events
    WHERE state = 'waiting'
        AND due_at <= now()
        AND NOT EXISTS (
            SELECT FROM events AS earlier
            WHERE earlier.state = 'waiting'
                AND earlier.topic = events.topic
                AND earlier.key = events.key
                AND earlier.id < events.id
        )
    ORDER BY due_at, id
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
)
UPDATE events
SET attempts = events.attempts + 1, lease = %(lease)s, due_at = now() + make_interval(secs => %(lease_seconds)s)
FROM due
WHERE events.id = due.id
RETURNING
    events.id, events.event_id, events.topic, events.type, events.version, events.key AS ordered_by, events.payload,
    events.correlation_id, events.occurred_at, events.attempts AS attempt,
    extract(epoch FROM clock_timestamp() - due.due_at)::float8 AS late;

-- next_due: Seconds until the next event is due that no other one holds back
SELECT extract(epoch FROM min(due_at) - now())::float8
FROM events
WHERE state = 'waiting'
    AND NOT EXISTS (
        SELECT FROM events AS earlier
        WHERE earlier.state = 'waiting'
            AND earlier.topic = events.topic
            AND earlier.key = events.key
            AND earlier.id < events.id
    );

-- settle: Write down what became of events, each while its claim stands; one that goes on waiting is published later
UPDATE events
SET
    state = verdict.state,
    due_at = CASE verdict.state WHEN 'waiting' THEN now() + make_interval(secs => verdict.after) ELSE events.due_at END,
    settled_at = CASE verdict.state WHEN 'waiting' THEN NULL ELSE now() END,
    last_error = verdict.reason,
    lease = NULL
FROM unnest(%(ids)s::bigint[], %(attempts)s::integer[], %(states)s::text[], %(afters)s::float8[], %(reasons)s::text[])
    AS verdict (id, attempt, state, after, reason)
WHERE events.id = verdict.id
    AND events.lease = %(lease)s
    AND events.attempts = verdict.attempt
    AND events.state = 'waiting';

-- release: Give back all claims of a publisher that stops
UPDATE events
SET due_at = now(), lease = NULL
WHERE lease = %(lease)s AND state = 'waiting';

-- gauge: What the metrics say of the events
SELECT
    (SELECT count(*) FROM events WHERE state = 'waiting') AS waiting,
    (SELECT count(*) FROM events WHERE state = 'dead') AS dead,
    coalesce((SELECT extract(epoch FROM now() - min(occurred_at)) FROM events WHERE state = 'waiting'), 0)::float8
        AS oldest;

-- list_letters: Dead letters, the youngest first
SELECT
    event_id::text AS id, type, version, correlation_id AS request, attempts, last_error AS reason,
    occurred_at AS created_at, settled_at AS dead_since
FROM events
WHERE state = 'dead'
ORDER BY settled_at DESC
LIMIT %(most)s;

-- show_letter: One event, dead or not, with all that is known of it
SELECT
    event_id::text AS id, topic, type, version, key, correlation_id AS request, state, attempts,
    last_error AS reason, occurred_at AS created_at, due_at, settled_at
FROM events
WHERE event_id = %(id)s::text::uuid;

-- redrive: Publish dead letters again: the named ones, or all. Attempts go on counting, for they fence the claims
UPDATE events
SET state = 'waiting', due_at = now(), settled_at = NULL, last_error = NULL, lease = NULL
WHERE state = 'dead' AND (%(all)s OR event_id::text = ANY (%(ids)s::text[]))
RETURNING event_id::text AS id;
