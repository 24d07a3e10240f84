-- replica.db: the device's copy of its scopes, and its own work on top. Disposable: it can be fetched again, and the outbox
-- has what was written here. SQLCipher under the caseload key. The typed record tables come from the catalogue (r_…).

-- Facts about this copy. One row per name (replica.c).
CREATE TABLE fact (
        name  TEXT NOT NULL PRIMARY KEY,
        value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Feeds: one per (locality, scope, class) that the device may hold, with the place that it has durably reached.
CREATE TABLE feed (
        number      INTEGER NOT NULL PRIMARY KEY, -- of this copy only
        locality    BLOB NOT NULL,    -- 16 bytes
        kind        INTEGER NOT NULL, -- enum scope_kind
        scope       BLOB NOT NULL,    -- 16 bytes: locality, team, home, or the device itself (provisional)
        class       INTEGER NOT NULL, -- 1 basic, 2 clinical, 3 restricted
        granted     INTEGER NOT NULL, -- 0: made here for a person met before the store granted the scope
        epoch       INTEGER NOT NULL, -- cursor: history …
        position    INTEGER NOT NULL, -- … commit …
        record      BLOB,             -- … and record or person of the last row that was read; NULL: none
        join_type   INTEGER NOT NULL, -- inside a join: type reached, 0: not inside of one
        join_record BLOB,             -- inside a join: last record that was read
        complete    INTEGER NOT NULL  -- 1: received to its end at least once
) STRICT;

CREATE UNIQUE INDEX feed_key ON feed (locality, kind, scope, class);

-- Who is in which feed.
CREATE TABLE member (
        feed   INTEGER NOT NULL REFERENCES feed (number),
        person BLOB NOT NULL, -- 16 bytes
        PRIMARY KEY (feed, person)
) STRICT, WITHOUT ROWID;

CREATE INDEX member_person ON member (person, feed);

-- People who left a feed: erased once an exchange has reached its end, unless another feed of the class has them.
CREATE TABLE leaver (
        person BLOB NOT NULL, -- 16 bytes
        class  INTEGER NOT NULL,
        PRIMARY KEY (person, class)
) STRICT, WITHOUT ROWID;

-- How far each locality's history was received whole.
CREATE TABLE reached (
        locality BLOB NOT NULL PRIMARY KEY, -- 16 bytes
        epoch    INTEGER NOT NULL,
        position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The device's own entries whose effect the feeds have not brought back yet, oldest first; and those that were refused.
CREATE TABLE pending (
        place    INTEGER NOT NULL PRIMARY KEY, -- order of recording, as in outbox.db
        entry    BLOB NOT NULL,                -- 16 bytes
        locality BLOB NOT NULL,                -- 16 bytes, of the entry's header
        lane     INTEGER NOT NULL,
        seq      INTEGER NOT NULL,
        type     INTEGER NOT NULL,             -- number
        record   BLOB NOT NULL,                -- 16 bytes
        person   BLOB,                         -- 16 bytes, NULL: reference data
        created  INTEGER NOT NULL,             -- 1: the entry creates the record
        state    INTEGER NOT NULL,             -- enum entry_outcome
        epoch    INTEGER NOT NULL,             -- of the receipt's position, 0: none
        position INTEGER NOT NULL,             -- of the receipt, 0: none
        stale    INTEGER NOT NULL,             -- bits by field index: changed by somebody else since
        body     BLOB NOT NULL,                -- in clear (entry_body_encode)
        receipt  BLOB                          -- message with its receipt, NULL: none yet
) STRICT;

CREATE INDEX pending_record ON pending (record, place);
CREATE INDEX pending_settled ON pending (locality, position) WHERE position > 0 AND state <> 5;

-- Confirmed state of records that have pending entries on top.
CREATE TABLE shadow (
        record BLOB NOT NULL,    -- 16 bytes; two devices may have given one id to records of two types
        type   INTEGER NOT NULL, -- number
        person BLOB,             -- 16 bytes, NULL: reference data
        body   BLOB NOT NULL,    -- CBOR: [locality, author, role, device, recorded_ms, position, fields]
        PRIMARY KEY (record, type)
) STRICT, WITHOUT ROWID;

-- Which entries of the outbox are about whom: they go from here, and their second copies there, when the person is erased.
CREATE TABLE own (
        person BLOB NOT NULL, -- 16 bytes
        place  INTEGER NOT NULL, -- of the entry in outbox.db
        entry  BLOB NOT NULL, -- 16 bytes
        PRIMARY KEY (person, place)
) STRICT, WITHOUT ROWID;

-- Finding people: folded texts of the visible person records.
CREATE TABLE people (
        person BLOB NOT NULL PRIMARY KEY, -- 16 bytes
        label  TEXT NOT NULL,             -- the name, folded: what lists are sorted by
        search TEXT NOT NULL              -- all texts of the record, folded, a line each
) STRICT, WITHOUT ROWID;

CREATE INDEX people_label ON people (label, person);

-- What the store said at the last end that the feeds stand at, until a confirmed record changes: one row, or none.
CREATE TABLE told (
        one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
        vector  BLOB NOT NULL, -- hash of the vector that it is about
        digests BLOB NOT NULL  -- hash over the digests of its feeds (common/digest.h)
) STRICT;
