-- Histories that end: the store's, this outbox's own, and what was destroyed with its medium.

-- When the store showed the head: commits that it lost later were there then.
ALTER TABLE head ADD COLUMN told_ms INTEGER NOT NULL DEFAULT 0; -- store's time, ms since 1970

-- Where histories of the store were left: what it said beyond that is of a history that is gone.
CREATE TABLE epoch_left (
        locality BLOB NOT NULL,    -- 16 bytes
        epoch    INTEGER NOT NULL, -- number of the history
        position INTEGER NOT NULL, -- last one that the history after it shares
        whole    INTEGER NOT NULL, -- 1: nothing was told beyond it
        PRIMARY KEY (locality, epoch)
) STRICT, WITHOUT ROWID;

-- Lives of this outbox that are over: it was restored, cloned, or had a hole.
CREATE TABLE life (
        number      INTEGER NOT NULL PRIMARY KEY,
        incarnation BLOB NOT NULL,    -- 16 bytes, that ended
        ended_ms    INTEGER NOT NULL, -- ms since 1970 as this device told the time
        why         TEXT NOT NULL     -- for people
) STRICT;

-- Entries that are no longer here and that the store did not have: declared once, shown for ever.
CREATE TABLE gap (
        incarnation BLOB NOT NULL,    -- 16 bytes
        lane        INTEGER NOT NULL,
        first       INTEGER NOT NULL,
        last        INTEGER NOT NULL, -- included
        found_ms    INTEGER NOT NULL, -- ms since 1970 as this device told the time
        declared    INTEGER NOT NULL, -- 1: the store has answered since
        PRIMARY KEY (incarnation, lane, first)
) STRICT, WITHOUT ROWID;
