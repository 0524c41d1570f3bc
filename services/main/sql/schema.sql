CREATE SCHEMA main;

ALTER SCHEMA main OWNER TO sp_owner;

CREATE FUNCTION main.check_draft() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'main'
    AS $$
BEGIN
    PERFORM FROM requests WHERE id = coalesce(NEW.request_id, OLD.request_id) AND state = 'draft';
    IF NOT FOUND THEN
        RAISE check_violation USING MESSAGE = 'only the items of a draft change';
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION main.check_draft() OWNER TO sp_owner;

CREATE FUNCTION main.check_mark() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.delivered := greatest(OLD.delivered, NEW.delivered);
    NEW.read := greatest(OLD.read, NEW.read);
    RETURN NEW;
END
$$;

ALTER FUNCTION main.check_mark() OWNER TO sp_owner;

COMMENT ON FUNCTION main.check_mark() IS 'Marks never go back, in whatever order they come';

CREATE FUNCTION main.check_step() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF (OLD.state, NEW.state) NOT IN (
        ('draft', 'formed'), ('draft', 'deleted'), ('formed', 'completed'), ('formed', 'rejected')
    ) THEN
        RAISE check_violation USING MESSAGE = format('no request goes from %s to %s', OLD.state, NEW.state);
    END IF;
    RETURN NEW;
END
$$;

ALTER FUNCTION main.check_step() OWNER TO sp_owner;

CREATE FUNCTION main.count_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;

ALTER FUNCTION main.count_version() OWNER TO sp_owner;

CREATE FUNCTION main.feed_origin() RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'main'
    AS $$
    SELECT concat_ws('/', system.system_identifier, checkpoint.timeline_id, pg_database.oid, 'feed_head'::regclass::oid)
    FROM pg_control_system() AS system, pg_control_checkpoint() AS checkpoint, pg_database
    WHERE pg_database.datname = current_database()
$$;

ALTER FUNCTION main.feed_origin() OWNER TO sp_owner;

CREATE FUNCTION main.new_epoch() RETURNS text
    LANGUAGE sql
    AS $$
    SELECT left(replace(gen_random_uuid()::text, '-', ''), 16)
$$;

ALTER FUNCTION main.new_epoch() OWNER TO sp_owner;

CREATE FUNCTION main.reset_feed() RETURNS void
    LANGUAGE sql
    SET search_path TO 'main'
    AS $$
    UPDATE feed_head SET epoch = new_epoch(), origin = feed_origin();
    DELETE FROM feed_log;
$$;

ALTER FUNCTION main.reset_feed() OWNER TO sp_owner;

COMMENT ON FUNCTION main.reset_feed() IS 'Begin a new epoch: for use after restoring a snapshot of the disk';

CREATE FUNCTION main.tell_of_request() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'main'
    AS $$
BEGIN
    INSERT INTO feed_pending (kind, creator_id, to_moderators, body)
    VALUES ('request', NEW.creator_id, NEW.formed_at IS NOT NULL,
        jsonb_build_object('request_id', NEW.id, 'state', NEW.state));
    RETURN NULL;
END $$;

ALTER FUNCTION main.tell_of_request() OWNER TO sp_owner;

CREATE FUNCTION main.tell_of_result() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'main'
    AS $$
BEGIN
    INSERT INTO feed_pending (kind, creator_id, to_moderators, body)
    SELECT 'result', requests.creator_id, true,
        jsonb_build_object('request_id', NEW.request_id, 'stock_id', NEW.stock_id, 'result', NEW.result)
    FROM requests
    WHERE requests.id = NEW.request_id;
    RETURN NULL;
END $$;

ALTER FUNCTION main.tell_of_result() OWNER TO sp_owner;

CREATE FUNCTION main.tell_of_stock() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'main'
    AS $$
BEGIN
    INSERT INTO feed_pending (kind, creator_id, to_moderators, body)
    VALUES ('stock', NULL, false, jsonb_build_object('stock_id', NEW.id, 'company', NEW.company,
        'price', NEW.price::text, 'is_growing', NEW.is_growing, 'status', NEW.status));
    RETURN NULL;
END $$;

ALTER FUNCTION main.tell_of_stock() OWNER TO sp_owner;

CREATE TABLE main.allowances (
    subject bytea NOT NULL,
    spent_until timestamp with time zone NOT NULL
);

ALTER TABLE main.allowances OWNER TO sp_owner;

COMMENT ON COLUMN main.allowances.subject IS 'A keyed digest of an account''s name or of an address';

CREATE TABLE main.callback_receipts (
    message_id text NOT NULL,
    signed_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE main.callback_receipts OWNER TO sp_owner;

CREATE TABLE main.chat_entries (
    request_id bigint NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL,
    message bigint NOT NULL,
    version integer NOT NULL,
    author_id bigint NOT NULL,
    client_id uuid NOT NULL,
    body text,
    written_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT chat_entries_body_check CHECK (((length(body) >= 1) AND (length(body) <= 2000))),
    CONSTRAINT chat_entries_check CHECK (((kind = 'text'::text) = (message = seq))),
    CONSTRAINT chat_entries_check1 CHECK (((kind = 'text'::text) = (version = 1))),
    CONSTRAINT chat_entries_check2 CHECK (((kind <> 'delete'::text) OR (body IS NULL))),
    CONSTRAINT chat_entries_kind_check CHECK ((kind = ANY (ARRAY['text'::text, 'edit'::text, 'delete'::text]))),
    CONSTRAINT chat_entries_seq_check CHECK ((seq > 0)),
    CONSTRAINT chat_entries_version_check CHECK ((version > 0))
);

ALTER TABLE main.chat_entries OWNER TO sp_owner;

COMMENT ON COLUMN main.chat_entries.message IS 'The entry that began the message which this one belongs to';

COMMENT ON COLUMN main.chat_entries.body IS 'Null once a later version has taken its place: what was edited out or deleted is gone';

CREATE TABLE main.chat_heads (
    request_id bigint NOT NULL,
    last bigint DEFAULT 0 NOT NULL,
    CONSTRAINT chat_heads_last_check CHECK ((last >= 0))
);

ALTER TABLE main.chat_heads OWNER TO sp_owner;

CREATE TABLE main.chat_marks (
    request_id bigint NOT NULL,
    user_id bigint NOT NULL,
    delivered bigint NOT NULL,
    read bigint NOT NULL,
    CONSTRAINT chat_marks_check CHECK (((0 <= read) AND (read <= delivered)))
);

ALTER TABLE main.chat_marks OWNER TO sp_owner;

COMMENT ON COLUMN main.chat_marks.delivered IS 'All entries up to this one have reached the user; read: were shown to them';

CREATE TABLE main.events (
    id bigint NOT NULL,
    event_id uuid DEFAULT gen_random_uuid() NOT NULL,
    topic text NOT NULL,
    type text NOT NULL,
    version integer NOT NULL,
    key text NOT NULL,
    payload jsonb NOT NULL,
    correlation_id text NOT NULL,
    occurred_at timestamp with time zone DEFAULT now() NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    lease uuid,
    last_error text,
    settled_at timestamp with time zone,
    CONSTRAINT events_check CHECK (((state = 'waiting'::text) = (settled_at IS NULL))),
    CONSTRAINT events_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'dead'::text])))
);

ALTER TABLE main.events OWNER TO sp_owner;

COMMENT ON COLUMN main.events.event_id IS 'The same in every copy, by which consumers know it again';

COMMENT ON COLUMN main.events.key IS 'Events of one key are published in the order of their ids';

COMMENT ON COLUMN main.events.due_at IS 'Not to be published before; while claimed, when the claim runs out';

ALTER TABLE main.events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME main.events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE main.feed_head (
    only_row boolean DEFAULT true NOT NULL,
    epoch text NOT NULL,
    origin text NOT NULL,
    last bigint DEFAULT 0 NOT NULL,
    CONSTRAINT feed_head_epoch_check CHECK ((epoch ~ '^[0-9a-f]{16}$'::text)),
    CONSTRAINT feed_head_last_check CHECK ((last >= 0)),
    CONSTRAINT feed_head_only_row_check CHECK (only_row)
);

ALTER TABLE main.feed_head OWNER TO sp_owner;

COMMENT ON COLUMN main.feed_head.epoch IS 'Another one whenever the numbers may have been given out differently before';

COMMENT ON COLUMN main.feed_head.origin IS 'Which database this is; a restored one is another';

CREATE TABLE main.feed_log (
    seq bigint NOT NULL,
    kind text NOT NULL,
    creator_id bigint,
    to_moderators boolean NOT NULL,
    body jsonb NOT NULL,
    numbered_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE main.feed_log OWNER TO sp_owner;

CREATE TABLE main.feed_pending (
    id bigint NOT NULL,
    kind text NOT NULL,
    creator_id bigint,
    to_moderators boolean NOT NULL,
    body jsonb NOT NULL,
    CONSTRAINT feed_pending_kind_check CHECK ((kind = ANY (ARRAY['result'::text, 'request'::text, 'stock'::text])))
);

ALTER TABLE main.feed_pending OWNER TO sp_owner;

COMMENT ON COLUMN main.feed_pending.creator_id IS 'Whom it concerns; null for everybody';

ALTER TABLE main.feed_pending ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME main.feed_pending_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE main.kept_answers (
    user_id bigint NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status integer NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    kept_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE main.kept_answers OWNER TO sp_owner;

CREATE TABLE main.migrations (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE main.migrations OWNER TO sp_owner;

CREATE TABLE main.outbox (
    id bigint NOT NULL,
    topic text NOT NULL,
    payload jsonb NOT NULL,
    correlation_id text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    lease uuid,
    last_error text,
    settled_at timestamp with time zone,
    traceparent text DEFAULT ''::text NOT NULL,
    CONSTRAINT outbox_check CHECK (((state = 'waiting'::text) = (settled_at IS NULL))),
    CONSTRAINT outbox_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'dead'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.0', autovacuum_vacuum_threshold='5000', autovacuum_vacuum_insert_scale_factor='0.0', autovacuum_vacuum_insert_threshold='50000');

ALTER TABLE main.outbox OWNER TO sp_owner;

COMMENT ON COLUMN main.outbox.due_at IS 'Not to be sent before; while claimed, when the claim runs out';

COMMENT ON COLUMN main.outbox.traceparent IS 'W3C Trace Context of what caused the message';

ALTER TABLE main.outbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME main.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW main.registration_log AS
 SELECT events.event_id,
    events.version,
    events.occurred_at
   FROM main.events
  WHERE ((events.topic = 'registrations'::text) AND (events.type = 'user.registered'::text));

ALTER TABLE main.registration_log OWNER TO sp_owner;

CREATE TABLE main.request_items (
    request_id bigint NOT NULL,
    stock_id bigint NOT NULL,
    quantity integer NOT NULL,
    job_id uuid,
    result text,
    result_at timestamp with time zone,
    CONSTRAINT request_items_check CHECK (((result IS NULL) OR (job_id IS NOT NULL))),
    CONSTRAINT request_items_check1 CHECK (((result IS NULL) = (result_at IS NULL))),
    CONSTRAINT request_items_quantity_check CHECK (((quantity >= 1) AND (quantity <= 1000000))),
    CONSTRAINT request_items_result_check CHECK ((result = ANY (ARRAY['growing'::text, 'falling'::text])))
);

ALTER TABLE main.request_items OWNER TO sp_owner;

COMMENT ON COLUMN main.request_items.job_id IS 'The deferred job, from the moment the request is formed';

CREATE TABLE main.requests (
    id bigint NOT NULL,
    creator_id bigint NOT NULL,
    state text DEFAULT 'draft'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    formed_at timestamp with time zone,
    closed_at timestamp with time zone,
    moderator_id bigint,
    CONSTRAINT requests_check CHECK (((state <> ALL (ARRAY['formed'::text, 'completed'::text, 'rejected'::text])) OR (formed_at IS NOT NULL))),
    CONSTRAINT requests_check1 CHECK (((state = ANY (ARRAY['completed'::text, 'rejected'::text, 'deleted'::text])) = (closed_at IS NOT NULL))),
    CONSTRAINT requests_check2 CHECK (((state = ANY (ARRAY['completed'::text, 'rejected'::text])) = (moderator_id IS NOT NULL))),
    CONSTRAINT requests_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'formed'::text, 'completed'::text, 'rejected'::text, 'deleted'::text])))
);

ALTER TABLE main.requests OWNER TO sp_owner;

COMMENT ON COLUMN main.requests.closed_at IS 'When it was completed, rejected or deleted';

ALTER TABLE main.requests ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME main.requests_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE main.sessions (
    token_digest bytea NOT NULL,
    user_id bigint NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    address text,
    agent text
);

ALTER TABLE main.sessions OWNER TO sp_owner;

COMMENT ON COLUMN main.sessions.id IS 'How its user names a session to end it; the token stays unknown';

CREATE TABLE main.stocks (
    id bigint NOT NULL,
    company text NOT NULL,
    price numeric(12,2) NOT NULL,
    is_growing boolean NOT NULL,
    description text NOT NULL,
    picture text NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT stocks_price_check CHECK ((price > (0)::numeric)),
    CONSTRAINT stocks_status_check CHECK ((status = ANY (ARRAY['active'::text, 'deleted'::text])))
);

ALTER TABLE main.stocks OWNER TO sp_owner;

COMMENT ON COLUMN main.stocks.picture IS 'File name below /static/pictures/';

ALTER TABLE main.stocks ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME main.stocks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE main.timeline (
    request_id bigint NOT NULL,
    job uuid,
    step smallint NOT NULL,
    attempt integer DEFAULT 1 NOT NULL,
    began_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    trace_id text DEFAULT ''::text NOT NULL,
    CONSTRAINT timeline_check CHECK (((job IS NULL) = (step = 1))),
    CONSTRAINT timeline_step_check CHECK (((step >= 1) AND (step <= 7)))
);

ALTER TABLE main.timeline OWNER TO sp_owner;

COMMENT ON COLUMN main.timeline.step IS '1 form, 2 hand over, 3 accepted, 4 answered, 5 deferred action, 6 callback, 7 seen';

COMMENT ON COLUMN main.timeline.attempt IS 'The attempt that succeeded';

COMMENT ON COLUMN main.timeline.trace_id IS 'The trace (W3C Trace Context) of the whole request, kept with its first step';

CREATE TABLE main.users (
    id bigint NOT NULL,
    name text NOT NULL,
    password_hash text NOT NULL,
    role text DEFAULT 'creator'::text NOT NULL,
    email text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT users_email_check CHECK ((length(email) <= 254)),
    CONSTRAINT users_role_check CHECK ((role = ANY (ARRAY['creator'::text, 'moderator'::text])))
);

ALTER TABLE main.users OWNER TO sp_owner;

COMMENT ON COLUMN main.users.role IS 'The service cannot write it: whoever registers is a creator';

ALTER TABLE main.users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME main.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY main.allowances
    ADD CONSTRAINT allowances_pkey PRIMARY KEY (subject);

ALTER TABLE ONLY main.callback_receipts
    ADD CONSTRAINT callback_receipts_pkey PRIMARY KEY (message_id, signed_at);

ALTER TABLE ONLY main.chat_entries
    ADD CONSTRAINT chat_entries_pkey PRIMARY KEY (request_id, seq);

ALTER TABLE ONLY main.chat_entries
    ADD CONSTRAINT chat_entries_request_id_author_id_client_id_key UNIQUE (request_id, author_id, client_id);

ALTER TABLE ONLY main.chat_entries
    ADD CONSTRAINT chat_entries_request_id_message_version_key UNIQUE (request_id, message, version);

ALTER TABLE ONLY main.chat_heads
    ADD CONSTRAINT chat_heads_pkey PRIMARY KEY (request_id);

ALTER TABLE ONLY main.chat_marks
    ADD CONSTRAINT chat_marks_pkey PRIMARY KEY (request_id, user_id);

ALTER TABLE ONLY main.events
    ADD CONSTRAINT events_event_id_key UNIQUE (event_id);

ALTER TABLE ONLY main.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY main.feed_head
    ADD CONSTRAINT feed_head_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY main.feed_log
    ADD CONSTRAINT feed_log_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY main.feed_pending
    ADD CONSTRAINT feed_pending_pkey PRIMARY KEY (id);

ALTER TABLE ONLY main.kept_answers
    ADD CONSTRAINT kept_answers_pkey PRIMARY KEY (user_id, key);

ALTER TABLE ONLY main.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (number);

ALTER TABLE ONLY main.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY main.request_items
    ADD CONSTRAINT request_items_job_id_key UNIQUE (job_id);

ALTER TABLE ONLY main.request_items
    ADD CONSTRAINT request_items_pkey PRIMARY KEY (request_id, stock_id);

ALTER TABLE ONLY main.requests
    ADD CONSTRAINT requests_pkey PRIMARY KEY (id);

ALTER TABLE ONLY main.sessions
    ADD CONSTRAINT sessions_id_key UNIQUE (id);

ALTER TABLE ONLY main.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (token_digest);

ALTER TABLE ONLY main.stocks
    ADD CONSTRAINT stocks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY main.timeline
    ADD CONSTRAINT timeline_request_id_job_step_key UNIQUE NULLS NOT DISTINCT (request_id, job, step);

ALTER TABLE ONLY main.users
    ADD CONSTRAINT users_name_key UNIQUE (name);

ALTER TABLE ONLY main.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

CREATE INDEX allowances_age ON main.allowances USING btree (spent_until);

CREATE INDEX callback_receipts_age ON main.callback_receipts USING btree (received_at);

CREATE INDEX events_dead ON main.events USING btree (settled_at) WHERE (state = 'dead'::text);

CREATE INDEX events_due ON main.events USING btree (due_at) WHERE (state = 'waiting'::text);

CREATE INDEX events_order ON main.events USING btree (topic, key, id) WHERE (state = 'waiting'::text);

CREATE INDEX events_topic ON main.events USING btree (topic, id);

CREATE INDEX kept_answers_age ON main.kept_answers USING btree (kept_at);

CREATE INDEX outbox_dead ON main.outbox USING btree (settled_at) WHERE (state = 'dead'::text);

CREATE INDEX outbox_due ON main.outbox USING btree (due_at) WHERE (state = 'waiting'::text);

CREATE INDEX requests_creator ON main.requests USING btree (creator_id);

CREATE INDEX requests_formed ON main.requests USING btree (formed_at) WHERE (formed_at IS NOT NULL);

CREATE UNIQUE INDEX requests_one_draft_per_creator ON main.requests USING btree (creator_id) WHERE (state = 'draft'::text);

CREATE INDEX sessions_expiry ON main.sessions USING btree (expires_at);

CREATE INDEX sessions_user ON main.sessions USING btree (user_id);

CREATE INDEX stocks_by_company ON main.stocks USING btree (company, id) WHERE (status = 'active'::text);

CREATE UNIQUE INDEX stocks_one_per_company ON main.stocks USING btree (lower(company)) WHERE (status = 'active'::text);

CREATE UNIQUE INDEX users_name_folded ON main.users USING btree (lower(name));

CREATE TRIGGER chat_marks_forward BEFORE UPDATE ON main.chat_marks FOR EACH ROW EXECUTE FUNCTION main.check_mark();

CREATE TRIGGER feed AFTER UPDATE OF result ON main.request_items FOR EACH ROW WHEN ((new.result IS DISTINCT FROM old.result)) EXECUTE FUNCTION main.tell_of_result();

CREATE TRIGGER feed AFTER UPDATE OF state ON main.requests FOR EACH ROW WHEN ((new.state IS DISTINCT FROM old.state)) EXECUTE FUNCTION main.tell_of_request();

CREATE TRIGGER feed_insert AFTER INSERT ON main.stocks FOR EACH ROW EXECUTE FUNCTION main.tell_of_stock();

CREATE TRIGGER feed_update AFTER UPDATE ON main.stocks FOR EACH ROW WHEN ((new.* IS DISTINCT FROM old.*)) EXECUTE FUNCTION main.tell_of_stock();

CREATE TRIGGER request_items_of_drafts AFTER INSERT OR DELETE OR UPDATE OF quantity ON main.request_items FOR EACH ROW EXECUTE FUNCTION main.check_draft();

CREATE TRIGGER requests_step BEFORE UPDATE OF state ON main.requests FOR EACH ROW WHEN ((old.state IS DISTINCT FROM new.state)) EXECUTE FUNCTION main.check_step();

CREATE TRIGGER stocks_version BEFORE UPDATE ON main.stocks FOR EACH ROW EXECUTE FUNCTION main.count_version();

ALTER TABLE ONLY main.chat_entries
    ADD CONSTRAINT chat_entries_author_id_fkey FOREIGN KEY (author_id) REFERENCES main.users(id);

ALTER TABLE ONLY main.chat_entries
    ADD CONSTRAINT chat_entries_request_id_fkey FOREIGN KEY (request_id) REFERENCES main.chat_heads(request_id);

ALTER TABLE ONLY main.chat_entries
    ADD CONSTRAINT chat_entries_request_id_message_fkey FOREIGN KEY (request_id, message) REFERENCES main.chat_entries(request_id, seq);

ALTER TABLE ONLY main.chat_heads
    ADD CONSTRAINT chat_heads_request_id_fkey FOREIGN KEY (request_id) REFERENCES main.requests(id);

ALTER TABLE ONLY main.chat_marks
    ADD CONSTRAINT chat_marks_request_id_fkey FOREIGN KEY (request_id) REFERENCES main.chat_heads(request_id);

ALTER TABLE ONLY main.chat_marks
    ADD CONSTRAINT chat_marks_user_id_fkey FOREIGN KEY (user_id) REFERENCES main.users(id);

ALTER TABLE ONLY main.kept_answers
    ADD CONSTRAINT kept_answers_user_id_fkey FOREIGN KEY (user_id) REFERENCES main.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY main.request_items
    ADD CONSTRAINT request_items_request_id_fkey FOREIGN KEY (request_id) REFERENCES main.requests(id);

ALTER TABLE ONLY main.request_items
    ADD CONSTRAINT request_items_stock_id_fkey FOREIGN KEY (stock_id) REFERENCES main.stocks(id);

ALTER TABLE ONLY main.requests
    ADD CONSTRAINT requests_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES main.users(id);

ALTER TABLE ONLY main.requests
    ADD CONSTRAINT requests_moderator_id_fkey FOREIGN KEY (moderator_id) REFERENCES main.users(id);

ALTER TABLE ONLY main.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES main.users(id) ON DELETE CASCADE;

GRANT USAGE ON SCHEMA main TO sp_main;
GRANT USAGE ON SCHEMA main TO sp_stats;

REVOKE ALL ON FUNCTION main.check_draft() FROM PUBLIC;

REVOKE ALL ON FUNCTION main.check_mark() FROM PUBLIC;

REVOKE ALL ON FUNCTION main.check_step() FROM PUBLIC;

REVOKE ALL ON FUNCTION main.count_version() FROM PUBLIC;

REVOKE ALL ON FUNCTION main.feed_origin() FROM PUBLIC;

REVOKE ALL ON FUNCTION main.new_epoch() FROM PUBLIC;

REVOKE ALL ON FUNCTION main.reset_feed() FROM PUBLIC;

REVOKE ALL ON FUNCTION main.tell_of_request() FROM PUBLIC;

REVOKE ALL ON FUNCTION main.tell_of_result() FROM PUBLIC;

REVOKE ALL ON FUNCTION main.tell_of_stock() FROM PUBLIC;

GRANT SELECT,INSERT,DELETE ON TABLE main.allowances TO sp_main;

GRANT UPDATE(spent_until) ON TABLE main.allowances TO sp_main;

GRANT SELECT,INSERT,DELETE ON TABLE main.callback_receipts TO sp_main;

GRANT SELECT,INSERT ON TABLE main.chat_entries TO sp_main;

GRANT UPDATE(body) ON TABLE main.chat_entries TO sp_main;

GRANT SELECT ON TABLE main.chat_heads TO sp_main;

GRANT INSERT(request_id) ON TABLE main.chat_heads TO sp_main;

GRANT UPDATE(last) ON TABLE main.chat_heads TO sp_main;

GRANT SELECT,INSERT ON TABLE main.chat_marks TO sp_main;

GRANT UPDATE(delivered) ON TABLE main.chat_marks TO sp_main;

GRANT UPDATE(read) ON TABLE main.chat_marks TO sp_main;

GRANT SELECT ON TABLE main.events TO sp_main;

GRANT INSERT(topic) ON TABLE main.events TO sp_main;

GRANT INSERT(type) ON TABLE main.events TO sp_main;

GRANT INSERT(version) ON TABLE main.events TO sp_main;

GRANT INSERT(key) ON TABLE main.events TO sp_main;

GRANT INSERT(payload) ON TABLE main.events TO sp_main;

GRANT INSERT(correlation_id) ON TABLE main.events TO sp_main;

GRANT UPDATE(state) ON TABLE main.events TO sp_main;

GRANT UPDATE(due_at) ON TABLE main.events TO sp_main;

GRANT UPDATE(attempts) ON TABLE main.events TO sp_main;

GRANT UPDATE(lease) ON TABLE main.events TO sp_main;

GRANT UPDATE(last_error) ON TABLE main.events TO sp_main;

GRANT UPDATE(settled_at) ON TABLE main.events TO sp_main;

GRANT SELECT ON TABLE main.feed_head TO sp_main;

GRANT UPDATE(epoch) ON TABLE main.feed_head TO sp_main;

GRANT UPDATE(origin) ON TABLE main.feed_head TO sp_main;

GRANT UPDATE(last) ON TABLE main.feed_head TO sp_main;

GRANT SELECT,INSERT,DELETE ON TABLE main.feed_log TO sp_main;

GRANT SELECT,INSERT,DELETE ON TABLE main.feed_pending TO sp_main;

GRANT SELECT,INSERT,DELETE ON TABLE main.kept_answers TO sp_main;

GRANT UPDATE(kept_at) ON TABLE main.kept_answers TO sp_main;

GRANT SELECT,INSERT ON TABLE main.outbox TO sp_main;

GRANT UPDATE(state) ON TABLE main.outbox TO sp_main;

GRANT UPDATE(due_at) ON TABLE main.outbox TO sp_main;

GRANT UPDATE(attempts) ON TABLE main.outbox TO sp_main;

GRANT UPDATE(lease) ON TABLE main.outbox TO sp_main;

GRANT UPDATE(last_error) ON TABLE main.outbox TO sp_main;

GRANT UPDATE(settled_at) ON TABLE main.outbox TO sp_main;

GRANT SELECT ON TABLE main.registration_log TO sp_stats;

GRANT SELECT,DELETE ON TABLE main.request_items TO sp_main;

GRANT INSERT(request_id) ON TABLE main.request_items TO sp_main;

GRANT INSERT(stock_id) ON TABLE main.request_items TO sp_main;

GRANT INSERT(quantity),UPDATE(quantity) ON TABLE main.request_items TO sp_main;

GRANT UPDATE(job_id) ON TABLE main.request_items TO sp_main;

GRANT UPDATE(result) ON TABLE main.request_items TO sp_main;

GRANT UPDATE(result_at) ON TABLE main.request_items TO sp_main;

GRANT SELECT ON TABLE main.requests TO sp_main;

GRANT INSERT(creator_id) ON TABLE main.requests TO sp_main;

GRANT UPDATE(state) ON TABLE main.requests TO sp_main;

GRANT UPDATE(formed_at) ON TABLE main.requests TO sp_main;

GRANT UPDATE(closed_at) ON TABLE main.requests TO sp_main;

GRANT UPDATE(moderator_id) ON TABLE main.requests TO sp_main;

GRANT SELECT,INSERT,DELETE ON TABLE main.sessions TO sp_main;

GRANT UPDATE(seen_at) ON TABLE main.sessions TO sp_main;

GRANT SELECT ON TABLE main.stocks TO sp_main;

GRANT INSERT(company),UPDATE(company) ON TABLE main.stocks TO sp_main;

GRANT INSERT(price),UPDATE(price) ON TABLE main.stocks TO sp_main;

GRANT INSERT(is_growing),UPDATE(is_growing) ON TABLE main.stocks TO sp_main;

GRANT INSERT(description),UPDATE(description) ON TABLE main.stocks TO sp_main;

GRANT INSERT(picture),UPDATE(picture) ON TABLE main.stocks TO sp_main;

GRANT UPDATE(status) ON TABLE main.stocks TO sp_main;

GRANT SELECT,INSERT ON TABLE main.timeline TO sp_main;

GRANT SELECT ON TABLE main.users TO sp_main;

GRANT INSERT(name) ON TABLE main.users TO sp_main;

GRANT INSERT(password_hash) ON TABLE main.users TO sp_main;

GRANT INSERT(email) ON TABLE main.users TO sp_main;
