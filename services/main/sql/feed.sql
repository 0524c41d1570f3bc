-- lock_feed: Nobody else numbers events until the commit. A statement of its own, so that the next one looks afterwards.
-- `here` is what the function feed_origin says, which is the owner's alone to call
SELECT feed_head.last, feed_head.origin = database.here AS same_origin, database.here
FROM feed_head, (
    SELECT concat_ws('/', system.system_identifier, checkpoint.timeline_id, pg_database.oid, 'feed_head'::regclass::oid)
    FROM pg_control_system() AS system, pg_control_checkpoint() AS checkpoint, pg_database
    WHERE pg_database.datname = current_database()
) AS database (here)
FOR UPDATE OF feed_head;

-- begin_epoch: Because this database is not the one that gave out the numbers
WITH forgotten AS (DELETE FROM feed_log)
UPDATE feed_head
SET epoch = left(replace(gen_random_uuid()::text, '-', ''), 16), origin = %(origin)s;

-- number_events: Number what is committed, while the feed is locked. The newest number; no row where there is nothing
WITH taken AS (
    DELETE FROM feed_pending
    WHERE id IN (SELECT id FROM feed_pending ORDER BY id LIMIT %(most)s)
    RETURNING id, kind, creator_id, to_moderators, body
),
numbered AS (
    INSERT INTO feed_log (seq, kind, creator_id, to_moderators, body)
    SELECT %(last)s + row_number() OVER (ORDER BY id), kind, creator_id, to_moderators, body
    FROM taken
    RETURNING seq
)
UPDATE feed_head
SET last = (SELECT max(seq) FROM numbered)
WHERE EXISTS (SELECT FROM numbered)
RETURNING last;

-- announce_feed: Wake the processes that serve the feed, at commit
SELECT pg_notify('main_feed', '');

-- read_feed: The epoch, and the events after a number, in one look. One row without an event where there is none
SELECT feed_head.epoch, feed_head.last, feed_log.seq, feed_log.kind, feed_log.creator_id, feed_log.to_moderators,
    feed_log.body::text
FROM feed_head
LEFT JOIN feed_log ON feed_log.seq > %(after)s
ORDER BY feed_log.seq
LIMIT %(most)s;

-- forget_events: Keep the newest only
DELETE FROM feed_log
WHERE seq <= (SELECT last FROM feed_head) - %(kept)s::bigint;
