-- Histories that end: backups, openings, lives of outboxes, what was given back after a loss.

-- Newest verified backup of the locality holds everything up to (backup_epoch, backup_position); 0: there is none.
ALTER TABLE locality ADD COLUMN backup_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE locality ADD COLUMN backup_position INTEGER NOT NULL DEFAULT 0;
ALTER TABLE locality ADD COLUMN backup_ms INTEGER NOT NULL DEFAULT 0;

-- Where each opening of the database went on. Commits are lost while it is closed: so a history that was lost branched off at one of these.
CREATE TABLE opening (
        locality INTEGER NOT NULL,
        position INTEGER NOT NULL,              -- newest commit before the first one of this opening
        at_ms    INTEGER NOT NULL,              -- store time of that first commit
        PRIMARY KEY (locality, position)
) STRICT, WITHOUT ROWID;

-- Entries that devices gave back after commits were lost: where they stood in the history that is gone. Who had seen that
-- history had seen them.
CREATE TABLE healed (
        locality INTEGER NOT NULL,
        entry    BLOB NOT NULL,
        epoch    INTEGER NOT NULL,
        position INTEGER NOT NULL,              -- by the receipt of that history
        PRIMARY KEY (locality, entry)
) STRICT, WITHOUT ROWID;

-- Lives of each device's outbox, in the order in which they were first seen.
CREATE TABLE incarnation (
        device      BLOB NOT NULL,
        incarnation BLOB NOT NULL,
        number      INTEGER NOT NULL,           -- 1 ... per device
        first_ms    INTEGER NOT NULL,
        again_ms    INTEGER NOT NULL DEFAULT 0, -- it was seen after a newer one: two machines, or one restored twice; 0: no
        PRIMARY KEY (device, incarnation)
) STRICT, WITHOUT ROWID;

-- What people are told of a gap.
ALTER TABLE gap ADD COLUMN detail TEXT NOT NULL DEFAULT '';

-- How much of the journal (store/journal.h) this database has taken in: a database that has less than the file lost commits.
CREATE TABLE journal (
        one    INTEGER PRIMARY KEY CHECK (one = 1),
        number INTEGER NOT NULL,                -- of the newest record
        hash   BLOB NOT NULL                    -- chain hash after it
) STRICT;
INSERT INTO journal (one, number, hash) VALUES (1, 0, zeroblob(32));
