-- What devices said that they repaired of their copies (store/storage_sqlite_repairs.c); the newest thousand of each.
CREATE TABLE repair (
        device   BLOB NOT NULL,
        at_ms    INTEGER NOT NULL,              -- store time of the exchange that found it
        number   INTEGER NOT NULL,              -- rising, of one copy on that device
        locality BLOB NOT NULL,                 -- 16 bytes
        owner    BLOB,                          -- person; 15 zero bytes and a type: reference data; NULL: erased there
        class    INTEGER NOT NULL,              -- enum catalogue_class
        epoch    INTEGER NOT NULL,              -- where the feed stood
        position INTEGER NOT NULL,
        what     INTEGER NOT NULL,              -- enum repair_what
        PRIMARY KEY (device, at_ms, number)
) STRICT, WITHOUT ROWID;
