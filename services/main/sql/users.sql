-- find_user: A user by name, with the hash to check the password against
SELECT id, name, role, password_hash
FROM users
WHERE name = %(name)s;

-- put_user: Create a user, or give an existing one a new password (by the schema's owner)
INSERT INTO users (name, password_hash, role)
VALUES (%(name)s, %(password_hash)s, %(role)s)
ON CONFLICT (name) DO UPDATE SET password_hash = excluded.password_hash, role = excluded.role
RETURNING id;

-- end_sessions_of_user: Whoever signed in with the old password is out (by the schema's owner)
DELETE FROM sessions
WHERE user_id = %(user_id)s;

-- open_session: Remember that a token stands for a user
INSERT INTO sessions (token_digest, user_id, expires_at)
VALUES (%(token_digest)s, %(user_id)s, now() + make_interval(secs => %(lifetime)s));

-- find_session_user: Whom a token stands for, while it is valid
SELECT users.id, users.name, users.role
FROM sessions
JOIN users ON users.id = sessions.user_id
WHERE sessions.token_digest = %(token_digest)s AND sessions.expires_at > now();

-- close_session: Sign out
DELETE FROM sessions
WHERE token_digest = %(token_digest)s;

-- forget_expired_sessions: Housekeeping
DELETE FROM sessions
WHERE expires_at <= now();
