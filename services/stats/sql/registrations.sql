-- count_registration: One more in the quarter of an hour in which it happened
INSERT INTO registrations (slot, count)
VALUES (date_bin('15 minutes', %(occurred_at)s::timestamptz, '2000-01-01 00:00+00'), 1)
ON CONFLICT (slot) DO UPDATE SET count = registrations.count + 1;

-- total: How many are counted
SELECT coalesce(sum(count), 0)::bigint
FROM registrations;

-- hold_consumers: Nobody counts until this transaction ends; whoever counts now ends first
LOCK TABLE inbox IN EXCLUSIVE MODE;

-- forget_counts: Begin at nothing
DELETE FROM registrations;

-- forget_inbox: The events that were counted are to be counted again
DELETE FROM inbox
WHERE consumer = %(consumer)s;

-- take_log: Count what the log holds, and mark each event of it, published or not: when it comes it is a duplicate
WITH taken AS (
    INSERT INTO inbox (consumer, event_id)
    SELECT %(consumer)s, event_id
    FROM main.registration_log
    WHERE version = %(version)s
    RETURNING event_id
)
INSERT INTO registrations (slot, count)
SELECT date_bin('15 minutes', occurred_at, '2000-01-01 00:00+00'), count(*)
FROM main.registration_log
JOIN taken USING (event_id)
GROUP BY 1;
