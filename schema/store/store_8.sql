-- Quarantined entries are dealt with by new entries that name them; what one device may leave here has a limit.

-- The table is made anew: whose entry it is and how large, since both are counted; and what was done about it.
CREATE TABLE refused (
        place     INTEGER PRIMARY KEY,          -- of the log row
        reason    INTEGER NOT NULL,
        since_ms  INTEGER NOT NULL,
        device    BLOB,                         -- that wrote it; NULL: the store
        size      INTEGER NOT NULL,             -- bytes of header and body
        closed_by BLOB,                         -- entry that names it; NULL: nobody has dealt with it yet
        how       INTEGER NOT NULL DEFAULT 0,   -- enum closing_how, 0: open
        closed_ms INTEGER NOT NULL DEFAULT 0,
        note      TEXT NOT NULL DEFAULT '',     -- who did it and why, where it was an operator
        word      INTEGER                       -- 1 ... per device: the order in which the device is told; NULL: it knows
) STRICT;
INSERT INTO refused (place, reason, since_ms, device, size)
        SELECT q.place, q.reason, q.since_ms, log.device, length(log.header) + coalesce(length(log.body), 0)
        FROM quarantine AS q JOIN log USING (place);
DROP TABLE quarantine;
ALTER TABLE refused RENAME TO quarantine;
CREATE INDEX quarantine_open ON quarantine (device, size) WHERE how = 0;
CREATE UNIQUE INDEX quarantine_word ON quarantine (device, word) WHERE word IS NOT NULL;

-- An id names one entry that was judged, and any number that were refused. So that a lookup by id costs the same
-- however many were sent under it, refused ones are found by all that makes a repeat.
DROP INDEX log_id;
CREATE INDEX log_id ON log (id) WHERE outcome <> 5;
CREATE INDEX log_refused ON log (id, device, body_hash) WHERE outcome = 5;
