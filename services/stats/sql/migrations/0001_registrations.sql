-- Counted by the quarter of an hour, in UTC: the offset of every time zone in use is a multiple of it, so the days of any
-- zone are whole sums, and another zone needs no counting anew.
CREATE TABLE registrations (
    slot timestamptz PRIMARY KEY CHECK (slot = date_bin('15 minutes', slot, '2000-01-01 00:00+00')),
    count bigint NOT NULL CHECK (count > 0)
);
COMMENT ON COLUMN registrations.slot IS 'Beginning of the quarter of an hour';

CREATE TABLE inbox (
    consumer text,
    event_id uuid,
    taken_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
COMMENT ON TABLE inbox IS 'Events that are counted: marked in the transaction that counts them';

GRANT SELECT, INSERT, DELETE ON registrations TO sp_stats;
GRANT UPDATE (count) ON registrations TO sp_stats;
GRANT SELECT, INSERT, DELETE ON inbox TO sp_stats;

-- What the main service shows to moderators.
CREATE VIEW registration_counts AS SELECT slot, count FROM registrations;
GRANT USAGE ON SCHEMA stats TO sp_main;
GRANT SELECT ON registration_counts TO sp_main;

GRANT USAGE ON SCHEMA stats TO sp_stats;
