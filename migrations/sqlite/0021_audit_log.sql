-- What was changed through the Admin API, by whom, and what was refused. A row is written in the
-- transaction of its change and covers the row before it; see docs/admin-security.md.
CREATE TABLE audit_log (
    seq INTEGER PRIMARY KEY,
    -- Unix milliseconds, by the clock of the node that wrote it.
    at_ms INTEGER NOT NULL,
    -- JSON. Kept as text, since the digest is over these bytes.
    entry TEXT NOT NULL,
    -- Hex digits of SHA-256 over the digest before, the number and the entry.
    digest TEXT NOT NULL
) STRICT;
CREATE INDEX audit_log_at ON audit_log (at_ms);

-- The ends of the chain: the newest row, and the last one that was forgotten for its age.
CREATE TABLE audit_head (
    only_row INTEGER PRIMARY KEY DEFAULT 1 CHECK (only_row = 1),
    seq INTEGER NOT NULL,
    digest TEXT NOT NULL,
    floor_seq INTEGER NOT NULL,
    floor_digest TEXT NOT NULL
) STRICT;
INSERT INTO audit_head (seq, digest, floor_seq, floor_digest) VALUES (0, '', 0, '');
