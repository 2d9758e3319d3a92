-- Copyright (C) oof authors
--
-- What is over and old is deleted, by one function that deletes nothing else:
-- the run-time role has no right to delete these rows itself.

SELECT current_schema() AS oof_schema \gset


-- Looks at the next rows of a table in order of its key, at most "most", from
-- behind "after" on, and deletes what of them was over before "before"; what
-- another session holds is left to the next round.  "last" is the last row that
-- was looked at, null at the end of the table or when "term" is not the epoch
-- of who may.

CREATE FUNCTION oof_retain(what text, before timestamptz, after text,
    most integer, term bigint, OUT last text, OUT deleted bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = :"oof_schema", pg_temp
AS $$
DECLARE
    from_id  uuid := coalesce(after, '00000000-0000-0000-0000-000000000000');
    looked   uuid[];
    over     uuid[];
BEGIN
    deleted := 0;

    PERFORM FROM oof_lease
      WHERE name = 'maintenance' AND epoch = term
        FOR SHARE;

    IF NOT FOUND THEN
        RETURN;
    END IF;

    IF before > clock_timestamp() - interval '29 days'
                + (SELECT "offset" FROM oof_clock) * interval '1 second'
    THEN
        RAISE EXCEPTION 'younger than 30 days: nothing is deleted';
    END IF;

    IF what IN ('consents', 'consent_history') THEN

        looked := ARRAY(SELECT consent_id FROM oof_consent
                         WHERE consent_id > from_id
                         ORDER BY consent_id LIMIT most);
        over := ARRAY(SELECT consent_id FROM oof_consent
                       WHERE consent_id = ANY (looked)
                             AND status = 'REJECTED'
                             AND status_update < before
                       ORDER BY consent_id
                         FOR UPDATE SKIP LOCKED);

    ELSIF what IN ('payments', 'payment_history', 'attempts') THEN

        looked := ARRAY(SELECT consent_id FROM oof_payment_consent
                         WHERE consent_id > from_id
                         ORDER BY consent_id LIMIT most);
        over := ARRAY(SELECT c.consent_id FROM oof_payment_consent c
                       WHERE c.consent_id = ANY (looked)
                             AND c.status IN ('REJECTED', 'CONSUMED')
                             AND c.status_update < before
                             AND NOT EXISTS (
                                 SELECT FROM oof_payment p
                                  WHERE p.consent_id = c.consent_id
                                        AND (NOT oof_payment_final(p.status)
                                             OR p.status_update >= before))
                       ORDER BY c.consent_id
                         FOR UPDATE OF c SKIP LOCKED);

    ELSE
        RAISE EXCEPTION 'nothing that is deleted: %', what;
    END IF;

    IF cardinality(looked) = most THEN
        last := looked[most];
    END IF;

    IF cardinality(over) = 0 THEN
        RETURN;
    END IF;

    CASE what
    WHEN 'consents' THEN
        DELETE FROM oof_consent_history WHERE consent_id = ANY (over);
        DELETE FROM oof_consent_resource WHERE consent_id = ANY (over);
        DELETE FROM oof_consent_approver WHERE consent_id = ANY (over);
        DELETE FROM oof_consent_extension WHERE consent_id = ANY (over);
        DELETE FROM oof_consent_search_key WHERE consent_id = ANY (over);
        DELETE FROM oof_consent_metadata WHERE consent_id = ANY (over);
        DELETE FROM oof_consent_webhook WHERE consent_id = ANY (over);
        DELETE FROM oof_consent WHERE consent_id = ANY (over);

    WHEN 'payments' THEN
        DELETE FROM oof_payment_history
         WHERE payment_id IN (SELECT payment_id FROM oof_payment
                               WHERE consent_id = ANY (over));
        DELETE FROM oof_payment_intent WHERE consent_id = ANY (over);
        DELETE FROM oof_payment WHERE consent_id = ANY (over);
        DELETE FROM oof_payment_consent_history WHERE consent_id = ANY (over);
        DELETE FROM oof_payment_approver WHERE consent_id = ANY (over);
        DELETE FROM oof_consent_search_key WHERE consent_id = ANY (over);
        DELETE FROM oof_consent_metadata WHERE consent_id = ANY (over);
        DELETE FROM oof_consent_webhook WHERE consent_id = ANY (over);
        DELETE FROM oof_payment_consent WHERE consent_id = ANY (over);

    -- of a history the last state stays

    WHEN 'consent_history' THEN
        DELETE FROM oof_consent_history h
         USING oof_consent c
         WHERE c.consent_id = ANY (over)
               AND h.consent_id = c.consent_id
               AND h.version < c.version;

    WHEN 'payment_history' THEN
        DELETE FROM oof_payment_consent_history h
         USING oof_payment_consent c
         WHERE c.consent_id = ANY (over)
               AND h.consent_id = c.consent_id
               AND h.version < c.version;
        GET DIAGNOSTICS deleted = ROW_COUNT;

        WITH d AS (
            DELETE FROM oof_payment_history h
             USING oof_payment p
             WHERE p.consent_id = ANY (over)
                   AND h.payment_id = p.payment_id
                   AND h.version < p.version
         RETURNING 1)
        SELECT deleted + count(*) INTO deleted FROM d;
        RETURN;

    WHEN 'attempts' THEN
        DELETE FROM oof_payment_intent WHERE consent_id = ANY (over);
    END CASE;

    GET DIAGNOSTICS deleted = ROW_COUNT;
END
$$;

COMMENT ON FUNCTION oof_retain(text, timestamptz, text, integer, bigint) IS
    'deletes what is over and older than it need be kept';

REVOKE ALL ON FUNCTION oof_retain(text, timestamptz, text, integer, bigint)
    FROM PUBLIC;
