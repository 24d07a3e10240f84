-- People whom a device was told to let go of, and whose erasure it has not confirmed yet. Gone where it is sent them again.
CREATE TABLE leaving (
        device   BLOB NOT NULL,
        person   BLOB NOT NULL,
        locality INTEGER NOT NULL,              -- whose history the position is of
        epoch    INTEGER NOT NULL,
        position INTEGER NOT NULL,              -- of the snapshot in which the device was told: once it stands there, it knows
        PRIMARY KEY (device, person)
) STRICT, WITHOUT ROWID;
