-- Times are milliseconds on the clock of this file: see the table clock.

-- The identity of the node.
CREATE TABLE identity (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    id       BLOB NOT NULL CHECK (length(id) = 20)
) STRICT;

-- A moment on the clock of this file, on the wall clock (since 1970), and on the one that starts with
-- the machine.
CREATE TABLE clock (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    file_ms  INTEGER NOT NULL,
    unix_ms  INTEGER NOT NULL,
    boot_id  TEXT,
    boot_ms  INTEGER
) STRICT;

-- The routing table: identifier, address and port in 26 bytes, within a bucket the least recently seen
-- first, and when each last answered.
CREATE TABLE contact (
    position    INTEGER PRIMARY KEY,
    compact     BLOB NOT NULL,
    answered_ms INTEGER NOT NULL
) STRICT;

-- When each bucket was last looked up, from the farthest on.
CREATE TABLE bucket (
    position     INTEGER PRIMARY KEY,
    looked_up_ms INTEGER NOT NULL
) STRICT;

-- The secrets behind write tokens.
CREATE TABLE token_secrets (
    only_row   INTEGER PRIMARY KEY CHECK (only_row = 1),
    secrets    BLOB NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;

-- Values that other nodes stored here.
CREATE TABLE stored (
    key        BLOB NOT NULL CHECK (length(key) = 20),
    value      BLOB NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX stored_key ON stored (key);
CREATE INDEX stored_expires ON stored (expires_ms);

-- Values that this node keeps at others.
CREATE TABLE kept (
    key   BLOB NOT NULL CHECK (length(key) = 20),
    value BLOB NOT NULL,
    PRIMARY KEY (key, value)
) STRICT, WITHOUT ROWID;
