-- A page of a consent's renewals, the newest first.  There is always a row when
-- there is a consent, with nulls where the page is empty.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 int8: renewals before the page
-- $4 int8: how many at most
SELECT c.client_id, n.total, x.event_id, x."at", x.expiration, x.previous,
       x.personal
  FROM oof_consent c
       CROSS JOIN (SELECT count(*) AS total
                     FROM oof_consent_extension
                    WHERE consent_id = $1) AS n
       LEFT JOIN (SELECT event_id, "at", version, expiration, previous,
                         personal
                    FROM oof_consent_extension
                   WHERE consent_id = $1
                   ORDER BY "at" DESC, version DESC
                   LIMIT $4
                  OFFSET $3) AS x
       ON true
 WHERE c.consent_id = $1
   AND c.brand = $2
 ORDER BY x."at" DESC, x.version DESC;
