-- list_stocks: What the catalogue shows
SELECT id, company, price, is_growing, description, picture
FROM stocks
WHERE status = 'active'
ORDER BY company;

-- find_stock: One stock of the catalogue
SELECT id, company, price, is_growing, description, picture
FROM stocks
WHERE id = %(stock_id)s AND status = 'active';

-- ready: Whether the schema is there and may be read
SELECT 1 FROM stocks LIMIT 1;
