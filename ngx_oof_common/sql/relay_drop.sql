-- Ends days of a log that are older than they need be.
--
-- $1 text: oof_event or oof_call
-- $2 int8: for how many milliseconds rows are kept
-- $3 int4: how many to drop at most
SELECT 0::int4 AS outcome, dropped, held
  FROM oof_log_drop($1, clock_timestamp() - $2 * interval '1 millisecond',
                    clock_timestamp() - $2 * interval '1 millisecond', $3);
