-- Keys of attachments whose bytes are kept beside this file (daemon/satchel.h). A row goes with its record: what is left of the
-- bytes then is noise.
CREATE TABLE kept (
        record BLOB NOT NULL PRIMARY KEY, -- 16 bytes
        key    BLOB NOT NULL              -- 32 bytes, AES-256, of this one file
) STRICT, WITHOUT ROWID;
