-- Copyright (C) oof authors
--
-- What nginx may do, as the role in the variable "role", brought up to date by
-- each run of ./build.sh migrate: exactly this.  It makes, changes, truncates
-- and drops nothing, and what is append-only it appends to.

SELECT current_schema() AS oof_schema \gset

REVOKE CREATE ON SCHEMA :"oof_schema" FROM PUBLIC, :"role";
GRANT USAGE ON SCHEMA :"oof_schema" TO :"role";

REVOKE ALL ON oof_client, oof_consent, oof_consent_history, oof_event,
    oof_event_default, oof_lease, oof_clock, oof_key_usage, oof_resource,
    oof_consent_resource, oof_consent_approver, oof_consent_extension,
    oof_consent_search_key, oof_consent_metadata, oof_consent_webhook,
    oof_limit_month, oof_limit_writer, oof_limit_consents, oof_limit_count,
    oof_jti, oof_idempotency, oof_payment_consent,
    oof_payment_consent_history, oof_payment, oof_payment_history,
    oof_payment_intent, oof_payment_approver, oof_call, oof_call_default,
    oof_webhook, oof_webhook_attempt, oof_webhook_subject, oof_log,
    oof_event_personal, oof_relay,
    oof_consumer, oof_consumer_pending,
    oof_meter_minute, oof_meter_day, oof_failure, oof_outage,
    oof_rotation, oof_rotation_table, oof_rotation_key, oof_rotation_holder
    FROM PUBLIC, :"role";

GRANT SELECT, INSERT, UPDATE, DELETE ON oof_client TO :"role";
GRANT SELECT, INSERT, UPDATE ON oof_consent TO :"role";
GRANT SELECT, INSERT ON oof_consent_history TO :"role";
GRANT SELECT, INSERT ON oof_consent_extension TO :"role";
GRANT UPDATE (personal) ON oof_consent_extension TO :"role";
GRANT SELECT, INSERT ON oof_event TO :"role";
GRANT SELECT, INSERT ON oof_call TO :"role";
GRANT UPDATE (position) ON oof_event, oof_call TO :"role";
GRANT SELECT ON oof_log, oof_event_personal TO :"role";
GRANT SELECT, UPDATE ON oof_relay TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON oof_consumer TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON oof_consumer_pending TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON oof_meter_minute TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON oof_meter_day TO :"role";
GRANT SELECT, INSERT, UPDATE ON oof_failure TO :"role";
GRANT SELECT, INSERT, UPDATE ON oof_outage TO :"role";
GRANT SELECT, INSERT, UPDATE ON oof_lease TO :"role";
GRANT SELECT, UPDATE ON oof_clock TO :"role";
GRANT SELECT, INSERT, UPDATE ON oof_key_usage TO :"role";
GRANT SELECT, INSERT, UPDATE ON oof_resource TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON oof_consent_resource TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON oof_consent_approver TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON oof_consent_search_key TO :"role";
GRANT SELECT, INSERT, UPDATE ON oof_consent_metadata TO :"role";
GRANT SELECT, INSERT, UPDATE ON oof_consent_webhook TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON oof_limit_month TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON oof_limit_writer TO :"role";
GRANT SELECT, INSERT, UPDATE ON oof_limit_consents TO :"role";
GRANT SELECT, UPDATE ON oof_limit_count TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON oof_jti TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON oof_idempotency TO :"role";
GRANT SELECT, INSERT, UPDATE ON oof_payment_consent TO :"role";
GRANT SELECT, INSERT ON oof_payment_consent_history TO :"role";
GRANT SELECT, INSERT, UPDATE ON oof_payment TO :"role";
GRANT SELECT, INSERT ON oof_payment_history TO :"role";
GRANT SELECT, INSERT, UPDATE ON oof_payment_intent TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON oof_webhook TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON oof_webhook_attempt TO :"role";
GRANT SELECT ON oof_webhook_subject TO :"role";
GRANT SELECT, INSERT, UPDATE ON oof_payment_approver TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON oof_rotation TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON oof_rotation_table TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON oof_rotation_key TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON oof_rotation_holder TO :"role";

-- judges rows that it may read

GRANT EXECUTE ON FUNCTION oof_consent_effective(oof_consent, timestamptz)
    TO :"role";
GRANT EXECUTE ON FUNCTION oof_payment_consent_effective(oof_payment_consent,
                                                        timestamptz)
    TO :"role";
GRANT EXECUTE ON FUNCTION oof_payment_consent_standing(oof_payment_consent,
                                                       timestamptz)
    TO :"role";
GRANT EXECUTE ON FUNCTION oof_payment_final(text),
    oof_payment_may(text, text, boolean), oof_payment_event(text),
    oof_uuid7(bigint)
    TO :"role";
GRANT EXECUTE ON FUNCTION oof_resource_next(text, text, text) TO :"role";
GRANT EXECUTE ON FUNCTION oof_rotation_total(text) TO :"role";

-- the one thing that the run-time role may have made

GRANT EXECUTE ON FUNCTION oof_event_partitions(integer, integer) TO :"role";
GRANT EXECUTE ON FUNCTION oof_log_partitions(text, integer, integer)
    TO :"role";
GRANT EXECUTE ON FUNCTION
    oof_log_drop(text, timestamptz, timestamptz, integer)
    TO :"role";

-- deletes what is over and old, and nothing else

GRANT EXECUTE ON FUNCTION
    oof_retain(text, timestamptz, text, integer, bigint)
    TO :"role";

-- read and change what it may read and change anyway

GRANT EXECUTE ON FUNCTION oof_client_key(text, text),
    oof_log_bound(timestamptz),
    oof_relay_take(bigint, timestamptz, integer),
    oof_relay_next(bigint, timestamptz, integer, bigint),
    oof_log_read(bigint, integer, bigint), oof_log_rows(bigint[]),
    oof_log_position(timestamptz)
    TO :"role";


-- Logs have a partition for the next days before the first nginx starts.

SELECT oof_log_partitions('oof_event', 14, 16) \g /dev/null
SELECT oof_log_partitions('oof_call', 14, 16) \g /dev/null
