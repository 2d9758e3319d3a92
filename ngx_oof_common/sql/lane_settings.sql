-- what every lane is set to when it has connected
-- $1 text: statement_timeout
-- $2 text: lock_timeout
-- $3 text: idle_in_transaction_session_timeout
SELECT set_config('statement_timeout', $1, false),
       set_config('lock_timeout', $2, false),
       set_config('idle_in_transaction_session_timeout', $3, false);
