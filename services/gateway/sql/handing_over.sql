-- Messages on their way to the broker, as services.outbox sees them: the contract of its store.

-- claim: Take what is due and whose turn it is, as far as each channel's tokens and room go, and put it out of sight for
-- the length of the lease. The turn is of the first message to a recipient that is not settled
WITH buckets AS (
    SELECT channel, least(burst, tokens + per_second * extract(epoch FROM now() - refilled_at)) AS tokens
    FROM channels
    WHERE paused_until <= now()
    ORDER BY channel
    FOR UPDATE
), rooms AS (
    SELECT channel, least(floor(tokens)::integer, 32 - (
        SELECT count(*)
        FROM messages
        WHERE messages.channel = buckets.channel AND (state IN ('handed', 'sending') OR lease IS NOT NULL)
    )) AS room
    FROM buckets
), due AS (
    SELECT found.id, found.due_at
    FROM rooms CROSS JOIN LATERAL (
        SELECT id, due_at
        FROM messages
        WHERE messages.channel = rooms.channel
            AND state = 'waiting'
            AND due_at <= now()
            AND NOT EXISTS (
                SELECT
                FROM messages AS earlier
                WHERE earlier.channel = messages.channel
                    AND earlier.recipient = messages.recipient
                    AND earlier.settled_at IS NULL
                    AND earlier.place < messages.place
            )
        ORDER BY due_at
        LIMIT greatest(rooms.room, 0)
        FOR UPDATE SKIP LOCKED
    ) AS found
    LIMIT %(most)s
), claimed AS (
    UPDATE messages
    SET handovers = messages.handovers + 1, lease = %(lease)s, due_at = now() + make_interval(secs => %(lease_seconds)s)
    FROM due
    WHERE messages.id = due.id
    RETURNING
        messages.id, messages.channel, messages.recipient, messages.correlation_id, messages.attempts + 1 AS number,
        messages.handovers AS attempt, extract(epoch FROM clock_timestamp() - due.due_at)::float8 AS late
), spent AS (
    UPDATE channels
    SET tokens = buckets.tokens - taken.count, refilled_at = now()
    FROM buckets, (SELECT channel, count(*) FROM claimed GROUP BY channel) AS taken
    WHERE channels.channel = taken.channel AND buckets.channel = taken.channel
)
SELECT id, channel, recipient, correlation_id, number, attempt, late
FROM claimed;

-- next_due: Seconds until the next message may go: its time has come, its channel has a token and is not paused
SELECT extract(epoch FROM min(greatest(
    found.due_at, channels.paused_until,
    refilled_at + make_interval(secs => greatest(0, 1 - tokens) / per_second)
)) - now())::float8
FROM channels CROSS JOIN LATERAL (
    SELECT due_at
    FROM messages
    WHERE messages.channel = channels.channel
        AND state = 'waiting'
        AND NOT EXISTS (
            SELECT
            FROM messages AS earlier
            WHERE earlier.channel = messages.channel
                AND earlier.recipient = messages.recipient
                AND earlier.settled_at IS NULL
                AND earlier.place < messages.place
        )
    ORDER BY due_at
    LIMIT 1
) AS found
-- Where there is no room, whoever settles a message tells that there is some again.
WHERE 32 > (
    SELECT count(*)
    FROM messages
    WHERE messages.channel = channels.channel AND (state IN ('handed', 'sending') OR lease IS NOT NULL)
);

-- settle: Write down which messages the broker has, each while its claim stands; another one is handed over later. The
-- broker loses nothing, but it may be replaced by another: what nobody takes within five minutes is handed over again
UPDATE messages
SET
    state = CASE verdict.state WHEN 'delivered' THEN 'handed' ELSE 'waiting' END,
    due_at = now() + CASE verdict.state
        WHEN 'delivered' THEN interval '5 minutes' ELSE make_interval(secs => greatest(verdict.after, 1.0))
    END,
    last_error = verdict.reason,
    lease = NULL
FROM unnest(%(ids)s::uuid[], %(attempts)s::integer[], %(states)s::text[], %(afters)s::float8[], %(reasons)s::text[])
    AS verdict (id, attempt, state, after, reason)
WHERE messages.id = verdict.id
    AND messages.lease = %(lease)s
    AND messages.handovers = verdict.attempt
    AND messages.state = 'waiting';

-- release: Give back all claims of a process that stops
UPDATE messages
SET due_at = now(), lease = NULL
WHERE lease = %(lease)s AND state = 'waiting';

-- hand_over_again: What the broker has had for too long
UPDATE messages
SET state = 'waiting', due_at = now()
WHERE state = 'handed' AND due_at <= now();

-- set_rate: The bucket of a channel, as this release's settings have it
UPDATE channels
SET per_second = %(per_second)s, burst = %(burst)s
WHERE channel = %(channel)s AND (per_second, burst) IS DISTINCT FROM (%(per_second)s, %(burst)s);
