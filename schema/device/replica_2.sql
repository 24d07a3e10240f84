-- The store's history as this copy knows it.

-- Which history of each locality this copy holds. `sweep`: another one began, what was seen beyond the fork is unconfirmed
-- (position 0) until a version of it comes, and goes where no feed lists it at the end.
CREATE TABLE history (
        locality BLOB NOT NULL PRIMARY KEY, -- 16 bytes
        epoch    INTEGER NOT NULL,
        sweep    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- 1: no feed of the new history has listed the person yet.
ALTER TABLE member ADD COLUMN unlisted INTEGER NOT NULL DEFAULT 0;
