-- add_job: Take a job. No row when a job of this id is there already
INSERT INTO jobs (id, stock_id, request_id, correlation_id, due_at)
VALUES (%(id)s, %(stock_id)s, %(request_id)s, %(correlation_id)s, now() + make_interval(secs => %(defer)s))
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- find_job: What a job is about, to tell the same job sent again from another under its id
SELECT stock_id, request_id
FROM jobs
WHERE id = %(id)s;

-- record_result: Draw once: the first result stays
UPDATE jobs
SET result = coalesce(result, %(result)s)
WHERE id = %(id)s
RETURNING result;

-- claim: Take what is due and put it out of sight for the length of the lease
WITH due AS (
    SELECT id
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
RETURNING jobs.id, jobs.stock_id, jobs.request_id, jobs.correlation_id, jobs.result, jobs.attempts AS attempt;

-- next_due: Seconds until the next job is due
SELECT extract(epoch FROM min(due_at) - now())::float8
FROM jobs
WHERE state = 'waiting';

-- settle: Write down the end of a job, while this claim stands
UPDATE jobs
SET state = %(state)s, settled_at = now(), last_error = %(reason)s, lease = NULL
WHERE id = %(id)s AND lease = %(lease)s AND attempts = %(attempt)s AND state = 'waiting';

-- postpone: Report again later, while this claim stands
UPDATE jobs
SET due_at = now() + make_interval(secs => %(after)s), last_error = %(reason)s, lease = NULL
WHERE id = %(id)s AND lease = %(lease)s AND attempts = %(attempt)s AND state = 'waiting';

-- release: Give back all claims of a process that stops. Not for the next second: a report cut short may have arrived,
-- and one signed anew within the same second would be the very same message, which the receiver refuses as a replay
UPDATE jobs
SET due_at = now() + interval '1 second', lease = NULL
WHERE lease = %(lease)s AND state = 'waiting';

-- ready: Whether the schema is there and may be read
SELECT 1 FROM jobs LIMIT 1;
