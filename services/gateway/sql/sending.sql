-- begin_attempt: Begin the attempt of this number, and commit that before anything leaves. Nothing where it began already.
-- The broker can be quicker than the note that it has the message, which then stands as claimed
WITH begun AS (
    UPDATE messages
    SET
        state = 'sending', attempts = attempts + 1, lease = NULL,
        due_at = now() + make_interval(secs => %(lease_seconds)s)
    WHERE id = %(id)s
        AND (state = 'handed' OR (state = 'waiting' AND lease IS NOT NULL))
        AND attempts + 1 = %(number)s
    RETURNING id, accepted_at, channel, recipient, subject, body, attempts, strikes, correlation_id
), noted AS (
    INSERT INTO attempts (message_id, number)
    SELECT id, attempts
    FROM begun
)
SELECT id, accepted_at, channel, recipient, subject, body, attempts, strikes, correlation_id
FROM begun;

-- end_attempt: Write down what came of an attempt, while it stands: outcome, state of the message, and quiet on its channel
WITH ended AS (
    UPDATE messages
    SET
        state = %(state)s,
        due_at = now() + make_interval(secs => %(after)s),
        strikes = strikes + %(strike)s,
        last_error = %(reason)s,
        settled_at = CASE %(state)s WHEN 'waiting' THEN NULL ELSE now() END
    WHERE id = %(id)s AND state = 'sending' AND attempts = %(number)s
    RETURNING id, attempts, channel
), paused AS (
    UPDATE channels
    SET paused_until = greatest(paused_until, now() + make_interval(secs => %(pause)s))
    FROM ended
    WHERE channels.channel = ended.channel AND %(pause)s > 0
)
UPDATE attempts
SET ended_at = now(), outcome = %(outcome)s, detail = %(detail)s
FROM ended
WHERE attempts.message_id = ended.id AND attempts.number = ended.attempts;

-- find_abandoned: Attempts whose sender is gone: it may have died after the message left
SELECT id, accepted_at, channel, recipient, subject, body, attempts, strikes, correlation_id
FROM messages
WHERE state = 'sending' AND due_at <= now()
ORDER BY due_at
LIMIT 100;
