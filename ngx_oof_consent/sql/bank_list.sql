-- Consents of a brand in order of their creation, the newest first: which they
-- are, not what they say.  Each stream is a range of an index that is in this
-- order already, and is read until there is enough of it or until so many were
-- looked at; the last of those comes as well, with "last", so that a list may
-- go on from there.  What is due and not written yet is looked for by its due
-- time, and is in streams of its own.
--
-- $1 text: brand
-- $2 timestamptz: rule clock
-- $3 text: JSON array of streams {"k": rank, "s": standing, "c": client's id,
--          "m": term, "d": what is due, "lo": from, "hi": to, "id": of the
--          consent at "hi", which is left out}; times are microseconds, and
--          c, m and d may be absent
-- $4 int8: how many are wanted
-- $5 int8: how many of a stream are looked at
-- $6 timestamptz: only what expires before, or null
WITH s AS MATERIALIZED (
    SELECT s.k, s.s, s.c, s.m, s.d, s.id,
           timestamptz 'epoch' + s.lo * interval '1 microsecond' AS lo,
           timestamptz 'epoch' + s.hi * interval '1 microsecond' AS hi
      FROM jsonb_to_recordset($3::jsonb)
           AS s (k int4, s int2, c text, m int4, d bool, lo int8, hi int8,
                 id uuid)
)
SELECT t.k, t.creation, t.consent_id, t.fits, t.last
  FROM (
    SELECT s.k, x.creation, x.consent_id, x.fits, x.n = $5 AS last
      FROM s
           CROSS JOIN LATERAL (
               SELECT y.*
                 FROM (SELECT r.creation, r.consent_id,
                              (r.due IS NULL OR r.due > $2)
                              AND ($6 IS NULL OR r.expiration < $6)
                              AS fits,
                              row_number() OVER () AS n
                         FROM (SELECT c.creation, c.consent_id, c.due,
                                      c.expiration, c.term
                                 FROM oof_consent c
                                WHERE c.brand = $1
                                  AND c.standing = s.s
                                  AND c.creation >= s.lo
                                  AND (c.creation, c.consent_id) < (s.hi, s.id)
                                ORDER BY c.creation DESC, c.consent_id DESC
                                LIMIT $5) AS r) AS y
                WHERE y.fits OR y.n = $5
                LIMIT $4) AS x
     WHERE s.d IS NULL AND s.c IS NULL AND s.m IS NULL
     UNION ALL
    SELECT s.k, x.creation, x.consent_id, x.fits, x.n = $5 AS last
      FROM s
           CROSS JOIN LATERAL (
               SELECT y.*
                 FROM (SELECT r.creation, r.consent_id,
                              (r.due IS NULL OR r.due > $2)
                              AND ($6 IS NULL OR r.expiration < $6)
                              AS fits,
                              row_number() OVER () AS n
                         FROM (SELECT c.creation, c.consent_id, c.due,
                                      c.expiration, c.term
                                 FROM oof_consent c
                                WHERE c.brand = $1
                                  AND c.term = s.m
                                  AND c.standing = s.s
                                  AND c.creation >= s.lo
                                  AND (c.creation, c.consent_id) < (s.hi, s.id)
                                ORDER BY c.creation DESC, c.consent_id DESC
                                LIMIT $5) AS r) AS y
                WHERE y.fits OR y.n = $5
                LIMIT $4) AS x
     WHERE s.d IS NULL AND s.c IS NULL AND s.m IS NOT NULL
     UNION ALL
    SELECT s.k, x.creation, x.consent_id, x.fits, x.n = $5 AS last
      FROM s
           CROSS JOIN LATERAL (
               SELECT y.*
                 FROM (SELECT r.creation, r.consent_id,
                              (r.due IS NULL OR r.due > $2)
                              AND ($6 IS NULL OR r.expiration < $6)
                              AND (s.m IS NULL OR r.term = s.m)
                              AS fits,
                              row_number() OVER () AS n
                         FROM (SELECT c.creation, c.consent_id, c.due,
                                      c.expiration, c.term
                                 FROM oof_consent c
                                WHERE c.brand = $1
                                  AND c.client_id = s.c
                                  AND c.standing = s.s
                                  AND c.creation >= s.lo
                                  AND (c.creation, c.consent_id) < (s.hi, s.id)
                                ORDER BY c.creation DESC, c.consent_id DESC
                                LIMIT $5) AS r) AS y
                WHERE y.fits OR y.n = $5
                LIMIT $4) AS x
     WHERE s.d IS NULL AND s.c IS NOT NULL
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
                  AND (s.m IS NULL OR c.term = s.m)
                  AND ($6 IS NULL OR c.expiration < $6)
                  AND c.creation >= s.lo
                  AND (c.creation, c.consent_id) < (s.hi, s.id)) AS x
     WHERE s.d
       ) AS t
 ORDER BY t.k, t.creation DESC, t.consent_id DESC
 LIMIT $4;
