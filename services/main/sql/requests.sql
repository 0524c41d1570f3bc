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

-- find_request: A request without its items
SELECT requests.id, requests.creator_id, users.name AS creator, requests.state, requests.formed_at
FROM requests
JOIN users ON users.id = requests.creator_id
WHERE requests.id = %(request_id)s;

-- lock_request: The same, held until the transaction ends
SELECT requests.id, requests.creator_id, users.name AS creator, requests.state, requests.formed_at
FROM requests
JOIN users ON users.id = requests.creator_id
WHERE requests.id = %(request_id)s
FOR UPDATE OF requests;

-- list_items: The items of a request
SELECT request_items.stock_id, stocks.company, stocks.price, request_items.quantity, request_items.result
FROM request_items
JOIN stocks ON stocks.id = request_items.stock_id
WHERE request_items.request_id = %(request_id)s
ORDER BY stocks.company;

-- mark_formed: From draft to formed
UPDATE requests
SET state = 'formed', formed_at = now()
WHERE id = %(request_id)s AND state = 'draft';

-- assign_job: Let an item wait for its job
UPDATE request_items
SET job_id = %(job)s
WHERE request_id = %(request_id)s AND stock_id = %(stock_id)s AND job_id IS NULL;

-- set_result: The result, only where exactly this job waits for it: the last guard of the callback
UPDATE request_items
SET result = %(result)s, result_at = now()
FROM requests
WHERE request_items.job_id = %(job)s
    AND request_items.stock_id = %(stock_id)s
    AND request_items.request_id = %(request_id)s
    AND request_items.result IS NULL
    AND requests.id = request_items.request_id
    AND requests.state = 'formed'
RETURNING request_items.stock_id;

-- find_job_item: What has become of a job, to tell a late duplicate from a stranger
SELECT request_items.result
FROM request_items
WHERE job_id = %(job)s AND stock_id = %(stock_id)s AND request_id = %(request_id)s;
