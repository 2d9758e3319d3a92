-- Takes what is due: each is written as an attempt before the call is made.
-- The first of each host's queue come before the second, so that a long queue
-- of one host holds up no other; it is looked for as a range, in the order of
-- its index, for that of due alone would lead through the queues of others.
-- There is always a row, with nulls where nothing is taken.
--
-- $1 text: the lease's name
-- $2 int8: the holder's epoch
-- $3 timestamptz: real clock
-- $4 text: JSON object: how many to each host that is known, 0: none now, -1:
-- one, of a bad host
-- $5 int4: how many to any other host
-- $6 int4: how many to bad hosts together
-- $7 int4: how many at most in all
-- $8 int4: attempts at most
-- $9 text: JSON object: brands that are served: when a call that begins now has
-- surely ended, in milliseconds from now
-- $10 uuid: the unit's id
WITH RECURSIVE held AS MATERIALIZED (
    SELECT
      FROM oof_lease
     WHERE name = $1
       AND epoch = $2
       FOR SHARE
), again AS MATERIALIZED (
    SELECT w.event_id, w.target
      FROM oof_webhook w
     WHERE w.state = 'sent'
       AND w.unit = $10
), f AS MATERIALIZED (
    SELECT k.key AS host, k.value::int4 AS n
      FROM json_each_text($4::json) AS k
), h AS (
    (SELECT w.host
       FROM oof_webhook w
      WHERE w.state = 'waiting'
      ORDER BY w.host
      LIMIT 1)
  UNION ALL
    SELECT (SELECT w.host
              FROM oof_webhook w
             WHERE w.state = 'waiting'
               AND w.host > h.host
             ORDER BY w.host
             LIMIT 1)
      FROM h
     WHERE h.host IS NOT NULL
), q AS (
    SELECT h.host, abs(coalesce(f.n, $5)) AS n, coalesce(f.n, 0) < 0 AS bad
      FROM h
      LEFT JOIN f
           ON f.host = h.host
     WHERE h.host IS NOT NULL
), c AS (
    SELECT d.*, q.bad,
           row_number() OVER (PARTITION BY q.bad ORDER BY d.n, d.due) AS place
      FROM q
     CROSS JOIN LATERAL (
               SELECT o.*, row_number() OVER (ORDER BY o.due) AS n
                 FROM (SELECT w.event_id, w.target, w.due
                         FROM oof_webhook w
                        WHERE w.state = 'waiting'
                          AND w.host >= q.host
                          AND w.host <= q.host
                          AND w.due <= $3
                          AND w.attempt < $8
                          AND $9::jsonb ? w.brand
                        ORDER BY w.host, w.due
                        LIMIT q.n) AS o) AS d
), t AS MATERIALIZED (
    SELECT c.event_id, c.target
      FROM c
     WHERE (NOT c.bad OR c.place <= $6)
       AND EXISTS (SELECT FROM held)
       AND NOT EXISTS (SELECT FROM again)
     ORDER BY c.n, c.due
     LIMIT $7
), u AS (
    UPDATE oof_webhook w
       SET state = 'sent',
           attempt = w.attempt + 1,
           unit = $10,
           due = $3 + ($9::jsonb ->> w.brand)::int8
                      * interval '1 millisecond'
      FROM t
     WHERE w.event_id = t.event_id
       AND w.target = t.target
 RETURNING w.event_id, w.target, w.attempt, w.brand, w.host, w.url, w.body,
           w.stamp, w.trace, w.type, w.consent_id, w.client_id
), a AS (
    INSERT INTO oof_webhook_attempt
                (event_id, interaction_id, started, target, attempt)
         SELECT u.event_id, gen_random_uuid(), $3, u.target, u.attempt
           FROM u
      RETURNING event_id, target, interaction_id
), x AS (
    SELECT u.*, a.interaction_id
      FROM u
      JOIN a
           ON a.event_id = u.event_id
           AND a.target = u.target
 UNION ALL
    SELECT w.event_id, w.target, w.attempt, w.brand, w.host, w.url, w.body,
           w.stamp, w.trace, w.type, w.consent_id, w.client_id,
           p.interaction_id
      FROM again
      JOIN oof_webhook w
           ON w.event_id = again.event_id
           AND w.target = again.target
      JOIN oof_webhook_attempt p
           ON p.event_id = w.event_id
           AND p.target = w.target
           AND p.attempt = w.attempt
)
SELECT 0::int4 AS outcome, o.due, x.event_id, x.target, x.attempt, x.brand,
       x.host, x.url, x.body, x.stamp, x.interaction_id, x.trace, x.type,
       x.consent_id,
       (SELECT c.organisation_id
          FROM oof_client c
         WHERE c.brand = x.brand
           AND c.client_id = x.client_id) AS organisation_id
  FROM (SELECT min(w.due) AS due
          FROM oof_webhook w
         WHERE w.state = 'waiting'
           AND w.due > $3) AS o
  LEFT JOIN x
       ON true;
