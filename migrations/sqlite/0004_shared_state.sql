-- What plugins count and keep for all nodes, where no Redis does. No row is of use after `expires_ms`,
-- Unix milliseconds; readers pass over it, and a sweep deletes it.

CREATE TABLE shared_counters (
    key TEXT PRIMARY KEY,
    counted INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX shared_counters_expire ON shared_counters (expires_ms);

CREATE TABLE shared_values (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX shared_values_expire ON shared_values (expires_ms);
