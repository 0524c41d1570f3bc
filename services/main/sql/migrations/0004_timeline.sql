-- What happened to each request, step by step (services.tracing), told by whoever did it, in the transaction that did it.

CREATE TABLE timeline (
    -- No foreign key: what the relay notes down about a message must not be able to stop the messages.
    request_id bigint NOT NULL,
    job uuid,
    step smallint NOT NULL CHECK (step BETWEEN 1 AND 7),
    attempt integer NOT NULL DEFAULT 1,
    began_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    trace_id text NOT NULL DEFAULT '',
    CHECK ((job IS NULL) = (step = 1)),
    -- A step happens once: what is told again, by a retry or a duplicate, changes nothing.
    UNIQUE NULLS NOT DISTINCT (request_id, job, step)
);
COMMENT ON COLUMN timeline.step IS '1 form, 2 hand over, 3 accepted, 4 answered, 5 deferred action, 6 callback, 7 seen';
COMMENT ON COLUMN timeline.attempt IS 'The attempt that succeeded';
COMMENT ON COLUMN timeline.trace_id IS 'The trace (W3C Trace Context) of the whole request, kept with its first step';

ALTER TABLE outbox ADD COLUMN traceparent text NOT NULL DEFAULT '';
COMMENT ON COLUMN outbox.traceparent IS 'W3C Trace Context of what caused the message';

-- What is not delivered is counted for the metrics and listed for the operator, and is little beside what is.
CREATE INDEX outbox_dead ON outbox (settled_at) WHERE state = 'dead';

-- A queue lives on few pages that change all the time: clean up after so many changes, whatever the table's size.
ALTER TABLE outbox SET (
    autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0.0, autovacuum_vacuum_insert_threshold = 50000
);

GRANT SELECT, INSERT ON timeline TO sp_main;
