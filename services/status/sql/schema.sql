CREATE SCHEMA status;

ALTER SCHEMA status OWNER TO sp_owner;

CREATE TABLE status.jobs (
    id uuid NOT NULL,
    stock_id bigint NOT NULL,
    request_id bigint,
    correlation_id text NOT NULL,
    accepted_at timestamp with time zone DEFAULT now() NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    result text,
    attempts integer DEFAULT 0 NOT NULL,
    lease uuid,
    last_error text,
    settled_at timestamp with time zone,
    traceparent text DEFAULT ''::text NOT NULL,
    received_at timestamp with time zone,
    drawn_at timestamp with time zone,
    CONSTRAINT jobs_check CHECK (((state = 'waiting'::text) = (settled_at IS NULL))),
    CONSTRAINT jobs_check1 CHECK (((state <> 'delivered'::text) OR (result IS NOT NULL))),
    CONSTRAINT jobs_result_check CHECK ((result = ANY (ARRAY['growing'::text, 'falling'::text]))),
    CONSTRAINT jobs_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'dead'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.0', autovacuum_vacuum_threshold='5000', autovacuum_vacuum_insert_scale_factor='0.0', autovacuum_vacuum_insert_threshold='50000');

ALTER TABLE status.jobs OWNER TO sp_owner;

COMMENT ON COLUMN status.jobs.due_at IS 'Not to be reported before; while claimed, when the claim runs out';

COMMENT ON COLUMN status.jobs.result IS 'Drawn once, before the first report, so that every report says the same';

COMMENT ON COLUMN status.jobs.traceparent IS 'W3C Trace Context of the call that brought the job; empty where it had none';

COMMENT ON COLUMN status.jobs.received_at IS 'When that call began; accepted_at is when the job was on disk';

COMMENT ON COLUMN status.jobs.drawn_at IS 'When the result was drawn: the end of the deferred action';

CREATE TABLE status.migrations (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE status.migrations OWNER TO sp_owner;

ALTER TABLE ONLY status.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY status.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (number);

CREATE INDEX jobs_dead ON status.jobs USING btree (settled_at) WHERE (state = 'dead'::text);

CREATE INDEX jobs_due ON status.jobs USING btree (due_at) WHERE (state = 'waiting'::text);

GRANT USAGE ON SCHEMA status TO sp_status;

GRANT SELECT,INSERT ON TABLE status.jobs TO sp_status;

GRANT UPDATE(state) ON TABLE status.jobs TO sp_status;

GRANT UPDATE(due_at) ON TABLE status.jobs TO sp_status;

GRANT UPDATE(result) ON TABLE status.jobs TO sp_status;

GRANT UPDATE(attempts) ON TABLE status.jobs TO sp_status;

GRANT UPDATE(lease) ON TABLE status.jobs TO sp_status;

GRANT UPDATE(last_error) ON TABLE status.jobs TO sp_status;

GRANT UPDATE(settled_at) ON TABLE status.jobs TO sp_status;

GRANT UPDATE(drawn_at) ON TABLE status.jobs TO sp_status;
