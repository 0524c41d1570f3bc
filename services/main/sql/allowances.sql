-- spend: Take one from an allowance of `burst`, which grows back by one every `every` seconds. No row when it is used up
INSERT INTO allowances (subject, spent_until)
VALUES (%(subject)s, now() + make_interval(secs => %(every)s))
ON CONFLICT (subject) DO UPDATE
SET spent_until = greatest(allowances.spent_until, now()) + make_interval(secs => %(every)s)
WHERE greatest(allowances.spent_until, now()) + make_interval(secs => %(every)s)
    <= now() + make_interval(secs => %(every)s::float8 * %(burst)s::float8)
RETURNING spent_until;

-- next_allowed: Seconds until one can be taken again
SELECT extract(epoch FROM spent_until - now())::float8 - %(every)s::float8 * (%(burst)s::float8 - 1)
FROM allowances
WHERE subject = %(subject)s;

-- give_back: What was right costs nothing
UPDATE allowances
SET spent_until = spent_until - make_interval(secs => %(every)s)
WHERE subject = %(subject)s;

-- forget_allowances: Housekeeping: what has grown back whole is as good as new
DELETE FROM allowances
WHERE subject IN (SELECT subject FROM allowances WHERE spent_until <= now() FOR UPDATE SKIP LOCKED);
