CREATE SCHEMA stats;

ALTER SCHEMA stats OWNER TO sp_owner;

CREATE TABLE stats.inbox (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    taken_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE stats.inbox OWNER TO sp_owner;

COMMENT ON TABLE stats.inbox IS 'Events that are counted: marked in the transaction that counts them';

CREATE TABLE stats.migrations (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE stats.migrations OWNER TO sp_owner;

CREATE TABLE stats.registrations (
    slot timestamp with time zone NOT NULL,
    count bigint NOT NULL,
    CONSTRAINT registrations_count_check CHECK ((count > 0)),
    CONSTRAINT registrations_slot_check CHECK ((slot = date_bin('00:15:00'::interval, slot, '2000-01-01 00:00:00+00'::timestamp with time zone)))
);

ALTER TABLE stats.registrations OWNER TO sp_owner;

COMMENT ON COLUMN stats.registrations.slot IS 'Beginning of the quarter of an hour';

CREATE VIEW stats.registration_counts AS
 SELECT registrations.slot,
    registrations.count
   FROM stats.registrations;

ALTER TABLE stats.registration_counts OWNER TO sp_owner;

ALTER TABLE ONLY stats.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (consumer, event_id);

ALTER TABLE ONLY stats.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (number);

ALTER TABLE ONLY stats.registrations
    ADD CONSTRAINT registrations_pkey PRIMARY KEY (slot);

GRANT USAGE ON SCHEMA stats TO sp_main;
GRANT USAGE ON SCHEMA stats TO sp_stats;

GRANT SELECT,INSERT,DELETE ON TABLE stats.inbox TO sp_stats;

GRANT SELECT,INSERT,DELETE ON TABLE stats.registrations TO sp_stats;

GRANT UPDATE(count) ON TABLE stats.registrations TO sp_stats;

GRANT SELECT ON TABLE stats.registration_counts TO sp_main;
