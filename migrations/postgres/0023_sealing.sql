-- Secrets sealed with the operator's keys; see docs/secrets.md.

-- Whether writes seal them, beside the number that every write takes in any case: 1 is yes.
ALTER TABLE revision ADD COLUMN sealing bigint NOT NULL DEFAULT 0;

CREATE TABLE sealing (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- The key of the hashes that stand for secrets in entity_keys, itself sealed.
    index_key text NOT NULL
);
