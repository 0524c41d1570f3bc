-- keep_receipt: Note a signed message as taken. No row when it was taken before
INSERT INTO callback_receipts (message_id, signed_at)
VALUES (%(message_id)s, %(signed_at)s)
ON CONFLICT DO NOTHING
RETURNING message_id;

-- forget_receipts: Housekeeping: past the signature's tolerance a replay is refused for its age
DELETE FROM callback_receipts
WHERE received_at < now() - interval '1 hour';
