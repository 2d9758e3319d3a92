-- Copyright (C) oof authors
--
-- A consent as it is at an instant.  An end by time happened when it was due,
-- whenever somebody looks: a consent that was not authorised in time is
-- CONSENT_EXPIRED, one that was and is past its expiration is
-- CONSENT_MAX_DATE_REACHED, both by the institution.
--
-- Statements use it as "FROM oof_consent c, oof_consent_effective(c, $3) e".
-- It is inlined into them (a SET clause, STRICT or another language would
-- prevent that), so it costs four comparisons and leaves the plan as it is.

CREATE FUNCTION oof_consent_effective(c oof_consent, "at" timestamptz)
RETURNS TABLE (status text, status_update timestamptz, rejected_by text,
               reason_code text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN c.due <= "at" THEN 'REJECTED' ELSE c.status END,
           CASE WHEN c.due <= "at" THEN c.due ELSE c.status_update END,
           CASE WHEN c.due <= "at" THEN 'ASPSP' ELSE c.rejected_by END,
           CASE WHEN c.due <= "at"
                THEN CASE c.status
                     WHEN 'AUTHORISED' THEN 'CONSENT_MAX_DATE_REACHED'
                     ELSE 'CONSENT_EXPIRED'
                     END
                ELSE c.reason_code
           END
$$;

COMMENT ON FUNCTION oof_consent_effective(oof_consent, timestamptz) IS
    'status, its time, and who rejected why, at an instant of the rule clock';

REVOKE ALL ON FUNCTION oof_consent_effective(oof_consent, timestamptz)
    FROM PUBLIC;
