-- The one workspace. Its id is the one that Kong gives it without a database.
INSERT INTO entities (kind, id, document, created, revision)
SELECT 'workspaces', '0dc6f45b-8f8d-40d2-a504-473544ee190b',
    '{"id":"0dc6f45b-8f8d-40d2-a504-473544ee190b","name":"default","comment":null,"created_at":' || now.at
        || ',"updated_at":' || now.at || ',"meta":null,"config":null}',
    0, 0
FROM (SELECT extract(epoch FROM now())::bigint AS at) AS now;
INSERT INTO entity_keys (kind, field, value, id)
VALUES ('workspaces', 'name', 'default', '0dc6f45b-8f8d-40d2-a504-473544ee190b');
