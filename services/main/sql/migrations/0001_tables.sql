-- The tables of the main service. Applied by the schema's owner; the last lines say what the service itself may do.

CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    role text NOT NULL CHECK (role IN ('creator', 'moderator'))
);

-- Sessions are opaque: the cookie holds a random token, the table its keyed digest.
CREATE TABLE sessions (
    token_digest bytea PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expires_at);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE stocks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company text NOT NULL UNIQUE,
    price numeric(12, 2) NOT NULL CHECK (price > 0),
    is_growing boolean NOT NULL,
    description text NOT NULL,
    picture text NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'deleted'))
);
COMMENT ON COLUMN stocks.picture IS 'File name below /static/pictures/';

CREATE TABLE requests (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    creator_id bigint NOT NULL REFERENCES users,
    state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'formed', 'completed', 'rejected', 'deleted')),
    created_at timestamptz NOT NULL DEFAULT now(),
    formed_at timestamptz,
    CHECK (state NOT IN ('formed', 'completed', 'rejected') OR formed_at IS NOT NULL)
);
CREATE UNIQUE INDEX requests_one_draft_per_creator ON requests (creator_id) WHERE state = 'draft';
CREATE INDEX requests_creator ON requests (creator_id);

CREATE TABLE request_items (
    request_id bigint NOT NULL REFERENCES requests,
    stock_id bigint NOT NULL REFERENCES stocks,
    quantity integer NOT NULL CHECK (quantity BETWEEN 1 AND 1000000),
    job_id uuid UNIQUE,
    result text CHECK (result IN ('growing', 'falling')),
    result_at timestamptz,
    PRIMARY KEY (request_id, stock_id),
    CHECK (result IS NULL OR job_id IS NOT NULL),
    CHECK ((result IS NULL) = (result_at IS NULL))
);
COMMENT ON COLUMN request_items.job_id IS 'The deferred job, from the moment the request is formed';

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    payload jsonb NOT NULL,
    correlation_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead')),
    due_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    lease uuid,
    last_error text,
    settled_at timestamptz,
    CHECK ((state = 'waiting') = (settled_at IS NULL))
);
COMMENT ON COLUMN outbox.due_at IS 'Not to be sent before; while claimed, when the claim runs out';
CREATE INDEX outbox_due ON outbox (due_at) WHERE state = 'waiting';

-- Callbacks that were taken, so that the same signed message is not taken twice.
CREATE TABLE callback_receipts (
    message_id text NOT NULL,
    signed_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (message_id, signed_at)
);
CREATE INDEX callback_receipts_age ON callback_receipts (received_at);

-- Least privilege: the service can neither change a stock, nor a user, nor the history of a job.
GRANT USAGE ON SCHEMA main TO sp_main;
GRANT SELECT ON users, stocks TO sp_main;
GRANT SELECT, INSERT, DELETE ON sessions TO sp_main;
GRANT SELECT, INSERT, UPDATE (state, formed_at) ON requests TO sp_main;
GRANT SELECT, INSERT, UPDATE (quantity, job_id, result, result_at) ON request_items TO sp_main;
GRANT SELECT, INSERT, UPDATE (state, due_at, attempts, lease, last_error, settled_at) ON outbox TO sp_main;
GRANT SELECT, INSERT, DELETE ON callback_receipts TO sp_main;
