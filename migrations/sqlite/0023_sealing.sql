-- Secrets sealed with the operator's keys; see docs/secrets.md.

-- Whether writes seal them, beside the number that every write takes in any case: 1 is yes.
ALTER TABLE revision ADD COLUMN sealing INTEGER NOT NULL DEFAULT 0;

CREATE TABLE sealing (
    only_row INTEGER PRIMARY KEY DEFAULT 1 CHECK (only_row = 1),
    -- The key of the hashes that stand for secrets in entity_keys, itself sealed.
    index_key TEXT NOT NULL
) STRICT;
