-- The messages of the gateway. Applied by the schema's owner; the last lines say what the service itself may do.

CREATE TABLE channels (
    channel text PRIMARY KEY CHECK (channel IN ('email', 'telegram', 'vk')),
    per_second float8 NOT NULL CHECK (per_second > 0),
    burst float8 NOT NULL CHECK (burst >= 1),
    tokens float8 NOT NULL,
    refilled_at timestamptz NOT NULL DEFAULT now(),
    paused_until timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON TABLE channels IS 'A token bucket for each channel, shared by all senders and kept over restarts';
COMMENT ON COLUMN channels.paused_until IS 'The provider asked for quiet until then';
INSERT INTO channels (channel, per_second, burst, tokens) VALUES ('email', 1, 1, 1), ('telegram', 1, 1, 1), ('vk', 1, 1, 1);

CREATE TABLE messages (
    id uuid PRIMARY KEY,
    place bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    idempotency_key text NOT NULL UNIQUE,
    fingerprint bytea NOT NULL,
    channel text NOT NULL REFERENCES channels,
    recipient text NOT NULL,
    subject text NOT NULL,
    body text NOT NULL,
    correlation_id text NOT NULL,
    accepted_at timestamptz NOT NULL DEFAULT now(),
    state text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'handed', 'sending', 'sent', 'dead', 'unknown', 'dismissed')),
    due_at timestamptz NOT NULL DEFAULT now(),
    handovers integer NOT NULL DEFAULT 0,
    lease uuid,
    attempts integer NOT NULL DEFAULT 0,
    strikes integer NOT NULL DEFAULT 0,
    last_error text,
    settled_at timestamptz,
    CHECK ((state IN ('waiting', 'handed', 'sending')) = (settled_at IS NULL))
);
COMMENT ON COLUMN messages.place IS 'Messages to one recipient are sent in this order';
COMMENT ON COLUMN messages.fingerprint IS 'SHA-256 of the draft, to tell the same call sent again from another under its key';
COMMENT ON COLUMN messages.due_at IS
    'waiting: not to be handed to the broker before; claimed or sending: when the claim runs out; handed: when it is handed over again';
COMMENT ON COLUMN messages.handovers IS 'Fences the claims of the relay, as attempts fences those of the sender';
COMMENT ON COLUMN messages.strikes IS 'Attempts since the last redrive that failed or whose outcome is unknown';
CREATE INDEX messages_due ON messages (channel, due_at) WHERE state = 'waiting';
CREATE INDEX messages_out ON messages (channel, due_at) WHERE state IN ('handed', 'sending') OR lease IS NOT NULL;
CREATE INDEX messages_turn ON messages (channel, recipient, place) WHERE settled_at IS NULL;
CREATE INDEX messages_letters ON messages (place) WHERE state IN ('dead', 'unknown');

-- A queue lives on few pages that change all the time: clean up after so many changes, whatever the table's size.
ALTER TABLE messages SET (
    autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0.0, autovacuum_vacuum_insert_threshold = 50000
);

CREATE TABLE attempts (
    message_id uuid NOT NULL REFERENCES messages,
    number integer NOT NULL,
    began_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    outcome text CHECK (outcome IN ('sent', 'refused', 'limited', 'failed', 'unknown')),
    detail text,
    PRIMARY KEY (message_id, number),
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
);
COMMENT ON TABLE attempts IS 'Begun and committed before anything leaves: an attempt that has no end may have arrived';

-- Least privilege: a message, once taken, can neither be removed nor turned into another, and no attempt is forgotten.
GRANT USAGE ON SCHEMA gateway TO sp_gateway;
GRANT SELECT, UPDATE (per_second, burst, tokens, refilled_at, paused_until) ON channels TO sp_gateway;
GRANT SELECT, INSERT, UPDATE (state, due_at, handovers, lease, attempts, strikes, last_error, settled_at)
    ON messages TO sp_gateway;
GRANT SELECT, INSERT, UPDATE (ended_at, outcome, detail) ON attempts TO sp_gateway;
