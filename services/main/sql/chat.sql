-- begin_chat: The first who comes to a chat makes its head
INSERT INTO chat_heads (request_id)
VALUES (%(request_id)s)
ON CONFLICT DO NOTHING;

-- lock_chats: Nobody else adds entries to these chats until the commit; always in the same order, so that none waits in a ring
SELECT chat_heads.request_id, chat_heads.last, now()
FROM chat_heads
JOIN requests ON requests.id = chat_heads.request_id AND requests.state <> 'deleted'
WHERE chat_heads.request_id = ANY (%(request_ids)s::bigint[])
ORDER BY chat_heads.request_id
FOR UPDATE OF chat_heads;

-- find_sent: What was sent before
SELECT entry.request_id, entry.author_id, entry.client_id, entry.seq
FROM unnest(%(request_ids)s::bigint[], %(author_ids)s::bigint[], %(client_ids)s::uuid[])
    AS sent (request_id, author_id, client_id)
JOIN chat_entries AS entry USING (request_id, author_id, client_id);

-- find_standings: How some messages stand now, by their newest entry
SELECT DISTINCT ON (entry.request_id, entry.message)
    entry.request_id, entry.message, entry.author_id, entry.version, entry.kind = 'delete' AS is_deleted
FROM unnest(%(request_ids)s::bigint[], %(messages)s::bigint[]) AS wanted (request_id, message)
JOIN chat_entries AS entry USING (request_id, message)
ORDER BY entry.request_id, entry.message, entry.version DESC;

-- add_entries: New entries, under their numbers
INSERT INTO chat_entries (request_id, seq, kind, message, version, author_id, client_id, body)
SELECT *
FROM unnest(
    %(request_ids)s::bigint[], %(seqs)s::bigint[], %(kinds)s::text[], %(messages)s::bigint[], %(versions)s::integer[],
    %(author_ids)s::bigint[], %(client_ids)s::uuid[], %(bodies)s::text[]
);

-- blank_older: What a newer version has replaced is kept no longer
UPDATE chat_entries AS older
SET body = NULL
FROM unnest(%(request_ids)s::bigint[], %(messages)s::bigint[], %(versions)s::integer[])
    AS newer (request_id, message, version)
WHERE older.request_id = newer.request_id
    AND older.message = newer.message
    AND older.version < newer.version
    AND older.body IS NOT NULL;

-- advance_chats: The new last numbers
UPDATE chat_heads
SET last = advanced.last
FROM unnest(%(request_ids)s::bigint[], %(lasts)s::bigint[]) AS advanced (request_id, last)
WHERE chat_heads.request_id = advanced.request_id;

-- chat_last: The newest number; no row where nobody has been yet
SELECT last
FROM chat_heads
WHERE request_id = %(request_id)s;

-- read_chats: What came after a place in each of some chats, at most so many entries of each
SELECT place.request_id, entry.seq, entry.kind, entry.message, entry.version, users.name, entry.client_id, entry.body,
    entry.written_at
FROM unnest(%(request_ids)s::bigint[], %(afters)s::bigint[]) AS place (request_id, after)
CROSS JOIN LATERAL (
    SELECT *
    FROM chat_entries
    WHERE chat_entries.request_id = place.request_id AND chat_entries.seq > place.after
    ORDER BY chat_entries.seq
    LIMIT %(most)s
) AS entry
JOIN users ON users.id = entry.author_id
ORDER BY place.request_id, entry.seq;

-- list_messages: A page of messages as they are now, oldest first
SELECT first.seq, users.name AS author, newest.version, newest.body AS text, newest.kind = 'delete' AS is_deleted,
    first.written_at
FROM chat_entries AS first
JOIN users ON users.id = first.author_id
CROSS JOIN LATERAL (
    SELECT *
    FROM chat_entries
    WHERE chat_entries.request_id = first.request_id AND chat_entries.message = first.seq
    ORDER BY chat_entries.version DESC
    LIMIT 1
) AS newest
WHERE first.request_id = %(request_id)s AND first.kind = 'text' AND first.seq > %(after)s
ORDER BY first.seq
LIMIT %(limit)s;

-- keep_marks: How far somebody has come, never beyond what there is, and never back (a trigger sees to that)
INSERT INTO chat_marks (request_id, user_id, delivered, read)
SELECT chat_heads.request_id, mark.user_id, least(mark.delivered, chat_heads.last), least(mark.read, chat_heads.last)
FROM unnest(%(request_ids)s::bigint[], %(user_ids)s::bigint[], %(delivered)s::bigint[], %(read)s::bigint[])
    AS mark (request_id, user_id, delivered, read)
JOIN chat_heads USING (request_id)
ORDER BY chat_heads.request_id, mark.user_id
ON CONFLICT (request_id, user_id) DO UPDATE
SET delivered = excluded.delivered, read = excluded.read
WHERE excluded.delivered > chat_marks.delivered OR excluded.read > chat_marks.read
RETURNING request_id;

-- read_marks: How far everybody has come in some chats
SELECT chat_marks.request_id, users.name, chat_marks.delivered, chat_marks.read
FROM chat_marks
JOIN users ON users.id = chat_marks.user_id
WHERE chat_marks.request_id = ANY (%(request_ids)s::bigint[])
ORDER BY chat_marks.request_id, users.name;
