-- Digests, kept up to date with every change (replica_sums.c), and what was repaired by them.

-- Of the confirmed records of a person in a locality, one digest per class (common/digest.h). Reference data has no person:
-- there the owner is 15 zero bytes and the record type's number. No row: nothing is confirmed.
CREATE TABLE owner_sum (
        owner    BLOB NOT NULL,    -- 16 bytes
        locality BLOB NOT NULL,    -- 16 bytes
        digests  BLOB NOT NULL,    -- basic, clinical, restricted: 16 bytes each
        PRIMARY KEY (owner, locality)
) STRICT, WITHOUT ROWID;

-- The sum of the digests of the feed's people in its class; NULL: zero. Of reference data it follows from owner_sum.
ALTER TABLE feed ADD COLUMN digest BLOB;
