-- The feed of live updates. A change and its event commit together: triggers write it, whatever code changed the row.
--
-- The invariant: who sees number N in feed_log sees every number below it that is still kept, and nothing is ever
-- added below. Numbers that concurrent transactions draw themselves become visible out of order, so events are
-- written without one, and numbered once they are committed: by one transaction at a time, which holds the row of
-- feed_head from before it looks until after it commits. A rollback gives the numbers back, so there are no gaps.
-- What was committed before another transaction began has a lower id, and is numbered in the same step or an earlier
-- one: causes come before effects.

CREATE TABLE feed_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch text NOT NULL CHECK (epoch ~ '^[0-9a-f]{16}$'),
    origin text NOT NULL,
    last bigint NOT NULL DEFAULT 0 CHECK (last >= 0)
);
COMMENT ON COLUMN feed_head.epoch IS 'Another one whenever the numbers may have been given out differently before';
COMMENT ON COLUMN feed_head.origin IS 'Which database this is; a restored one is another';

CREATE TABLE feed_pending (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('result', 'request', 'stock')),
    creator_id bigint,
    to_moderators boolean NOT NULL,
    body jsonb NOT NULL
);
COMMENT ON COLUMN feed_pending.creator_id IS 'Whom it concerns; null for everybody';

CREATE TABLE feed_log (
    seq bigint PRIMARY KEY,
    kind text NOT NULL,
    creator_id bigint,
    to_moderators boolean NOT NULL,
    body jsonb NOT NULL,
    numbered_at timestamptz NOT NULL DEFAULT now()
);

-- A dump that is restored makes new tables in another database or cluster; a physical backup that is recovered begins a
-- new timeline. A snapshot of the disk shows in none of these: see reset_feed.
CREATE FUNCTION feed_origin() RETURNS text LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT concat_ws('/', system.system_identifier, checkpoint.timeline_id, pg_database.oid, 'feed_head'::regclass::oid)
    FROM pg_control_system() AS system, pg_control_checkpoint() AS checkpoint, pg_database
    WHERE pg_database.datname = current_database()
$$;

CREATE FUNCTION new_epoch() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT left(replace(gen_random_uuid()::text, '-', ''), 16)
$$;

CREATE FUNCTION reset_feed() RETURNS void LANGUAGE sql SET search_path FROM CURRENT AS $$
    UPDATE feed_head SET epoch = new_epoch(), origin = feed_origin();
    DELETE FROM feed_log;
$$;
COMMENT ON FUNCTION reset_feed() IS 'Begin a new epoch: for use after restoring a snapshot of the disk';

INSERT INTO feed_head (epoch, origin) VALUES (new_epoch(), feed_origin());

CREATE FUNCTION tell_of_result() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO feed_pending (kind, creator_id, to_moderators, body)
    SELECT 'result', requests.creator_id, true,
        jsonb_build_object('request_id', NEW.request_id, 'stock_id', NEW.stock_id, 'result', NEW.result)
    FROM requests
    WHERE requests.id = NEW.request_id;
    RETURN NULL;
END $$;
CREATE TRIGGER feed AFTER UPDATE OF result ON request_items FOR EACH ROW
WHEN (NEW.result IS DISTINCT FROM OLD.result) EXECUTE FUNCTION tell_of_result();

-- A draft is its creator's alone, so a moderator does not hear of its deletion.
CREATE FUNCTION tell_of_request() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO feed_pending (kind, creator_id, to_moderators, body)
    VALUES ('request', NEW.creator_id, NEW.formed_at IS NOT NULL,
        jsonb_build_object('request_id', NEW.id, 'state', NEW.state));
    RETURN NULL;
END $$;
CREATE TRIGGER feed AFTER UPDATE OF state ON requests FOR EACH ROW
WHEN (NEW.state IS DISTINCT FROM OLD.state) EXECUTE FUNCTION tell_of_request();

CREATE FUNCTION tell_of_stock() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO feed_pending (kind, creator_id, to_moderators, body)
    VALUES ('stock', NULL, false, jsonb_build_object('stock_id', NEW.id, 'company', NEW.company,
        'price', NEW.price::text, 'is_growing', NEW.is_growing, 'status', NEW.status));
    RETURN NULL;
END $$;
CREATE TRIGGER feed_insert AFTER INSERT ON stocks FOR EACH ROW EXECUTE FUNCTION tell_of_stock();
CREATE TRIGGER feed_update AFTER UPDATE ON stocks FOR EACH ROW
WHEN (NEW IS DISTINCT FROM OLD) EXECUTE FUNCTION tell_of_stock();

GRANT SELECT, UPDATE (epoch, origin, last) ON feed_head TO sp_main;
GRANT SELECT, INSERT, DELETE ON feed_pending, feed_log TO sp_main;
