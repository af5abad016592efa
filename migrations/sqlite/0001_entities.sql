-- Every kind of entity lives in the same few tables; see docs/decisions/0003-generic-entity-tables.md.
-- Ids are 16 bytes (BLOB), in the order of their text.

CREATE TABLE revision (
    only_row INTEGER PRIMARY KEY DEFAULT 1 CHECK (only_row = 1),
    -- Bumped by every write, in its transaction: the order of revisions is the order of commits.
    current INTEGER NOT NULL,
    -- The change feed is whole for everything after this revision.
    feed_after INTEGER NOT NULL
) STRICT;
INSERT INTO revision (current, feed_after) VALUES (0, 0);

CREATE TABLE entities (
    kind TEXT NOT NULL,
    id BLOB NOT NULL,
    -- JSON as the Admin API prints it, with its fields in order. Text, since no query looks inside.
    document TEXT NOT NULL,
    -- The writes that made and last changed it.
    created INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    -- Unix seconds; from then on the entity does not exist.
    expires_at INTEGER,
    PRIMARY KEY (kind, id)
) STRICT;
CREATE INDEX entities_expires ON entities (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE entity_keys (
    kind TEXT NOT NULL,
    field TEXT NOT NULL,
    -- The value itself, or its digest if it is too long for an index.
    value TEXT NOT NULL,
    id BLOB NOT NULL,
    PRIMARY KEY (kind, field, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX entity_keys_of ON entity_keys (kind, id);

CREATE TABLE entity_links (
    kind TEXT NOT NULL,
    id BLOB NOT NULL,
    field TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_id BLOB NOT NULL,
    on_delete TEXT NOT NULL CHECK (on_delete IN ('restrict', 'cascade')),
    PRIMARY KEY (kind, id, field)
) STRICT, WITHOUT ROWID;
-- Serves the pages below a parent in their order, and the search for referrers before a delete.
CREATE INDEX entity_links_to ON entity_links (target_id, kind, field, id);

CREATE TABLE entity_tags (
    tag TEXT NOT NULL,
    kind TEXT NOT NULL,
    id BLOB NOT NULL,
    PRIMARY KEY (tag, kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX entity_tags_of ON entity_tags (kind, id);

CREATE TABLE changes (
    revision INTEGER NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    id BLOB NOT NULL,
    operation TEXT NOT NULL CHECK (operation IN ('insert', 'replace', 'delete')),
    -- JSON: [[field, value], …], the unique keys before and after.
    keys TEXT NOT NULL,
    -- JSON: [[target kind, target id], …], the references before and after.
    links TEXT NOT NULL,
    PRIMARY KEY (revision, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE components (
    digest TEXT PRIMARY KEY,
    bytes BLOB NOT NULL,
    -- Unix seconds; a blob that nothing names yet is left alone while it is young.
    stored_at INTEGER NOT NULL
) STRICT;
