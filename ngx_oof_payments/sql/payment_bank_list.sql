-- Consents to pay of a brand in order of their creation, the newest first, or in
-- payment_bank_list_asc the oldest: which they are, not what they say.  Each
-- stream is a range of the index, and is read until there is enough of it or
-- until so many were looked at; the last of those comes as well, with "last", so
-- that a list may go on from there.
--
-- $1 text: brand
-- $2 timestamptz: rule clock
-- $3 text: JSON array of streams {"k": rank, "w": mask of standings, "lo": from,
--          "hi": to, "id": of the consent at "hi", the oldest first at "lo",
--          which is left out}; times are microseconds
-- $4 int8: how many are wanted
-- $5 int8: how many of a stream are looked at
-- $6 text: JSON array of clients' ids, or null
-- $7 int4: mask of modalities, 1: at once, 2: scheduled
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
                          AND $7 & CASE (r.c).first_day WHEN 0 THEN 1 ELSE 2
                                   END <> 0
                          AND ($6 IS NULL
                               OR (r.c).client_id = ANY (ARRAY(
                                  SELECT jsonb_array_elements_text(
                                         $6::jsonb))))
                          AS fits,
                          row_number() OVER () AS n
                     FROM (SELECT c
                             FROM oof_payment_consent c
                            WHERE c.brand = $1
                              AND c.creation >= s.lo -- desc
                              AND c.creation <= s.hi -- asc
                              AND (c.creation, c.consent_id)
                                  < (s.hi, s.id) -- desc
                                  > (s.lo, s.id) -- asc
                            ORDER BY c.creation DESC, -- desc
                                     c.consent_id DESC -- desc
                            ORDER BY c.creation, c.consent_id -- asc
                            LIMIT $5) AS r) AS y
            WHERE y.fits OR y.n = $5
            LIMIT $4) AS x
 ORDER BY s.k, x.creation DESC, x.consent_id DESC -- desc
 ORDER BY s.k, x.creation, x.consent_id -- asc
 LIMIT $4;
