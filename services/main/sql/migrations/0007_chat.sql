-- The chat about a request: one numbered list of entries for each, in which edits and deletions are entries too.
--
-- The invariant: numbers begin at 1 and have no gaps, and who sees number N sees all below it. Whoever adds entries
-- holds the row of chat_heads until the commit; a rollback gives the numbers back.

CREATE TABLE chat_heads (
    request_id bigint PRIMARY KEY REFERENCES requests,
    last bigint NOT NULL DEFAULT 0 CHECK (last >= 0)
);

CREATE TABLE chat_entries (
    request_id bigint NOT NULL REFERENCES chat_heads,
    seq bigint NOT NULL CHECK (seq > 0),
    kind text NOT NULL CHECK (kind IN ('text', 'edit', 'delete')),
    message bigint NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    author_id bigint NOT NULL REFERENCES users,
    client_id uuid NOT NULL,
    body text CHECK (length(body) BETWEEN 1 AND 2000),
    written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (request_id, seq),
    -- What is sent again, because its ack was lost, is there already.
    UNIQUE (request_id, author_id, client_id),
    -- Of two changes that were made to the same version, one is too late.
    UNIQUE (request_id, message, version),
    FOREIGN KEY (request_id, message) REFERENCES chat_entries (request_id, seq),
    CHECK ((kind = 'text') = (message = seq)),
    CHECK ((kind = 'text') = (version = 1)),
    CHECK (kind <> 'delete' OR body IS NULL)
);
COMMENT ON COLUMN chat_entries.message IS 'The entry that began the message which this one belongs to';
COMMENT ON COLUMN chat_entries.body IS 'Null once a later version has taken its place: what was edited out or deleted is gone';

CREATE TABLE chat_marks (
    request_id bigint NOT NULL REFERENCES chat_heads,
    user_id bigint NOT NULL REFERENCES users,
    delivered bigint NOT NULL,
    read bigint NOT NULL,
    PRIMARY KEY (request_id, user_id),
    CHECK (0 <= read AND read <= delivered)
);
COMMENT ON COLUMN chat_marks.delivered IS 'All entries up to this one have reached the user; read: were shown to them';

CREATE FUNCTION check_mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.delivered := greatest(OLD.delivered, NEW.delivered);
    NEW.read := greatest(OLD.read, NEW.read);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION check_mark() IS 'Marks never go back, in whatever order they come';
CREATE TRIGGER chat_marks_forward BEFORE UPDATE ON chat_marks FOR EACH ROW EXECUTE FUNCTION check_mark();

GRANT SELECT, INSERT (request_id), UPDATE (last) ON chat_heads TO sp_main;
GRANT SELECT, INSERT, UPDATE (body) ON chat_entries TO sp_main;
GRANT SELECT, INSERT, UPDATE (delivered, read) ON chat_marks TO sp_main;
