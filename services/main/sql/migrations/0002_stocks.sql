-- A handful of stocks to begin with. The companies are invented.

INSERT INTO stocks (company, price, is_growing, description, picture) VALUES
    ('Northwind Shipping', 312.40, true,
     'Container lines between the Baltic and the Barents Sea. Thirty-one ships, eleven of them ice class.',
     'northwind-shipping.svg'),
    ('Kama Turbines', 1840.00, true,
     'Gas and steam turbines up to 170 MW, and the service contracts that keep them running for forty years.',
     'kama-turbines.svg'),
    ('Altay Grain', 96.15, false,
     'Elevators, mills and a railway siding at each. Buys the harvest of nine hundred farms.',
     'altay-grain.svg'),
    ('Sevan Semiconductors', 2715.80, true,
     'Power electronics on silicon carbide for chargers, trams and wind farms.',
     'sevan-semiconductors.svg'),
    ('Ladoga Paper', 148.62, false,
     'Packaging board and newsprint from certified forests; moving from the second to the first.',
     'ladoga-paper.svg'),
    ('Meridian Telecom', 407.05, true,
     'Fibre and mobile networks in four time zones, and the data centres between them.',
     'meridian-telecom.svg');
