-- add_to_outbox: A message to be sent once this transaction is committed
INSERT INTO outbox (topic, payload, correlation_id, traceparent)
VALUES (%(topic)s, %(payload)s, %(correlation_id)s, %(traceparent)s);

-- announce_outbox: Wake the relay at commit
NOTIFY main_outbox;

-- claim: Take what is due and put it out of sight for the length of the lease
WITH due AS (
    SELECT id, due_at
    FROM outbox
    WHERE state = 'waiting' AND due_at <= now()
    ORDER BY due_at
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
)
UPDATE outbox
SET attempts = outbox.attempts + 1, lease = %(lease)s, due_at = now() + make_interval(secs => %(lease_seconds)s)
FROM due
WHERE outbox.id = due.id
RETURNING
    outbox.id, outbox.topic, outbox.payload, outbox.correlation_id, outbox.traceparent, outbox.attempts AS attempt,
    extract(epoch FROM clock_timestamp() - due.due_at)::float8 AS late;

-- next_due: Seconds until the next message is due
SELECT extract(epoch FROM min(due_at) - now())::float8
FROM outbox
WHERE state = 'waiting';

-- settle: Write down what became of messages, each while its claim stands; one that goes on waiting is sent again later.
-- Of those that were delivered the timeline keeps the call (step 2) and the answer to it (step 4)
WITH verdict AS (
    SELECT *
    FROM unnest(
        %(ids)s::bigint[], %(attempts)s::integer[], %(states)s::text[], %(afters)s::float8[], %(reasons)s::text[],
        %(took)s::float8[], %(waited)s::float8[]
    ) AS verdict (id, attempt, state, after, reason, took, waited)
), settled AS (
    UPDATE outbox
    SET
        state = verdict.state,
        due_at = CASE verdict.state
            WHEN 'waiting' THEN now() + make_interval(secs => verdict.after) ELSE outbox.due_at
        END,
        settled_at = CASE verdict.state WHEN 'waiting' THEN NULL ELSE now() END,
        last_error = verdict.reason,
        lease = NULL
    FROM verdict
    WHERE outbox.id = verdict.id
        AND outbox.lease = %(lease)s
        AND outbox.attempts = verdict.attempt
        AND outbox.state = 'waiting'
    RETURNING
        outbox.payload, verdict.state, verdict.attempt,
        now() - make_interval(secs => verdict.waited + verdict.took) AS sent_at,
        now() - make_interval(secs => verdict.waited) AS answered_at
)
INSERT INTO timeline (request_id, job, step, attempt, began_at, ended_at)
SELECT (payload ->> 'request')::bigint, (payload ->> 'job')::uuid, step, attempt, began_at, ended_at
FROM settled
CROSS JOIN LATERAL (VALUES (2, sent_at, answered_at), (4, answered_at, now())) AS steps (step, began_at, ended_at)
WHERE state = 'delivered' AND payload ->> 'request' IS NOT NULL AND payload ->> 'job' IS NOT NULL
ON CONFLICT DO NOTHING;

-- release: Give back all claims of a relay that stops
UPDATE outbox
SET due_at = now(), lease = NULL
WHERE lease = %(lease)s AND state = 'waiting';

-- list_letters: Dead letters, the youngest first
SELECT
    id::text AS id, payload ->> 'job' AS job, (payload ->> 'pk')::bigint AS stock_id,
    (payload ->> 'request')::bigint AS request_id, correlation_id AS request, attempts, last_error AS reason,
    created_at, settled_at AS dead_since
FROM outbox
WHERE state = 'dead'
ORDER BY settled_at DESC
LIMIT %(most)s;

-- show_letter: One message, dead or not, with all that is known of it
SELECT
    id::text AS id, payload ->> 'job' AS job, (payload ->> 'pk')::bigint AS stock_id,
    (payload ->> 'request')::bigint AS request_id, correlation_id AS request, topic, state, attempts,
    last_error AS reason, created_at, due_at, settled_at
FROM outbox
WHERE id = %(id)s::text::bigint;

-- redrive: Send dead letters again: the named ones, or all. Attempts go on counting, for they fence the claims
UPDATE outbox
SET state = 'waiting', due_at = now(), settled_at = NULL, last_error = NULL, lease = NULL
WHERE state = 'dead' AND (%(all)s OR id::text = ANY (%(ids)s::text[]))
RETURNING id::text;

-- gauge: What the metrics say of the outbox
SELECT
    (SELECT count(*) FROM outbox WHERE state = 'waiting') AS waiting,
    (SELECT count(*) FROM outbox WHERE state = 'dead') AS dead,
    coalesce((SELECT extract(epoch FROM now() - min(created_at)) FROM outbox WHERE state = 'waiting'), 0)::float8
        AS oldest;
