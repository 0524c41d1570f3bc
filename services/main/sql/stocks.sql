-- list_stocks: A page of the catalogue: what the filters let through, after a given stock
SELECT id, company, price, is_growing, description, picture, version
FROM stocks
WHERE status = 'active'
    AND (%(text)s::text IS NULL OR position(lower(%(text)s::text) IN lower(company || ' ' || description)) > 0)
    AND (%(is_growing)s::boolean IS NULL OR is_growing = %(is_growing)s::boolean)
    AND (%(least)s::numeric IS NULL OR price >= %(least)s::numeric)
    AND (%(most)s::numeric IS NULL OR price <= %(most)s::numeric)
    AND (
        %(after)s::bigint IS NULL
        OR (company, id) > (SELECT last.company, last.id FROM stocks AS last WHERE last.id = %(after)s::bigint)
    )
ORDER BY company, id
LIMIT %(limit)s;

-- find_stock: One stock of the catalogue
SELECT id, company, price, is_growing, description, picture, version
FROM stocks
WHERE id = %(stock_id)s AND status = 'active';

-- lock_stock: The same, held until the transaction ends
SELECT id, company, price, is_growing, description, picture, version
FROM stocks
WHERE id = %(stock_id)s AND status = 'active'
FOR NO KEY UPDATE;

-- add_stock: A new stock. Fails when its company has one
INSERT INTO stocks (company, price, is_growing, description, picture)
VALUES (%(company)s, %(price)s, %(is_growing)s, %(description)s, %(picture)s)
RETURNING id, company, price, is_growing, description, picture, version;

-- change_stock: All that a moderator may change. Fails when another stock has the company
UPDATE stocks
SET
    company = %(company)s,
    price = %(price)s,
    is_growing = %(is_growing)s,
    description = %(description)s,
    picture = %(picture)s
WHERE id = %(stock_id)s
RETURNING id, company, price, is_growing, description, picture, version;

-- delete_stock: Out of the catalogue; requests that hold it keep it
UPDATE stocks
SET status = 'deleted'
WHERE id = %(stock_id)s;

-- ready: Whether the schema is there and may be read
SELECT 1 FROM stocks LIMIT 1;
