-- The times of a job, from which its part of the request's timeline is told, and the trace that it belongs to.

ALTER TABLE jobs
    ADD COLUMN traceparent text NOT NULL DEFAULT '',
    ADD COLUMN received_at timestamptz,
    ADD COLUMN drawn_at timestamptz;
COMMENT ON COLUMN jobs.traceparent IS 'W3C Trace Context of the call that brought the job; empty where it had none';
COMMENT ON COLUMN jobs.received_at IS 'When that call began; accepted_at is when the job was on disk';
COMMENT ON COLUMN jobs.drawn_at IS 'When the result was drawn: the end of the deferred action';

-- What is not delivered is counted for the metrics and listed for the operator, and is little beside what is.
CREATE INDEX jobs_dead ON jobs (settled_at) WHERE state = 'dead';

-- A queue lives on few pages that change all the time: clean up after so many changes, whatever the table's size.
ALTER TABLE jobs SET (
    autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0.0, autovacuum_vacuum_insert_threshold = 50000
);

GRANT UPDATE (drawn_at) ON jobs TO sp_status;
