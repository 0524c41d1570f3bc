-- keep_receipts: Note signed messages as taken; those are returned that were not taken before
INSERT INTO callback_receipts (message_id, signed_at)
SELECT message_id, signed_at
FROM unnest(%(message_ids)s::text[], %(signed)s::timestamptz[]) AS message (message_id, signed_at)
-- One order for all, so that two processes with messages in common do not wait for each other.
ORDER BY message_id, signed_at
ON CONFLICT DO NOTHING
RETURNING message_id, signed_at;

-- drop_receipt: A message that was refused is not used up
DELETE FROM callback_receipts
WHERE message_id = %(message_id)s AND signed_at = %(signed_at)s;

-- forget_receipts: Housekeeping: past the signature's tolerance a replay is refused for its age
DELETE FROM callback_receipts
WHERE received_at < now() - interval '1 hour';
