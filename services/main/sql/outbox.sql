-- add_to_outbox: A message to be sent once this transaction is committed
INSERT INTO outbox (topic, payload, correlation_id)
VALUES (%(topic)s, %(payload)s, %(correlation_id)s);

-- announce_outbox: Wake the relay at commit
NOTIFY main_outbox;

-- claim: Take what is due and put it out of sight for the length of the lease
WITH due AS (
    SELECT id
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
RETURNING outbox.id, outbox.topic, outbox.payload, outbox.correlation_id, outbox.attempts AS attempt;

-- next_due: Seconds until the next message is due
SELECT extract(epoch FROM min(due_at) - now())::float8
FROM outbox
WHERE state = 'waiting';

-- settle: Write down the end of a message, while this claim stands
UPDATE outbox
SET state = %(state)s, settled_at = now(), last_error = %(reason)s, lease = NULL
WHERE id = %(id)s AND lease = %(lease)s AND attempts = %(attempt)s AND state = 'waiting';

-- postpone: Send again later, while this claim stands
UPDATE outbox
SET due_at = now() + make_interval(secs => %(after)s), last_error = %(reason)s, lease = NULL
WHERE id = %(id)s AND lease = %(lease)s AND attempts = %(attempt)s AND state = 'waiting';

-- release: Give back all claims of a relay that stops
UPDATE outbox
SET due_at = now(), lease = NULL
WHERE lease = %(lease)s AND state = 'waiting';
