-- add_jobs: Take jobs; those are returned that are new. One that is there already stays as it is
INSERT INTO jobs (id, stock_id, request_id, correlation_id, traceparent, received_at, accepted_at, due_at)
SELECT
    taken.id, taken.stock_id, taken.request_id, taken.correlation_id, taken.traceparent,
    now() - make_interval(secs => taken.took), now(), now() + make_interval(secs => %(defer)s)
FROM unnest(
    %(ids)s::uuid[], %(stock_ids)s::bigint[], %(request_ids)s::bigint[], %(correlation_ids)s::text[],
    %(traceparents)s::text[], %(took)s::float8[]
) AS taken (id, stock_id, request_id, correlation_id, traceparent, took)
-- One order for all, so that two batches with jobs in common do not wait for each other.
ORDER BY taken.id
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- find_job: What a job is about, to tell the same job sent again from another under its id
SELECT stock_id, request_id
FROM jobs
WHERE id = %(id)s;

-- progress: How far jobs have come
SELECT id, state, result, attempts
FROM jobs
WHERE id = ANY (%(ids)s::uuid[]);

-- count_waiting: The backlog, counted no further than its bound
SELECT count(*)
FROM (SELECT FROM jobs WHERE state = 'waiting' LIMIT %(most)s) AS waiting;

-- record_results: Draw once: the first result stays, and so does its time
UPDATE jobs
SET result = coalesce(jobs.result, drawn.result), drawn_at = coalesce(jobs.drawn_at, now())
FROM unnest(%(ids)s::uuid[], %(results)s::text[]) AS drawn (id, result)
WHERE jobs.id = drawn.id
RETURNING jobs.id, jobs.result, jobs.drawn_at;

-- claim: Take what is due and put it out of sight for the length of the lease
WITH due AS (
    SELECT id, due_at
    FROM jobs
    WHERE state = 'waiting' AND due_at <= now()
    ORDER BY due_at
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
)
UPDATE jobs
SET attempts = jobs.attempts + 1, lease = %(lease)s, due_at = now() + make_interval(secs => %(lease_seconds)s)
FROM due
WHERE jobs.id = due.id
RETURNING
    jobs.id, jobs.stock_id, jobs.request_id, jobs.correlation_id, jobs.traceparent,
    jobs.received_at, jobs.accepted_at, jobs.drawn_at, jobs.result, jobs.attempts AS attempt,
    extract(epoch FROM clock_timestamp() - due.due_at)::float8 AS late;

-- next_due: Seconds until the next job is due
SELECT extract(epoch FROM min(due_at) - now())::float8
FROM jobs
WHERE state = 'waiting';

-- settle: Write down what became of jobs, each while its claim stands; one that goes on waiting is reported again later
UPDATE jobs
SET
    state = verdict.state,
    due_at = CASE verdict.state WHEN 'waiting' THEN now() + make_interval(secs => verdict.after) ELSE jobs.due_at END,
    settled_at = CASE verdict.state WHEN 'waiting' THEN NULL ELSE now() END,
    last_error = verdict.reason,
    lease = NULL
FROM unnest(%(ids)s::uuid[], %(attempts)s::integer[], %(states)s::text[], %(afters)s::float8[], %(reasons)s::text[])
    AS verdict (id, attempt, state, after, reason)
WHERE jobs.id = verdict.id
    AND jobs.lease = %(lease)s
    AND jobs.attempts = verdict.attempt
    AND jobs.state = 'waiting';

-- release: Give back all claims of a process that stops. Not for the next second: a report cut short may have arrived,
-- and one signed anew within the same second would be the very same message, which the receiver refuses as a replay
UPDATE jobs
SET due_at = now() + interval '1 second', lease = NULL
WHERE lease = %(lease)s AND state = 'waiting';

-- list_letters: Dead letters, the youngest first
SELECT
    id::text AS id, id::text AS job, stock_id, request_id, correlation_id AS request, attempts,
    last_error AS reason, accepted_at AS created_at, settled_at AS dead_since
FROM jobs
WHERE state = 'dead'
ORDER BY settled_at DESC
LIMIT %(most)s;

-- show_letter: One job, dead or not, with all that is known of it
SELECT
    id::text AS id, id::text AS job, stock_id, request_id, correlation_id AS request, state, attempts,
    last_error AS reason, result, accepted_at AS created_at, drawn_at, due_at, settled_at
FROM jobs
WHERE id = %(id)s::text::uuid;

-- redrive: Send dead letters again: the named ones, or all. Attempts go on counting, for they fence the claims
UPDATE jobs
SET state = 'waiting', due_at = now(), settled_at = NULL, last_error = NULL, lease = NULL
WHERE state = 'dead' AND (%(all)s OR id::text = ANY (%(ids)s::text[]))
RETURNING id::text;

-- gauge: What the metrics say of the jobs
SELECT
    (SELECT count(*) FROM jobs WHERE state = 'waiting') AS waiting,
    (SELECT count(*) FROM jobs WHERE state = 'dead') AS dead,
    coalesce((SELECT extract(epoch FROM now() - min(accepted_at)) FROM jobs WHERE state = 'waiting'), 0)::float8
        AS oldest;

-- ready: Whether the schema is there and may be read
SELECT 1 FROM jobs LIMIT 1;
