CREATE SCHEMA gateway;

ALTER SCHEMA gateway OWNER TO sp_owner;

CREATE FUNCTION gateway.forget_old(messages_kept interval, keys_kept interval, most integer, OUT messages_gone integer, OUT keys_gone integer) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'gateway', 'pg_temp'
    SET lock_timeout TO '200ms'
    AS $$
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

ALTER FUNCTION gateway.forget_old(messages_kept interval, keys_kept interval, most integer, OUT messages_gone integer, OUT keys_gone integer) OWNER TO sp_owner;

COMMENT ON FUNCTION gateway.forget_old(messages_kept interval, keys_kept interval, most integer, OUT messages_gone integer, OUT keys_gone integer) IS 'Forget messages that are done with, and keys, that are older: so many of each at most. How many it was';

CREATE TABLE gateway.attempts (
    message_id uuid NOT NULL,
    number integer NOT NULL,
    began_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    outcome text,
    detail text,
    CONSTRAINT attempts_check CHECK (((ended_at IS NULL) = (outcome IS NULL))),
    CONSTRAINT attempts_outcome_check CHECK ((outcome = ANY (ARRAY['sent'::text, 'refused'::text, 'limited'::text, 'failed'::text, 'unknown'::text])))
);

ALTER TABLE gateway.attempts OWNER TO sp_owner;

COMMENT ON TABLE gateway.attempts IS 'Begun and committed before anything leaves: an attempt that has no end may have arrived';

CREATE TABLE gateway.channels (
    channel text NOT NULL,
    per_second double precision NOT NULL,
    burst double precision NOT NULL,
    tokens double precision NOT NULL,
    refilled_at timestamp with time zone DEFAULT now() NOT NULL,
    paused_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT channels_burst_check CHECK ((burst >= (1)::double precision)),
    CONSTRAINT channels_channel_check CHECK ((channel = ANY (ARRAY['email'::text, 'telegram'::text, 'vk'::text]))),
    CONSTRAINT channels_per_second_check CHECK ((per_second > (0)::double precision))
);

ALTER TABLE gateway.channels OWNER TO sp_owner;

COMMENT ON TABLE gateway.channels IS 'A token bucket for each channel, shared by all senders and kept over restarts';

COMMENT ON COLUMN gateway.channels.paused_until IS 'The provider asked for quiet until then';

CREATE TABLE gateway.messages (
    id uuid NOT NULL,
    place bigint NOT NULL,
    idempotency_key text NOT NULL,
    fingerprint bytea NOT NULL,
    channel text NOT NULL,
    recipient text NOT NULL,
    subject text NOT NULL,
    body text NOT NULL,
    correlation_id text NOT NULL,
    accepted_at timestamp with time zone DEFAULT now() NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    handovers integer DEFAULT 0 NOT NULL,
    lease uuid,
    attempts integer DEFAULT 0 NOT NULL,
    strikes integer DEFAULT 0 NOT NULL,
    last_error text,
    settled_at timestamp with time zone,
    CONSTRAINT messages_check CHECK (((state = ANY (ARRAY['waiting'::text, 'handed'::text, 'sending'::text])) = (settled_at IS NULL))),
    CONSTRAINT messages_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'handed'::text, 'sending'::text, 'sent'::text, 'dead'::text, 'unknown'::text, 'dismissed'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.0', autovacuum_vacuum_threshold='5000', autovacuum_vacuum_insert_scale_factor='0.0', autovacuum_vacuum_insert_threshold='50000');

ALTER TABLE gateway.messages OWNER TO sp_owner;

COMMENT ON COLUMN gateway.messages.place IS 'Messages to one recipient are sent in this order';

COMMENT ON COLUMN gateway.messages.fingerprint IS 'SHA-256 of the draft, to tell the same call sent again from another under its key';

COMMENT ON COLUMN gateway.messages.due_at IS 'waiting: not to be handed to the broker before; claimed or sending: when the claim runs out; handed: when it is handed over again';

COMMENT ON COLUMN gateway.messages.handovers IS 'Fences the claims of the relay, as attempts fences those of the sender';

COMMENT ON COLUMN gateway.messages.strikes IS 'Attempts since the last redrive that failed or whose outcome is unknown';

ALTER TABLE gateway.messages ALTER COLUMN place ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME gateway.messages_place_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE gateway.migrations (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE gateway.migrations OWNER TO sp_owner;

CREATE TABLE gateway.spent_keys (
    idempotency_key text NOT NULL,
    message_id uuid NOT NULL,
    fingerprint bytea NOT NULL,
    accepted_at timestamp with time zone NOT NULL
);

ALTER TABLE gateway.spent_keys OWNER TO sp_owner;

COMMENT ON TABLE gateway.spent_keys IS 'Keys of messages that are forgotten: what comes with one of them again is no second message';

ALTER TABLE ONLY gateway.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (message_id, number);

ALTER TABLE ONLY gateway.channels
    ADD CONSTRAINT channels_pkey PRIMARY KEY (channel);

ALTER TABLE ONLY gateway.messages
    ADD CONSTRAINT messages_idempotency_key_key UNIQUE (idempotency_key);

ALTER TABLE ONLY gateway.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (id);

ALTER TABLE ONLY gateway.messages
    ADD CONSTRAINT messages_place_key UNIQUE (place);

ALTER TABLE ONLY gateway.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (number);

ALTER TABLE ONLY gateway.spent_keys
    ADD CONSTRAINT spent_keys_pkey PRIMARY KEY (idempotency_key);

CREATE INDEX messages_done ON gateway.messages USING btree (settled_at) WHERE (state = ANY (ARRAY['sent'::text, 'dismissed'::text]));

CREATE INDEX messages_due ON gateway.messages USING btree (channel, due_at) WHERE (state = 'waiting'::text);

CREATE INDEX messages_letters ON gateway.messages USING btree (place) WHERE (state = ANY (ARRAY['dead'::text, 'unknown'::text]));

CREATE INDEX messages_out ON gateway.messages USING btree (channel, due_at) WHERE ((state = ANY (ARRAY['handed'::text, 'sending'::text])) OR (lease IS NOT NULL));

CREATE INDEX messages_turn ON gateway.messages USING btree (channel, recipient, place) WHERE (settled_at IS NULL);

CREATE INDEX spent_keys_accepted ON gateway.spent_keys USING btree (accepted_at);

ALTER TABLE ONLY gateway.attempts
    ADD CONSTRAINT attempts_message_id_fkey FOREIGN KEY (message_id) REFERENCES gateway.messages(id) ON DELETE CASCADE;

ALTER TABLE ONLY gateway.messages
    ADD CONSTRAINT messages_channel_fkey FOREIGN KEY (channel) REFERENCES gateway.channels(channel);

GRANT USAGE ON SCHEMA gateway TO sp_gateway;

REVOKE ALL ON FUNCTION gateway.forget_old(messages_kept interval, keys_kept interval, most integer, OUT messages_gone integer, OUT keys_gone integer) FROM PUBLIC;
GRANT ALL ON FUNCTION gateway.forget_old(messages_kept interval, keys_kept interval, most integer, OUT messages_gone integer, OUT keys_gone integer) TO sp_gateway;

GRANT SELECT,INSERT ON TABLE gateway.attempts TO sp_gateway;

GRANT UPDATE(ended_at) ON TABLE gateway.attempts TO sp_gateway;

GRANT UPDATE(outcome) ON TABLE gateway.attempts TO sp_gateway;

GRANT UPDATE(detail) ON TABLE gateway.attempts TO sp_gateway;

GRANT SELECT ON TABLE gateway.channels TO sp_gateway;

GRANT UPDATE(per_second) ON TABLE gateway.channels TO sp_gateway;

GRANT UPDATE(burst) ON TABLE gateway.channels TO sp_gateway;

GRANT UPDATE(tokens) ON TABLE gateway.channels TO sp_gateway;

GRANT UPDATE(refilled_at) ON TABLE gateway.channels TO sp_gateway;

GRANT UPDATE(paused_until) ON TABLE gateway.channels TO sp_gateway;

GRANT SELECT,INSERT ON TABLE gateway.messages TO sp_gateway;

GRANT UPDATE(state) ON TABLE gateway.messages TO sp_gateway;

GRANT UPDATE(due_at) ON TABLE gateway.messages TO sp_gateway;

GRANT UPDATE(handovers) ON TABLE gateway.messages TO sp_gateway;

GRANT UPDATE(lease) ON TABLE gateway.messages TO sp_gateway;

GRANT UPDATE(attempts) ON TABLE gateway.messages TO sp_gateway;

GRANT UPDATE(strikes) ON TABLE gateway.messages TO sp_gateway;

GRANT UPDATE(last_error) ON TABLE gateway.messages TO sp_gateway;

GRANT UPDATE(settled_at) ON TABLE gateway.messages TO sp_gateway;

GRANT SELECT ON TABLE gateway.spent_keys TO sp_gateway;
