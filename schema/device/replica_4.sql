-- Comparing with the store, and repairing what differs (replica_repair.c).

-- How the comparison at the store's last word came out: enum replica_equality.
ALTER TABLE told ADD COLUMN equality INTEGER NOT NULL DEFAULT 0;

-- 1: the store's digest of the feed was another, when it was asked which feeds differ.
ALTER TABLE feed ADD COLUMN differs INTEGER NOT NULL DEFAULT 0;

-- What was repaired, and what could not be; the newest of them.
CREATE TABLE repair (
        number   INTEGER PRIMARY KEY AUTOINCREMENT,
        owner    BLOB,             -- as in owner_sum; NULL: the person was erased since
        locality BLOB NOT NULL,    -- 16 bytes
        class    INTEGER NOT NULL,
        epoch    INTEGER NOT NULL, -- where the feed stood in which it was found
        position INTEGER NOT NULL,
        what     INTEGER NOT NULL, -- enum repair_what
        at_ms    INTEGER NOT NULL, -- store's time of the exchange
        standing INTEGER NOT NULL, -- 1: a fault, and the copy was not proven equal since
        told     INTEGER NOT NULL  -- 1: the store knows
) STRICT;
CREATE INDEX repair_owner ON repair (owner, locality, class);
