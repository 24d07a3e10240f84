-- Quarantined entries that were dealt with, and the entries that name them. What a device wrote itself is in its entry's body as well;
-- what an operator did at the store is only here, and the store tells it again where it is lost.
CREATE TABLE closing (
        entry    BLOB NOT NULL,    -- 16 bytes: the quarantined one
        by       BLOB NOT NULL,    -- 16 bytes: the one that names it
        how      INTEGER NOT NULL, -- enum closing_how
        at_ms    INTEGER NOT NULL, -- ms since 1970: of this device where it was fixed here, else of the store
        outcome  INTEGER NOT NULL, -- enum entry_outcome of the store's entry; 0 where it was fixed here
        note     TEXT NOT NULL,    -- who did it and why, where it was an operator
        number   INTEGER,          -- the store's, rising; NULL: fixed here, or told in a history that is gone
        PRIMARY KEY (entry, by)
) STRICT, WITHOUT ROWID;
CREATE INDEX closing_number ON closing (number) WHERE number IS NOT NULL;
