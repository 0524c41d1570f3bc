-- add_messages: Take messages, in the order of the call; those are returned that are new. A key that is there stays, and so
-- does one whose message is forgotten
WITH added AS (
    INSERT INTO messages (id, idempotency_key, fingerprint, channel, recipient, subject, body, correlation_id)
    SELECT id, key, fingerprint, channel, recipient, subject, body, correlation_id
    FROM unnest(
        %(ids)s::uuid[], %(keys)s::text[], %(fingerprints)s::bytea[], %(channels)s::text[], %(recipients)s::text[],
        %(subjects)s::text[], %(bodies)s::text[], %(correlation_ids)s::text[]
    ) WITH ORDINALITY
        AS taken (id, key, fingerprint, channel, recipient, subject, body, correlation_id, position)
    WHERE NOT EXISTS (SELECT FROM spent_keys WHERE idempotency_key = taken.key)
    ORDER BY position
    ON CONFLICT (idempotency_key) DO NOTHING
    RETURNING id
)
SELECT added.id, pg_notify('gateway_messages', '')
FROM added;

-- find_keys: Which message came with a key, and what it said
SELECT idempotency_key, id, fingerprint
FROM messages
WHERE idempotency_key = ANY (%(keys)s::text[])
UNION ALL
SELECT idempotency_key, message_id, fingerprint
FROM spent_keys
WHERE idempotency_key = ANY (%(keys)s::text[]);
