-- For what comes after it in the transaction.
--
-- What is due is found by its index, the oldest first, and no more is read than
-- is asked for, whatever statistics say of a table in which a million rows are
-- due today and none tomorrow.
--
-- Rows are not kept locked while the log is flushed.  What a crash of the
-- server takes back is due again; and whoever commits that he has seen it has
-- flushed the log up to there.
SELECT set_config('enable_seqscan', 'off', true),
       set_config('enable_bitmapscan', 'off', true),
       set_config('enable_sort', 'off', true),
       set_config('synchronous_commit', 'off', true);
