-- What plugins count and keep for all nodes, where no Redis does. No row is of use after `expires_ms`,
-- Unix milliseconds; readers pass over it, and a sweep deletes it.

-- Unlogged: a counter that is lost with a crash of the server is worth less than a disk write a request.
CREATE UNLOGGED TABLE shared_counters (
    key TEXT COLLATE "C" PRIMARY KEY,
    counted BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX shared_counters_expire ON shared_counters (expires_ms);

CREATE TABLE shared_values (
    key TEXT COLLATE "C" PRIMARY KEY,
    value BYTEA NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX shared_values_expire ON shared_values (expires_ms);
