-- What every lane is set to when it has connected.
--
-- Every statement names its keys, but one that is planned while its table is
-- small would read the whole table, and go on doing so with the plan it has
-- kept while the table grows.  A lane has no use for such plans, for plans of
-- single values, or for compiling them.
--
-- $1 text: statement_timeout
-- $2 text: lock_timeout
-- $3 text: idle_in_transaction_session_timeout
SELECT set_config('statement_timeout', $1, false),
       set_config('lock_timeout', $2, false),
       set_config('idle_in_transaction_session_timeout', $3, false),
       set_config('enable_seqscan', 'off', false),
       set_config('plan_cache_mode', 'force_generic_plan', false),
       set_config('jit', 'off', false);
