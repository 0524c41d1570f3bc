-- find_user: A user by name in any spelling, with the hash to check the password against
SELECT id, name, role, password_hash
FROM users
WHERE lower(name) = lower(%(name)s);

-- add_user: Register a creator. No row when the name is taken, in whatever spelling
INSERT INTO users (name, email, password_hash)
VALUES (%(name)s, %(email)s, %(password_hash)s)
ON CONFLICT DO NOTHING
RETURNING id, name, role;

-- put_user: Create a user, or give an existing one a new password (by the schema's owner)
INSERT INTO users (name, password_hash, role)
VALUES (%(name)s, %(password_hash)s, %(role)s)
ON CONFLICT (lower(name)) DO UPDATE SET password_hash = excluded.password_hash, role = excluded.role
RETURNING id;

-- end_sessions_of_user: Out everywhere
DELETE FROM sessions
WHERE user_id = %(user_id)s;

-- open_session: Remember that a token stands for a user
INSERT INTO sessions (token_digest, user_id, expires_at, address, agent)
VALUES (%(token_digest)s, %(user_id)s, now() + make_interval(secs => %(lifetime)s), %(address)s, %(agent)s);

-- find_session_user: Whom a token stands for, while it is valid and in use
SELECT users.id, users.name, users.role, sessions.seen_at < now() - interval '1 minute' AS unseen
FROM sessions
JOIN users ON users.id = sessions.user_id
WHERE sessions.token_digest = %(token_digest)s
    AND sessions.expires_at > now()
    AND sessions.seen_at > now() - make_interval(secs => %(idle)s);

-- touch_session: Note that it is in use
UPDATE sessions
SET seen_at = now()
WHERE token_digest = %(token_digest)s;

-- list_sessions: Where a user is signed in
SELECT id, created_at, seen_at, expires_at, address, agent, token_digest = %(token_digest)s AS is_current
FROM sessions
WHERE user_id = %(user_id)s
    AND expires_at > now()
    AND seen_at > now() - make_interval(secs => %(idle)s)
ORDER BY created_at DESC, id;

-- close_session: Sign out
DELETE FROM sessions
WHERE token_digest = %(token_digest)s;

-- end_session: Sign out one's own other session, by its id
DELETE FROM sessions
WHERE id = %(session_id)s AND user_id = %(user_id)s;

-- forget_expired_sessions: Housekeeping
DELETE FROM sessions
WHERE token_digest IN (
    SELECT token_digest
    FROM sessions
    WHERE expires_at <= now() OR seen_at <= now() - make_interval(secs => %(idle)s)
    FOR UPDATE SKIP LOCKED
);
