-- Users who register, moderators who edit the catalogue and close requests, and what keeps both honest.

ALTER TABLE users
    ADD COLUMN email text CHECK (length(email) <= 254),
    ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
    ALTER COLUMN role SET DEFAULT 'creator';
COMMENT ON COLUMN users.role IS 'The service cannot write it: whoever registers is a creator';
CREATE UNIQUE INDEX users_name_folded ON users (lower(name));

ALTER TABLE sessions
    ADD COLUMN id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN address text,
    ADD COLUMN agent text;
COMMENT ON COLUMN sessions.id IS 'How its user names a session to end it; the token stays unknown';

-- How much of an allowance is used up, as one moment in time (the generic cell rate algorithm).
CREATE TABLE allowances (
    subject bytea PRIMARY KEY,
    spent_until timestamptz NOT NULL
);
COMMENT ON COLUMN allowances.subject IS 'A keyed digest of an account''s name or of an address';
CREATE INDEX allowances_age ON allowances (spent_until);

-- Answers to calls with an Idempotency-Key. They commit with what the calls did.
CREATE TABLE kept_answers (
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status integer NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
CREATE INDEX kept_answers_age ON kept_answers (kept_at);

ALTER TABLE stocks ADD COLUMN version integer NOT NULL DEFAULT 1;
-- A company may come back after its stock was deleted.
ALTER TABLE stocks DROP CONSTRAINT stocks_company_key;
CREATE UNIQUE INDEX stocks_one_per_company ON stocks (lower(company)) WHERE status = 'active';
CREATE INDEX stocks_by_company ON stocks (company, id) WHERE status = 'active';

CREATE FUNCTION count_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;
CREATE TRIGGER stocks_version BEFORE UPDATE ON stocks
FOR EACH ROW EXECUTE FUNCTION count_version();

ALTER TABLE requests
    ADD COLUMN closed_at timestamptz,
    ADD COLUMN moderator_id bigint REFERENCES users,
    ADD CHECK ((state IN ('completed', 'rejected', 'deleted')) = (closed_at IS NOT NULL)),
    ADD CHECK ((state IN ('completed', 'rejected')) = (moderator_id IS NOT NULL));
COMMENT ON COLUMN requests.closed_at IS 'When it was completed, rejected or deleted';
CREATE INDEX requests_formed ON requests (formed_at) WHERE formed_at IS NOT NULL;

-- The steps of a request hold here too, whatever the service asks for.
CREATE FUNCTION check_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state, NEW.state) NOT IN (
        ('draft', 'formed'), ('draft', 'deleted'), ('formed', 'completed'), ('formed', 'rejected')
    ) THEN
        RAISE check_violation USING MESSAGE = format('no request goes from %s to %s', OLD.state, NEW.state);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER requests_step BEFORE UPDATE OF state ON requests
FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION check_step();

-- What was formed is formed: its stocks and quantities stay as they were.
CREATE FUNCTION check_draft() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM FROM requests WHERE id = coalesce(NEW.request_id, OLD.request_id) AND state = 'draft';
    IF NOT FOUND THEN
        RAISE check_violation USING MESSAGE = 'only the items of a draft change';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER request_items_of_drafts AFTER INSERT OR DELETE OR UPDATE OF quantity ON request_items
FOR EACH ROW EXECUTE FUNCTION check_draft();

-- Least privilege, column by column: identities, roles, versions and dates are out of the service's reach.
GRANT INSERT (name, email, password_hash) ON users TO sp_main;
GRANT UPDATE (seen_at) ON sessions TO sp_main;
GRANT SELECT, INSERT, UPDATE (spent_until), DELETE ON allowances TO sp_main;
-- To lock a row asks for the right to update one column of it; housekeeping locks what it deletes.
GRANT SELECT, INSERT, UPDATE (kept_at), DELETE ON kept_answers TO sp_main;
GRANT INSERT (company, price, is_growing, description, picture) ON stocks TO sp_main;
GRANT UPDATE (company, price, is_growing, description, picture, status) ON stocks TO sp_main;
REVOKE INSERT ON requests, request_items FROM sp_main;
GRANT INSERT (creator_id) ON requests TO sp_main;
GRANT UPDATE (closed_at, moderator_id) ON requests TO sp_main;
GRANT INSERT (request_id, stock_id, quantity), DELETE ON request_items TO sp_main;
