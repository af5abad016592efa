-- The one workspace. Its id is the one that Kong gives it without a database.
INSERT INTO entities (kind, id, document, created, revision)
VALUES ('workspaces', X'0dc6f45b8f8d40d2a504473544ee190b',
    '{"id":"0dc6f45b-8f8d-40d2-a504-473544ee190b","name":"default","comment":null,"created_at":' || unixepoch()
        || ',"updated_at":' || unixepoch() || ',"meta":null,"config":null}',
    0, 0);
INSERT INTO entity_keys (kind, field, value, id)
VALUES ('workspaces', 'name', 'default', X'0dc6f45b8f8d40d2a504473544ee190b');
