-- Every kind of entity lives in the same few tables; see docs/decisions/0003-generic-entity-tables.md.
-- Text is compared byte by byte (collation "C"): the order is the same on every machine and in SQLite.

CREATE TABLE revision (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- Bumped by every write, in its transaction: the order of revisions is the order of commits.
    current bigint NOT NULL,
    -- The change feed is whole for everything after this revision.
    feed_after bigint NOT NULL
);
INSERT INTO revision (current, feed_after) VALUES (0, 0);

CREATE TABLE entities (
    kind text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    -- JSON as the Admin API prints it, with its fields in order. Text, since no query looks inside.
    document text NOT NULL,
    -- The writes that made and last changed it.
    created bigint NOT NULL,
    revision bigint NOT NULL,
    -- Unix seconds; from then on the entity does not exist.
    expires_at bigint,
    PRIMARY KEY (kind, id)
);
CREATE INDEX entities_expires ON entities (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE entity_keys (
    kind text COLLATE "C" NOT NULL,
    field text COLLATE "C" NOT NULL,
    -- The value itself, or its digest if it is too long for an index.
    value text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    PRIMARY KEY (kind, field, value)
);
CREATE INDEX entity_keys_of ON entity_keys (kind, id);

CREATE TABLE entity_links (
    kind text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    field text COLLATE "C" NOT NULL,
    target_kind text COLLATE "C" NOT NULL,
    target_id uuid NOT NULL,
    on_delete text COLLATE "C" NOT NULL CHECK (on_delete IN ('restrict', 'cascade')),
    PRIMARY KEY (kind, id, field)
);
-- Serves the pages below a parent in their order, and the search for referrers before a delete.
CREATE INDEX entity_links_to ON entity_links (target_id, kind, field, id);

CREATE TABLE entity_tags (
    tag text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    PRIMARY KEY (tag, kind, id)
);
CREATE INDEX entity_tags_of ON entity_tags (kind, id);

CREATE TABLE changes (
    revision bigint NOT NULL,
    position integer NOT NULL,
    kind text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    operation text COLLATE "C" NOT NULL CHECK (operation IN ('insert', 'replace', 'delete')),
    -- JSON: [[field, value], …], the unique keys before and after.
    keys text NOT NULL,
    -- JSON: [[target kind, target id], …], the references before and after.
    links text NOT NULL,
    PRIMARY KEY (revision, position)
);

CREATE TABLE components (
    digest text COLLATE "C" PRIMARY KEY,
    bytes bytea NOT NULL,
    -- Unix seconds; a blob that nothing names yet is left alone while it is young.
    stored_at bigint NOT NULL
);
-- Components are compressed by their authors or not at all; the table stays quick to read.
ALTER TABLE components ALTER COLUMN bytes SET STORAGE EXTERNAL;
