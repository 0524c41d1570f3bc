-- The jobs of the async service. Applied by the schema's owner; the last lines say what the service itself may do.

CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    stock_id bigint NOT NULL,
    request_id bigint,
    correlation_id text NOT NULL,
    accepted_at timestamptz NOT NULL DEFAULT now(),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead')),
    due_at timestamptz NOT NULL,
    result text CHECK (result IN ('growing', 'falling')),
    attempts integer NOT NULL DEFAULT 0,
    lease uuid,
    last_error text,
    settled_at timestamptz,
    CHECK ((state = 'waiting') = (settled_at IS NULL)),
    CHECK (state <> 'delivered' OR result IS NOT NULL)
);
COMMENT ON COLUMN jobs.due_at IS 'Not to be reported before; while claimed, when the claim runs out';
COMMENT ON COLUMN jobs.result IS 'Drawn once, before the first report, so that every report says the same';
CREATE INDEX jobs_due ON jobs (due_at) WHERE state = 'waiting';

-- Least privilege: a job, once taken, can neither be removed nor turned into another.
GRANT USAGE ON SCHEMA status TO sp_status;
GRANT SELECT, INSERT, UPDATE (state, due_at, result, attempts, lease, last_error, settled_at) ON jobs TO sp_status;
