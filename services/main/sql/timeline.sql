-- keep_form: Step 1 of the timeline: the request is formed, in this very transaction
INSERT INTO timeline (request_id, step, began_at, ended_at, trace_id)
VALUES (%(request_id)s, 1, now(), clock_timestamp(), %(trace_id)s)
ON CONFLICT DO NOTHING;

-- keep_reports: Steps 3, 5 and 6: what the async service tells of its part, and the callbacks themselves
INSERT INTO timeline (request_id, job, step, began_at, ended_at)
SELECT report.request_id, report.job, steps.step, steps.began_at, steps.ended_at
FROM unnest(
    %(request_ids)s::bigint[], %(jobs)s::uuid[], %(received)s::timestamptz[], %(accepted)s::timestamptz[],
    %(drawn)s::timestamptz[]
) AS report (request_id, job, received_at, accepted_at, drawn_at)
CROSS JOIN LATERAL (
    VALUES
        (3, report.received_at, report.accepted_at),
        (5, report.accepted_at, report.drawn_at),
        (6, now(), clock_timestamp())
) AS steps (step, began_at, ended_at)
WHERE steps.began_at IS NOT NULL AND steps.ended_at IS NOT NULL
ON CONFLICT DO NOTHING;

-- keep_seen: Step 7: the creator was shown results for the first time. Rows only where there is news
INSERT INTO timeline (request_id, job, step, began_at, ended_at)
SELECT request_id, job, 7, now(), now()
FROM timeline AS reported
WHERE request_id = %(request_id)s
    AND step = 6
    AND NOT EXISTS (
        SELECT FROM timeline AS seen WHERE seen.request_id = reported.request_id AND seen.job = reported.job AND seen.step = 7
    )
ON CONFLICT DO NOTHING
RETURNING
    job,
    (SELECT formed.trace_id FROM timeline AS formed WHERE formed.request_id = %(request_id)s AND formed.step = 1);

-- list_timeline: What happened to a request, in the order in which it began
SELECT step, job, attempt, began_at, ended_at, trace_id
FROM timeline
WHERE request_id = %(request_id)s
ORDER BY began_at, step, job;
