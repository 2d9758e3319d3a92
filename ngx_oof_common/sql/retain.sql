-- Deletes what is over and old among the next rows of a table.
--
-- $1 text: what
-- $2 timestamptz: over before, rule clock
-- $3 text: the last row that was looked at, null: from the first
-- $4 int4: rows at most
-- $5 int8: epoch of the lease
SELECT r.last, r.deleted
  FROM oof_retain($1, $2, $3, $4, $5) r;
