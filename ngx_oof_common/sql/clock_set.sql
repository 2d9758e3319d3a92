-- moves the rule clock
-- $1 int8: seconds between the system's clock and the rule clock
-- $2 timestamptz: now, by the real clock
UPDATE oof_clock SET "offset" = $1, changed = $2 WHERE one
RETURNING 0::int4 AS outcome, "offset";
