-- find_draft: The creator's draft, if there is one
SELECT id
FROM requests
WHERE creator_id = %(creator_id)s AND state = 'draft';

-- open_draft: Begin a draft unless there is one; the partial unique index decides between two that come at once
INSERT INTO requests (creator_id)
VALUES (%(creator_id)s)
ON CONFLICT (creator_id) WHERE state = 'draft' DO NOTHING;

-- lock_draft: The creator's draft, held until the transaction ends, so that it is not formed meanwhile
SELECT id
FROM requests
WHERE creator_id = %(creator_id)s AND state = 'draft'
FOR UPDATE;

-- add_item: One more of a stock. No row when the quantity has reached its bound
INSERT INTO request_items (request_id, stock_id, quantity)
VALUES (%(request_id)s, %(stock_id)s, 1)
ON CONFLICT (request_id, stock_id) DO UPDATE SET quantity = request_items.quantity + 1
WHERE request_items.quantity < 1000000
RETURNING quantity;

-- count_items: How many stocks a request holds
SELECT count(*)
FROM request_items
WHERE request_id = %(request_id)s;

-- put_item: A stock in this quantity
INSERT INTO request_items (request_id, stock_id, quantity)
VALUES (%(request_id)s, %(stock_id)s, %(quantity)s)
ON CONFLICT (request_id, stock_id) DO UPDATE SET quantity = excluded.quantity;

-- keep_items: Take out what is not among these stocks
DELETE FROM request_items
WHERE request_id = %(request_id)s AND stock_id <> ALL (%(stock_ids)s::bigint[]);

-- find_request: A request without its items
SELECT
    requests.id,
    requests.creator_id,
    creator.name AS creator,
    requests.state,
    requests.created_at,
    requests.formed_at,
    requests.closed_at,
    moderator.name AS moderator
FROM requests
JOIN users AS creator ON creator.id = requests.creator_id
LEFT JOIN users AS moderator ON moderator.id = requests.moderator_id
WHERE requests.id = %(request_id)s;

-- lock_request: Hold a request until the transaction ends
SELECT id
FROM requests
WHERE id = %(request_id)s
FOR UPDATE;

-- list_requests: A page of requests, newest first: what this user may see and the filters let through
SELECT
    requests.id,
    requests.creator_id,
    creator.name AS creator,
    requests.state,
    requests.created_at,
    requests.formed_at,
    requests.closed_at,
    moderator.name AS moderator
FROM requests
JOIN users AS creator ON creator.id = requests.creator_id
LEFT JOIN users AS moderator ON moderator.id = requests.moderator_id
WHERE requests.state <> 'deleted'
    AND (
        requests.creator_id = %(user_id)s
        OR (%(is_moderator)s::boolean AND requests.state IN ('formed', 'completed', 'rejected'))
    )
    AND (%(states)s::text[] IS NULL OR requests.state = ANY (%(states)s::text[]))
    AND (%(creator)s::text IS NULL OR lower(creator.name) = lower(%(creator)s::text))
    AND (%(from_day)s::date IS NULL OR requests.formed_at >= %(from_day)s::date::timestamp AT TIME ZONE 'UTC')
    AND (%(to_day)s::date IS NULL OR requests.formed_at < (%(to_day)s::date + 1)::timestamp AT TIME ZONE 'UTC')
    AND (%(before)s::bigint IS NULL OR requests.id < %(before)s::bigint)
ORDER BY requests.id DESC
LIMIT %(limit)s;

-- list_items: The items of some requests
SELECT
    request_items.request_id,
    request_items.stock_id,
    stocks.company,
    stocks.price,
    request_items.quantity,
    request_items.result,
    stocks.status = 'active' AS is_offered
FROM request_items
JOIN stocks ON stocks.id = request_items.stock_id
WHERE request_items.request_id = ANY (%(request_ids)s::bigint[])
ORDER BY stocks.company, stocks.id;

-- mark_formed: From draft to formed
UPDATE requests
SET state = 'formed', formed_at = now()
WHERE id = %(request_id)s AND state = 'draft';

-- mark_deleted: From draft to deleted
UPDATE requests
SET state = 'deleted', closed_at = now()
WHERE id = %(request_id)s AND state = 'draft';

-- mark_closed: From formed to what the moderator decided
UPDATE requests
SET state = %(state)s, closed_at = now(), moderator_id = %(moderator_id)s
WHERE id = %(request_id)s AND state = 'formed';

-- assign_job: Let an item wait for its job
UPDATE request_items
SET job_id = %(job)s
WHERE request_id = %(request_id)s AND stock_id = %(stock_id)s AND job_id IS NULL;

-- set_results: Results, each only where exactly that job waits for it: the last guard of the callback
UPDATE request_items
SET result = report.result, result_at = now()
FROM
    unnest(%(jobs)s::uuid[], %(stock_ids)s::bigint[], %(request_ids)s::bigint[], %(results)s::text[])
        AS report (job, stock_id, request_id, result),
    requests
WHERE request_items.job_id = report.job
    AND request_items.stock_id = report.stock_id
    AND request_items.request_id = report.request_id
    AND request_items.result IS NULL
    AND requests.id = request_items.request_id
    -- A moderator may reject before the results are there: they come late, but are not lost.
    AND requests.state IN ('formed', 'rejected')
RETURNING request_items.job_id;

-- find_job_item: What has become of a job, to tell a late duplicate from a stranger
SELECT request_items.result
FROM request_items
WHERE job_id = %(job)s AND stock_id = %(stock_id)s AND request_id = %(request_id)s;
