-- What a device that no longer has somebody once had, and what it is still to confirm.

-- The highest class that was ever sent of the person, and the highest that the device holds or may hold; 0 once it
-- confirmed that nothing is left.
ALTER TABLE custody ADD COLUMN class INTEGER NOT NULL DEFAULT 3;
ALTER TABLE custody ADD COLUMN held INTEGER NOT NULL DEFAULT 3;

-- Which devices may hold a person: asked when one leaves, or comes late.
CREATE INDEX custody_person ON custody (person, device);
