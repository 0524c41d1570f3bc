-- What happened here and others hear of through the message broker: an outbox, and the log from which it can be told
-- again. Nothing is ever removed from it.
CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    topic text NOT NULL,
    type text NOT NULL,
    version integer NOT NULL,
    key text NOT NULL,
    payload jsonb NOT NULL,
    correlation_id text NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT now(),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead')),
    due_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    lease uuid,
    last_error text,
    settled_at timestamptz,
    CHECK ((state = 'waiting') = (settled_at IS NULL))
);
COMMENT ON COLUMN events.event_id IS 'The same in every copy, by which consumers know it again';
COMMENT ON COLUMN events.key IS 'Events of one key are published in the order of their ids';
COMMENT ON COLUMN events.due_at IS 'Not to be published before; while claimed, when the claim runs out';

CREATE INDEX events_due ON events (due_at) WHERE state = 'waiting';
CREATE INDEX events_order ON events (topic, key, id) WHERE state = 'waiting';
CREATE INDEX events_dead ON events (settled_at) WHERE state = 'dead';
CREATE INDEX events_topic ON events (topic, id);

GRANT SELECT ON events TO sp_main;
GRANT INSERT (topic, type, version, key, payload, correlation_id) ON events TO sp_main;
GRANT UPDATE (state, due_at, attempts, lease, last_error, settled_at) ON events TO sp_main;

-- What the statistics are counted from: no name and no address is in it.
CREATE VIEW registration_log AS
SELECT event_id, version, occurred_at
FROM events
WHERE topic = 'registrations' AND type = 'user.registered';

GRANT USAGE ON SCHEMA main TO sp_stats;
GRANT SELECT ON registration_log TO sp_stats;
