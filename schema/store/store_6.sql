-- People who moved from one locality to another: where they are now, and how they stood where they left. The newest move only.
CREATE TABLE moved (
        person   BLOB PRIMARY KEY,
        locality INTEGER NOT NULL,              -- where the person is now
        arrived  INTEGER NOT NULL,              -- position there
        origin   INTEGER NOT NULL,              -- locality that was left
        epoch    INTEGER NOT NULL,              -- its history, ...
        departed INTEGER NOT NULL,              -- ... and position of the departure
        seen     INTEGER NOT NULL               -- there, newest position of a record that can be edited
) STRICT, WITHOUT ROWID;
