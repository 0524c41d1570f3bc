-- add_event: A fact for the message broker, to be published once this transaction is committed
INSERT INTO events (topic, type, version, key, payload, correlation_id)
VALUES (%(topic)s, %(type)s, %(version)s, %(key)s, %(payload)s, %(correlation_id)s);

-- announce_event: Wake the publisher at commit
NOTIFY main_events;

-- today: The date in a time zone
SELECT (now() AT TIME ZONE %(zone)s::text)::date;

-- count_registrations: Registrations of each day, as days go in a time zone. Those without any are there too
SELECT day::date, coalesce(sum(counts.count), 0)::bigint
FROM generate_series(%(from_day)s::date::timestamp, %(to_day)s::date::timestamp, interval '1 day') AS day
LEFT JOIN stats.registration_counts AS counts
    ON counts.slot >= day AT TIME ZONE %(zone)s::text
    AND counts.slot < (day + interval '1 day') AT TIME ZONE %(zone)s::text
GROUP BY day
ORDER BY day;
