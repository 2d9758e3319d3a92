-- rows of the logs, with the sealed personal data of their subjects
-- $1 text: their positions, with commas
SELECT 0::int4 AS outcome, l.position, l.id, l.type, l.brand, l.key, l.version,
       l."time", l.stamp, l.data, s.consent_id, s.consent, s.debtor, s.payment
  FROM oof_log_rows(string_to_array($1, ',')::int8[]) l
  LEFT JOIN LATERAL (SELECT *
                       FROM oof_event_personal p
                      WHERE p.key = l.key
                      LIMIT 1) s
       ON true;
