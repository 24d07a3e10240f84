-- What the store keeps besides the typed record tables (those come from the catalogue).
-- Ids are 16-byte UUIDs. Times are milliseconds since 1970, UTC, by the store's clock unless said otherwise.
-- Keys carry a locality's small number instead of its id.

CREATE TABLE locality (
        number     INTEGER PRIMARY KEY,         -- small number that keys carry
        id         BLOB NOT NULL UNIQUE,        -- of its place record
        epoch      INTEGER NOT NULL,            -- number of the present history, from 1
        epoch_id   BLOB NOT NULL,               -- random id of that history
        position   INTEGER NOT NULL,            -- newest commit
        log_number INTEGER NOT NULL,            -- newest row of the log
        head       BLOB NOT NULL                -- chain hash of that row; 32 zero bytes before the first
) STRICT;

-- Histories of a locality. A new one begins when commits were lost.
CREATE TABLE epoch (
        locality      INTEGER NOT NULL,
        epoch         INTEGER NOT NULL,         -- rising number
        id            BLOB NOT NULL,            -- random
        began_ms      INTEGER NOT NULL,
        left_position INTEGER,                  -- last position that the next epoch shares; NULL: the present one
        PRIMARY KEY (locality, epoch)
) STRICT, WITHOUT ROWID;

-- Every judged entry. `chain` covers all columns, so that a silent change shows (pannier-store verify).
CREATE TABLE log (
        place             INTEGER PRIMARY KEY,  -- locality number * 2^40 + number; numbers are 1 ... without gaps
        epoch             INTEGER NOT NULL,
        position          INTEGER NOT NULL,     -- commit in which it was judged
        received_ms       INTEGER NOT NULL,
        clock_offset_ms   INTEGER NOT NULL,     -- device clock minus store clock in that request
        catalogue_version INTEGER NOT NULL,     -- rules by which it was judged
        id                BLOB NOT NULL,        -- of the entry
        device            BLOB,                 -- NULL: the store itself
        incarnation       BLOB,
        lane              INTEGER NOT NULL,
        seq               INTEGER NOT NULL,
        record            BLOB,                 -- NULL: the body could not be read
        person            BLOB,                 -- NULL: none
        previous          BLOB,                 -- previous pending entry on the record; NULL: none
        chain_root        BLOB,                 -- first entry of its chain of pending entries; NULL: itself
        outcome           INTEGER NOT NULL,     -- enum entry_outcome
        reason            INTEGER NOT NULL,     -- why quarantined, 0 otherwise
        header            BLOB NOT NULL,        -- as it travelled
        body              BLOB,                 -- as it travelled; NULL: redacted
        body_hash         BLOB NOT NULL,        -- SHA-256 of it
        effects           BLOB NOT NULL,        -- per field, and conflicts raised: CBOR (store/receipts.h)
        chain             BLOB NOT NULL         -- SHA-256 over the row before and this one (store/log.h)
) STRICT;
CREATE INDEX log_id ON log (id);

-- Quarantined entries that nobody has dealt with yet. Their bytes are in the log.
CREATE TABLE quarantine (
        place    INTEGER PRIMARY KEY,           -- of the log row
        reason   INTEGER NOT NULL,
        since_ms INTEGER NOT NULL
) STRICT;

-- Entries that wait for something that has not arrived; judged when it does, quarantined after seven days.
CREATE TABLE parked (
        locality        INTEGER NOT NULL,
        id              BLOB NOT NULL,          -- of the entry
        device          BLOB NOT NULL,
        incarnation     BLOB NOT NULL,
        lane            INTEGER NOT NULL,
        seq             INTEGER NOT NULL,
        wait            INTEGER NOT NULL,       -- enum parked_wait
        wait_id         BLOB NOT NULL,          -- record, person, entry, or incarnation; for an upgrade the device
        wait_lane       INTEGER NOT NULL,       -- where it waits for a lane's entry, else 0
        wait_seq        INTEGER NOT NULL,       -- of that entry; for an upgrade the position that the device showed
        received_ms     INTEGER NOT NULL,
        clock_offset_ms INTEGER NOT NULL,
        header          BLOB NOT NULL,
        body            BLOB NOT NULL,
        body_hash       BLOB NOT NULL,
        PRIMARY KEY (locality, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX parked_wait ON parked (locality, wait, wait_id, device, lane, seq);
CREATE INDEX parked_age ON parked (locality, received_ms);
CREATE INDEX parked_device ON parked (device, id);

-- Entries that were parked and have been judged since: their receipt is owed until the device shows that it knows.
CREATE TABLE settled (
        device BLOB NOT NULL,
        id     BLOB NOT NULL,                   -- of the entry
        PRIMARY KEY (device, id)
) STRICT, WITHOUT ROWID;

-- How far each lane of each outbox was taken.
CREATE TABLE lane (
        device      BLOB NOT NULL,
        incarnation BLOB NOT NULL,
        lane        INTEGER NOT NULL,
        next_seq    INTEGER NOT NULL,           -- taken next
        head        BLOB,                       -- chain hash of entry next_seq - 1; NULL: unknown, behind a gap
        signature   BLOB NOT NULL,              -- of the device over it
        forked      INTEGER NOT NULL,           -- 1: two different entries were seen under one seq
        PRIMARY KEY (device, incarnation, lane)
) STRICT, WITHOUT ROWID;

-- What devices said they no longer have.
CREATE TABLE gap (
        device      BLOB NOT NULL,
        incarnation BLOB NOT NULL,
        lane        INTEGER NOT NULL,
        from_seq    INTEGER NOT NULL,
        to_seq      INTEGER NOT NULL,           -- included
        declared_ms INTEGER NOT NULL,
        PRIMARY KEY (device, incarnation, lane, from_seq)
) STRICT, WITHOUT ROWID;

-- Feeds: (locality, scope) has one per class. The number belongs to the pair.
CREATE TABLE feed (
        number   INTEGER PRIMARY KEY,
        locality INTEGER NOT NULL,
        kind     INTEGER NOT NULL,              -- enum scope_kind
        id       BLOB NOT NULL,                 -- of the scope
        digests  BLOB NOT NULL DEFAULT (zeroblob(48)), -- per class, 16 bytes: sum over what is visible (common/digest.h)
        UNIQUE (locality, kind, id)
) STRICT;
CREATE INDEX feed_scope ON feed (kind, id);

-- Rows of feeds: per record its last position, per person joining and leaving.
CREATE TABLE feed_row (
        feed     INTEGER NOT NULL,
        class    INTEGER NOT NULL,              -- enum catalogue_class
        position INTEGER NOT NULL,
        id       BLOB NOT NULL,                 -- record; person of a join or exit
        kind     INTEGER NOT NULL,              -- enum feed_kind
        type     INTEGER NOT NULL,              -- of the record, else 0
        person   BLOB,                          -- of the record; NULL: reference data, or the same as id
        PRIMARY KEY (feed, class, position, id)
) STRICT, WITHOUT ROWID;

-- Records as they travel. The typed tables are the truth; this is made from them with every write, because a record is
-- written once and sent to many devices.
CREATE TABLE sent_row (
        id  BLOB PRIMARY KEY,                   -- of the record
        row BLOB NOT NULL                       -- store/storage_sqlite_rows.c says what is in it
) STRICT, WITHOUT ROWID;

-- Who is in which scope.
CREATE TABLE member (
        locality INTEGER NOT NULL,
        person   BLOB NOT NULL,
        feed     INTEGER NOT NULL,              -- feed.number
        joined   INTEGER NOT NULL,              -- position of the join row; 0: not in the feeds
        left_at  INTEGER NOT NULL,              -- position of the exit row; 0: there is none
        limited  INTEGER NOT NULL,              -- 1: a consent keeps the person out
        sources  INTEGER NOT NULL,              -- rows of `source`
        PRIMARY KEY (locality, person, feed)
) STRICT, WITHOUT ROWID;

-- Which record puts which person into which scope.
CREATE TABLE source (
        locality INTEGER NOT NULL,
        record   BLOB NOT NULL,
        feed     INTEGER NOT NULL,
        person   BLOB NOT NULL,
        PRIMARY KEY (locality, record, feed)
) STRICT, WITHOUT ROWID;

-- Conflicts that nobody has decided, by what they are about.
CREATE TABLE open_conflict (
        locality INTEGER NOT NULL,
        record   BLOB NOT NULL,
        key      INTEGER NOT NULL,              -- field number, or 256 + group number
        conflict BLOB NOT NULL,                 -- id of the conflict's record
        PRIMARY KEY (locality, record, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX open_conflict_id ON open_conflict (locality, conflict);

-- Tables that were loaded: what finds a record again. `key` is the first 16 bytes of SHA-256 over the key's values.
CREATE TABLE load_key (
        locality INTEGER NOT NULL,
        type     INTEGER NOT NULL,              -- record type
        key      BLOB NOT NULL,
        record   BLOB NOT NULL,
        PRIMARY KEY (locality, type, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX load_key_record ON load_key (locality, type, record);

-- Words by which other tables may name a record: codes and names, in lower case. One word may name several.
CREATE TABLE load_word (
        locality INTEGER NOT NULL,
        type     INTEGER NOT NULL,
        word     TEXT NOT NULL,
        record   BLOB NOT NULL,
        PRIMARY KEY (locality, type, word, record)
) STRICT, WITHOUT ROWID;

-- Which device was sent which person. Rows stay: who held what, and when, is asked years later.
CREATE TABLE custody (
        device    BLOB NOT NULL,
        person    BLOB NOT NULL,
        locality  INTEGER NOT NULL,
        since_ms  INTEGER NOT NULL,             -- first sent
        position  INTEGER NOT NULL,             -- newest position of a record of the person that was sent
        erased_ms INTEGER NOT NULL,             -- confirmed by the device; 0: holds it, or may
        PRIMARY KEY (device, person)
) STRICT, WITHOUT ROWID;

-- Enrolled machines.
CREATE TABLE device (
        id              BLOB PRIMARY KEY,
        locality        INTEGER NOT NULL,       -- home locality
        name            TEXT NOT NULL,
        state           INTEGER NOT NULL,       -- enum wire_device_state; 0: invited, not enrolled yet
        ceiling         INTEGER NOT NULL,       -- highest class it may hold
        public_key      BLOB,                   -- P-256, uncompressed point; NULL: not enrolled yet
        certificate     BLOB,                   -- SHA-256 of its newest certificate
        not_after_ms    INTEGER NOT NULL,       -- of that certificate
        created_ms      INTEGER NOT NULL,
        enrolled_ms     INTEGER NOT NULL,       -- 0: not yet
        seen_ms         INTEGER NOT NULL,       -- newest exchange; 0: none
        waiting         INTEGER NOT NULL DEFAULT 0, -- entries without receipt, by its newest hello
        parked          INTEGER NOT NULL DEFAULT 0,
        quarantined     INTEGER NOT NULL DEFAULT 0,
        oldest_ms       INTEGER NOT NULL DEFAULT 0, -- recorded time of the oldest waiting one; 0: none
        clock_offset_ms INTEGER NOT NULL DEFAULT 0  -- device clock minus store clock
) STRICT, WITHOUT ROWID;

-- What the operator granted, before the catalogue's rules widen it.
CREATE TABLE device_grant (
        device BLOB NOT NULL,
        kind   INTEGER NOT NULL,                -- enum scope_kind
        id     BLOB NOT NULL,
        PRIMARY KEY (device, kind, id)
) STRICT, WITHOUT ROWID;

-- One-time enrolment codes; only their hash is kept.
CREATE TABLE enrolment_code (
        hash       BLOB PRIMARY KEY,            -- SHA-256 of the code
        device     BLOB NOT NULL,
        expires_ms INTEGER NOT NULL,
        public_key BLOB                         -- that used it; NULL: unused
) STRICT, WITHOUT ROWID;
CREATE INDEX enrolment_code_device ON enrolment_code (device);
