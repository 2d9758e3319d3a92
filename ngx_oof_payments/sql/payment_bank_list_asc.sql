-- As payment_bank_list, the oldest first.
--
-- $1 text: brand
-- $2 timestamptz: rule clock
-- $3 text: JSON array of streams {"k": rank, "w": mask of standings, "lo": from,
--          "hi": to, "id": of the consent at "lo", which is left out}; times are
--          microseconds
-- $4 int8: how many are wanted
-- $5 int8: how many of a stream are looked at
-- $6 int4: mask of modalities, 1: at once, 2: scheduled
-- $7 text: part of the client's name, or null
WITH s AS MATERIALIZED (
    SELECT s.k, s.w, s.id,
           timestamptz 'epoch' + s.lo * interval '1 microsecond' AS lo,
           timestamptz 'epoch' + s.hi * interval '1 microsecond' AS hi
      FROM jsonb_to_recordset($3::jsonb)
           AS s (k int4, w int4, lo int8, hi int8, id uuid)
)
SELECT s.k, x.creation, x.consent_id, x.fits, x.n = $5 AS last
  FROM s
       CROSS JOIN LATERAL (
           SELECT y.*
             FROM (SELECT (r.c).creation, (r.c).consent_id,
                          (s.w >> oof_payment_consent_standing(r.c, $2)) & 1
                          = 1
                          AND $6 & CASE (r.c).first_day WHEN 0 THEN 1 ELSE 2
                                   END <> 0
                          AND ($7 IS NULL
                               OR EXISTS (SELECT
                                            FROM oof_client k
                                           WHERE k.brand = (r.c).brand
                                             AND k.client_id
                                                 = (r.c).client_id
                                             AND position(lower($7) IN
                                                          lower(k.name)) > 0))
                          AS fits,
                          row_number() OVER () AS n
                     FROM (SELECT c
                             FROM oof_payment_consent c
                            WHERE c.brand = $1
                              AND c.creation <= s.hi
                              AND (c.creation, c.consent_id) > (s.lo, s.id)
                            ORDER BY c.creation, c.consent_id
                            LIMIT $5) AS r) AS y
            WHERE y.fits OR y.n = $5
            LIMIT $4) AS x
 ORDER BY s.k, x.creation, x.consent_id
 LIMIT $4;
