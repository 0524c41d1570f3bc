-- find_message: One message
SELECT id, channel, recipient, subject, body, state, accepted_at, due_at, settled_at, last_error
FROM messages
WHERE id = %(id)s;

-- find_attempts: All attempts to send one message
SELECT number, began_at, ended_at, outcome, detail
FROM attempts
WHERE message_id = %(id)s
ORDER BY number;

-- find_letters: Messages that wait for a person, the youngest first, before a place
SELECT id, place, channel, recipient, state, last_error, attempts, accepted_at, settled_at
FROM messages
WHERE state IN ('dead', 'unknown') AND (%(before)s::bigint IS NULL OR place < %(before)s::bigint)
ORDER BY place DESC
LIMIT %(most)s;

-- dismiss: A person decided that a message is not sent again
UPDATE messages
SET state = 'dismissed', settled_at = now()
WHERE id = %(id)s AND state IN ('dead', 'unknown')
RETURNING id;

-- redrive: Send messages again that wait for a person: the named ones, or all. Attempts go on counting, for they fence the
-- claims; strikes begin anew
UPDATE messages
SET state = 'waiting', due_at = now(), settled_at = NULL, last_error = NULL, strikes = 0
WHERE state IN ('dead', 'unknown') AND (%(all)s OR id::text = ANY (%(ids)s::text[]))
RETURNING id::text;

-- announce_outbox: Wake the sender at commit
NOTIFY gateway_messages;

-- list_letters: Messages that wait for a person, the youngest first
SELECT
    id::text AS id, channel, recipient, state, correlation_id AS request, attempts, last_error AS reason,
    accepted_at AS created_at, settled_at AS dead_since
FROM messages
WHERE state IN ('dead', 'unknown')
ORDER BY place DESC
LIMIT %(most)s;

-- show_letter: One message, dead or not, with all that is known of it
SELECT
    id::text AS id, channel, recipient, subject, body AS text, state, correlation_id AS request, last_error AS reason,
    accepted_at AS created_at, due_at, settled_at,
    (
        SELECT string_agg(
            format('%%s: %%s%%s', number, coalesce(outcome, 'under way'), ', ' || detail), E'\n' ORDER BY number
        )
        FROM attempts
        WHERE message_id = messages.id
    ) AS attempts
FROM messages
WHERE id = %(id)s::text::uuid;

-- gauge: What the metrics say of the messages
SELECT
    (SELECT count(*) FROM messages WHERE settled_at IS NULL) AS waiting,
    (SELECT count(*) FROM messages WHERE state IN ('dead', 'unknown')) AS dead,
    coalesce((SELECT extract(epoch FROM now() - min(accepted_at)) FROM messages WHERE settled_at IS NULL), 0)::float8
        AS oldest;

-- ready: Whether the schema is there and may be read
SELECT 1 FROM messages LIMIT 1;
