-- The states that a consent has had, each once, and whether it was authorised.
--
-- $1 uuid: the consent's id
SELECT h."at", h.status, h.reason_code, h.operator, h.authorised
  FROM (SELECT version, "at", status, reason_code, operator,
               lag(status) OVER w AS previous,
               count(*) FILTER (WHERE status = 'AUTHORISED') OVER w > 0
               AS authorised
          FROM oof_consent_history
         WHERE consent_id = $1
        WINDOW w AS (ORDER BY version)) AS h
 WHERE h.status IS DISTINCT FROM h.previous
 ORDER BY h.version
 LIMIT 100;
