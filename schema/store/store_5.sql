-- When an operator wrote a device off: what it held counts as lost, not as erased. 0: it is not.
ALTER TABLE device ADD COLUMN lost_ms INTEGER NOT NULL DEFAULT 0;
