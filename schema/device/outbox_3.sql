-- What was given to couriers: so that their receipts can be opened when they come back, and so that the status can say so.
CREATE TABLE bundle (
        id           BLOB NOT NULL PRIMARY KEY, -- 16 bytes
        made_ms      INTEGER NOT NULL,  -- ms since 1970 as this device told the time
        handed_ms    INTEGER NOT NULL,  -- the same, when somebody had it; 0: it never left
        receiver     TEXT NOT NULL,     -- to whom, or into which file, for people
        entries      INTEGER NOT NULL,  -- how many are in it
        place_first  INTEGER NOT NULL,  -- of the oldest of them
        place_last   INTEGER NOT NULL,  -- of the newest entry that could be in it
        receipts_ms  INTEGER NOT NULL,  -- store's time of the newest receipts that came back; 0: none did
        encapsulated BLOB NOT NULL,     -- 65 bytes, of the HPKE context
        secret       BLOB NOT NULL      -- nonce, then AES-256-GCM of what opens the receipts, under the caseload key
) STRICT, WITHOUT ROWID;
