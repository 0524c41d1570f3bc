-- Messages that are done with are forgotten after a while; the keys under which they came, later.

CREATE TABLE spent_keys (
    idempotency_key text PRIMARY KEY,
    message_id uuid NOT NULL,
    fingerprint bytea NOT NULL,
    accepted_at timestamptz NOT NULL
);
COMMENT ON TABLE spent_keys IS 'Keys of messages that are forgotten: what comes with one of them again is no second message';
CREATE INDEX spent_keys_accepted ON spent_keys (accepted_at);

CREATE INDEX messages_done ON messages (settled_at) WHERE state IN ('sent', 'dismissed');

ALTER TABLE attempts DROP CONSTRAINT attempts_message_id_fkey;
ALTER TABLE attempts ADD FOREIGN KEY (message_id) REFERENCES messages ON DELETE CASCADE;

-- Least privilege: the service has no right to delete. It may ask for this, which takes nothing that is still to be sent
-- or waits for a person, nor anything that was accepted within a day, whatever it is asked for.
CREATE FUNCTION forget_old(
    messages_kept interval, keys_kept interval, most integer, OUT messages_gone integer, OUT keys_gone integer
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = gateway, pg_temp SET lock_timeout = '200ms' AS $$
BEGIN
    -- Whoever accepts looks for a key among the messages and here: it must not be on its way from one to the other.
    LOCK TABLE spent_keys IN ACCESS EXCLUSIVE MODE;
    WITH gone AS (
        DELETE FROM messages
        WHERE id IN (
            SELECT id
            FROM messages
            WHERE state IN ('sent', 'dismissed')
                AND settled_at < now() - greatest(messages_kept, interval '1 day')
                AND accepted_at < now() - interval '1 day'
            ORDER BY settled_at
            LIMIT most
        )
        RETURNING idempotency_key, id, fingerprint, accepted_at
    )
    INSERT INTO spent_keys (idempotency_key, message_id, fingerprint, accepted_at)
    SELECT idempotency_key, id, fingerprint, accepted_at
    FROM gone
    -- A release from before this table may have taken a key again.
    ON CONFLICT (idempotency_key) DO UPDATE
    SET message_id = excluded.message_id, fingerprint = excluded.fingerprint, accepted_at = excluded.accepted_at;
    GET DIAGNOSTICS messages_gone = ROW_COUNT;
    DELETE FROM spent_keys
    WHERE idempotency_key IN (
        SELECT idempotency_key
        FROM spent_keys
        WHERE accepted_at < now() - greatest(keys_kept, interval '1 day')
        ORDER BY accepted_at
        LIMIT most
    );
    GET DIAGNOSTICS keys_gone = ROW_COUNT;
END $$;
COMMENT ON FUNCTION forget_old IS
    'Forget messages that are done with, and keys, that are older: so many of each at most. How many it was';

REVOKE ALL ON FUNCTION forget_old FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_old TO sp_gateway;
GRANT SELECT ON spent_keys TO sp_gateway;
