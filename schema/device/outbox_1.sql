-- outbox.db: what this device recorded and the store may not have yet. Precious: never deleted, never fetched again.
-- Plain SQLite, WAL, synchronous=FULL, psow=0. Headers are in clear; bodies and drafts are under the caseload key, so that
-- whoever holds the card learns when something was recorded and how large it was, not what or about whom.

-- What the device knows of itself, and the newest signed words of the store. One row per name.
CREATE TABLE meta (
        name  TEXT NOT NULL PRIMARY KEY, -- see outbox.c: "device", "incarnation", "trust", …
        value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The end of each lane's chain: where the next entry is hung on.
CREATE TABLE lane (
        lane       INTEGER NOT NULL PRIMARY KEY, -- 0 urgent, 1 routine, 2 bulk
        seq        INTEGER NOT NULL,             -- of the newest entry, 0: none
        head       BLOB NOT NULL,                -- SHA-256 chain over all entries of the lane
        signature  BLOB NOT NULL,                -- the device's, over the head; 64 zero bytes where seq is 0
        next       INTEGER NOT NULL,             -- the seq that the store expects next, as it last said
        waits      INTEGER NOT NULL              -- no entry before this seq waits; a bound that may lag behind
) STRICT;

-- Entries in the order of recording. An append touches this table, two indexes and the lane: what else finds entries is
-- written when they are settled, since a write is waited for and each B-tree is a page more in the log. Long columns last.
CREATE TABLE entry (
        place        INTEGER NOT NULL PRIMARY KEY, -- order of recording on this device, over all lanes
        id           BLOB NOT NULL UNIQUE,         -- 16 bytes: entry id = the caller's request id
        incarnation  BLOB NOT NULL,                -- 16 bytes
        lane         INTEGER NOT NULL,             -- 0 urgent, 1 routine, 2 bulk
        seq          INTEGER NOT NULL,             -- 1 … per incarnation and lane, no gaps
        recorded_ms  INTEGER NOT NULL,             -- ms since 1970 as this device told the time
        state        INTEGER NOT NULL,             -- enum entry_outcome: 0 waiting … 6 parked
        erased       INTEGER NOT NULL,             -- 1: its person was erased here; never shown again
        batch        INTEGER,    -- number in receipt_batch: the signature that the receipt stands under; NULL: no receipt
        request_hash BLOB NOT NULL,                -- keyed hash of what the caller asked for: the same id with other content is refused
        body_hash    BLOB NOT NULL,                -- SHA-256 of the body as it travels
        chain        BLOB NOT NULL,                -- lane's head after this entry
        signature    BLOB,       -- the device's over the head, at the last row that a commit has in the lane; else NULL
        row_hash     BLOB NOT NULL,                -- SHA-256 over all other columns; of the body over body_hash
        header       BLOB NOT NULL,                -- the header as it travels (schema/wire.cddl)
        body         BLOB,       -- nonce, then AES-256-GCM of the body as it travels; NULL once it was forgotten here
        receipt      BLOB        -- message with this one receipt (schema/wire.cddl), NULL: none yet
) STRICT;

CREATE UNIQUE INDEX entry_seq ON entry (incarnation, lane, seq);
CREATE INDEX entry_settled ON entry (state, place) WHERE state <> 0;

-- One signature of the store stands for all receipts of one answer; kept as long as one of them is.
CREATE TABLE receipt_batch (
        number       INTEGER NOT NULL PRIMARY KEY,
        received_ms  INTEGER NOT NULL, -- the store's time of the answer, ms since 1970
        hashes       BLOB NOT NULL,    -- SHA-256 of each receipt of the answer, behind each other: what was signed
        signature    BLOB NOT NULL     -- 64 bytes, the store's signing key
) STRICT;

-- Newest head of each locality's history that the store showed, with its signature: what it can be held to.
CREATE TABLE head (
        locality   BLOB NOT NULL PRIMARY KEY, -- 16 bytes
        epoch      INTEGER NOT NULL,          -- rising number of the history
        epoch_id   BLOB NOT NULL,             -- 16 bytes, its random id
        position   INTEGER NOT NULL,          -- newest commit
        number     INTEGER NOT NULL,          -- newest row of the log
        hash       BLOB NOT NULL,             -- 32 bytes, the log's chain after that row
        signature  BLOB NOT NULL              -- 64 bytes, the store's over all of it
) STRICT, WITHOUT ROWID;

-- Unfinished work: replaced on every save, outside of the chain; signing it writes an entry.
CREATE TABLE draft (
        id        BLOB NOT NULL PRIMARY KEY, -- 16 bytes, the caller's
        saved_ms  INTEGER NOT NULL,          -- ms since 1970
        body      BLOB NOT NULL              -- nonce, then AES-256-GCM of (staff, person, type, content); associated data: device, id
) STRICT, WITHOUT ROWID;

-- Orders of the store that this device has obeyed; numbers only rise (lock, wipe, lease: later).
CREATE TABLE obeyed (
        number       INTEGER NOT NULL PRIMARY KEY,
        message      BLOB NOT NULL,    -- the order as it came
        obeyed_ms    INTEGER NOT NULL  -- ms since 1970
) STRICT;
