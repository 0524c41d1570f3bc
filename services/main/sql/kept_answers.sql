-- begin_call: Whether this call is the only one under way with its key; held until the transaction ends
SELECT pg_try_advisory_xact_lock(hashtextextended(%(key)s::text, %(user_id)s::bigint));

-- find_answer: What the call was answered before
SELECT fingerprint, status, headers, body
FROM kept_answers
WHERE user_id = %(user_id)s AND key = %(key)s AND kept_at >= now() - interval '1 day';

-- keep_answer: Remember the answer, in the transaction of what the call did
INSERT INTO kept_answers (user_id, key, fingerprint, status, headers, body)
VALUES (%(user_id)s, %(key)s, %(fingerprint)s, %(status)s, %(headers)s, %(body)s);

-- forget_answers: Housekeeping: a key is good for a day
DELETE FROM kept_answers
WHERE (user_id, key) IN (
    SELECT user_id, key
    FROM kept_answers
    WHERE kept_at < now() - interval '1 day'
    FOR UPDATE SKIP LOCKED
);
