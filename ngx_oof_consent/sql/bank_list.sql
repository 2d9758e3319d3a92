-- Consents of a brand in order of their creation, the newest first, or in
-- bank_list_asc the oldest: which they are, not what they say.  Each stream is a
-- range of an index that is in this order already, and is read until there is
-- enough of it or until so many were looked at; the last of those comes as well,
-- with "last", so that a list may go on from there.  What is due and not written
-- yet is looked for by its due time.
--
-- $1 text: brand
-- $2 timestamptz: rule clock
-- $3 text: JSON array of streams {"k": rank, "w": mask of standings, "lo": from,
--          "hi": to, "id": of the consent at "hi", the oldest first at "lo",
--          which is left out}; times are microseconds
-- $4 int8: how many are wanted
-- $5 int8: how many of a stream are looked at
-- $6 text: JSON array of clients' ids, or null
-- $7 timestamptz: only what expires before, or null
-- $8 int4: only of that term, or null
WITH s AS MATERIALIZED (
    SELECT s.k, t.s, t.d, o.c, s.id,
           timestamptz 'epoch' + s.lo * interval '1 microsecond' AS lo,
           timestamptz 'epoch' + s.hi * interval '1 microsecond' AS hi
      FROM jsonb_to_recordset($3::jsonb)
           AS s (k int4, w int4, lo int8, hi int8, id uuid)
           JOIN (VALUES (1, 1::int2, false), (2, 2::int2, false),
                        (3, 3::int2, false), (4, 4::int2, false),
                        (5, 5::int2, false), (6, 6::int2, false),
                        (5, 2::int2, true), (6, 1::int2, true))
           AS t (w, s, d)
           ON (s.w >> t.w) & 1 = 1
           LEFT JOIN jsonb_array_elements_text($6::jsonb) AS o (c)
           ON true
)
SELECT t.k, t.creation, t.consent_id, t.fits, t.last
  FROM (
    SELECT s.k, x.creation, x.consent_id, x.fits, x.n = $5 AS last
      FROM s
           CROSS JOIN LATERAL (
               SELECT y.*
                 FROM (SELECT r.creation, r.consent_id,
                              (r.due IS NULL OR r.due > $2)
                              AND ($7 IS NULL OR r.expiration < $7)
                              AS fits,
                              row_number() OVER () AS n
                         FROM (SELECT c.creation, c.consent_id, c.due,
                                      c.expiration, c.term
                                 FROM oof_consent c
                                WHERE c.brand = $1
                                  AND c.standing = s.s
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
     WHERE NOT s.d AND s.c IS NULL AND $8 IS NULL
     UNION ALL
    SELECT s.k, x.creation, x.consent_id, x.fits, x.n = $5 AS last
      FROM s
           CROSS JOIN LATERAL (
               SELECT y.*
                 FROM (SELECT r.creation, r.consent_id,
                              (r.due IS NULL OR r.due > $2)
                              AND ($7 IS NULL OR r.expiration < $7)
                              AS fits,
                              row_number() OVER () AS n
                         FROM (SELECT c.creation, c.consent_id, c.due,
                                      c.expiration, c.term
                                 FROM oof_consent c
                                WHERE c.brand = $1
                                  AND c.term = $8
                                  AND c.standing = s.s
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
     WHERE NOT s.d AND s.c IS NULL AND $8 IS NOT NULL
     UNION ALL
    SELECT s.k, x.creation, x.consent_id, x.fits, x.n = $5 AS last
      FROM s
           CROSS JOIN LATERAL (
               SELECT y.*
                 FROM (SELECT r.creation, r.consent_id,
                              (r.due IS NULL OR r.due > $2)
                              AND ($7 IS NULL OR r.expiration < $7)
                              AND ($8 IS NULL OR r.term = $8)
                              AS fits,
                              row_number() OVER () AS n
                         FROM (SELECT c.creation, c.consent_id, c.due,
                                      c.expiration, c.term
                                 FROM oof_consent c
                                WHERE c.brand = $1
                                  AND c.client_id = s.c
                                  AND c.standing = s.s
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
     WHERE NOT s.d AND s.c IS NOT NULL
     UNION ALL
    SELECT s.k, x.creation, x.consent_id, true, false
      FROM s
           CROSS JOIN LATERAL (
               SELECT c.creation, c.consent_id
                 FROM (SELECT c.*
                         FROM oof_consent c
                        WHERE c.due <= $2
                        ORDER BY c.due
                        LIMIT $5) AS c
                WHERE c.brand = $1
                  AND c.standing = s.s
                  AND (s.c IS NULL OR c.client_id = s.c)
                  AND ($8 IS NULL OR c.term = $8)
                  AND ($7 IS NULL OR c.expiration < $7)
                  AND c.creation >= s.lo -- desc
                  AND c.creation <= s.hi -- asc
                  AND (c.creation, c.consent_id)
                      < (s.hi, s.id) -- desc
                      > (s.lo, s.id) -- asc
               ) AS x
     WHERE s.d
       ) AS t
 ORDER BY t.k, t.creation DESC, t.consent_id DESC -- desc
 ORDER BY t.k, t.creation, t.consent_id -- asc
 LIMIT $4;
