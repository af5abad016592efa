-- What was changed through the Admin API, by whom, and what was refused. A row is written in the
-- transaction of its change and covers the row before it; see docs/admin-security.md.
CREATE TABLE audit_log (
    seq bigint PRIMARY KEY,
    -- Unix milliseconds, by the clock of the node that wrote it.
    at_ms bigint NOT NULL,
    -- JSON. Kept as text, since the digest is over these bytes.
    entry text NOT NULL,
    -- Hex digits of SHA-256 over the digest before, the number and the entry.
    digest text COLLATE "C" NOT NULL
);
CREATE INDEX audit_log_at ON audit_log (at_ms);

-- The ends of the chain: the newest row, and the last one that was forgotten for its age.
CREATE TABLE audit_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    seq bigint NOT NULL,
    digest text COLLATE "C" NOT NULL,
    floor_seq bigint NOT NULL,
    floor_digest text COLLATE "C" NOT NULL
);
INSERT INTO audit_head (seq, digest, floor_seq, floor_digest) VALUES (0, '', 0, '');
