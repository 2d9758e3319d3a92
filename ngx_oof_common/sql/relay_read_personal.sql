-- rows of the logs in order, with the sealed personal data of their subjects
-- $1 int8: after this position
-- $2 int4: how many at most
-- $3 int8: bytes of data that are enough
SELECT 0::int4 AS outcome, l.position, l.id, l.type, l.brand, l.key, l.version,
       l."time", l.stamp, l.data, s.consent_id, s.consent, s.debtor, s.payment
  FROM oof_log_read($1, $2, $3) l
  LEFT JOIN LATERAL (SELECT *
                       FROM oof_event_personal p
                      WHERE p.key = l.key
                      LIMIT 1) s
       ON true
 ORDER BY l.position;
