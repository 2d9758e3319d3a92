-- Opens and closes failures by what the last two minutes have seen.  A minute is
-- bad when fewer than 95 % of the calls that count succeeded.  What a maintenance
-- has refused is no failure, also when it was ended a moment ago.
--
-- $1 int8: the epoch in which the lease "status" is held
-- $2 timestamptz: now, by the rule clock
-- $3 int4: errors that open a failure
WITH l AS MATERIALIZED (
    SELECT 1
      FROM oof_lease
     WHERE name = 'status' AND epoch = $1
), seen AS MATERIALIZED (
    SELECT brand, endpoint, sum(good) AS good, sum(errors) AS errors,
           (sum(errors) * 20 > sum(good) + sum(errors)) AS bad
      FROM oof_meter_minute
     WHERE minute > $2 - interval '2 minutes' AND minute <= $2
           AND EXISTS (SELECT FROM l)
     GROUP BY brand, endpoint
), quiet AS MATERIALIZED (
    SELECT f.failure_id
      FROM oof_failure f
     WHERE f.ended IS NULL
           AND EXISTS (SELECT FROM l)
           AND f.detected <= $2
           AND NOT EXISTS (SELECT
                             FROM oof_meter_minute m
                            WHERE m.minute > $2 - interval '5 minutes'
                                  AND m.minute <= $2
                                  AND m.brand = f.brand
                                  AND m.endpoint = f.endpoint
                                  AND m.errors > 0)
), opened AS (
    INSERT INTO oof_failure (failure_id, brand, endpoint, detected, changed)
    SELECT gen_random_uuid(), brand, endpoint, $2, $2
      FROM seen
     WHERE bad AND errors >= $3
           AND NOT EXISTS (SELECT
                             FROM oof_outage a
                            WHERE (a.closed
                                   OR a.changed > $2 - interval '2 minutes')
                                  AND coalesce(a.cancelled, a.ends)
                                      > $2 - interval '2 minutes'
                                  AND a.starts <= $2
                                  AND a.brand = seen.brand
                                  AND (cardinality(a.endpoints) = 0
                                       OR EXISTS (SELECT
                                                    FROM unnest(a.endpoints) e
                                                   WHERE seen.endpoint = e
                                                         OR starts_with(
                                                                seen.endpoint,
                                                                e || '/'))))
    ON CONFLICT (brand, endpoint) WHERE ended IS NULL DO NOTHING
    RETURNING 1
), closed AS (
    UPDATE oof_failure f
       SET ended = $2, changed = $2
     WHERE f.ended IS NULL
           AND (f.failure_id IN (SELECT failure_id FROM quiet)
                OR EXISTS (SELECT
                             FROM seen s
                            WHERE s.brand = f.brand
                                  AND s.endpoint = f.endpoint
                                  AND s.good > 0 AND NOT s.bad))
    RETURNING 1
)
SELECT 0::int4 AS outcome, (SELECT count(*) FROM opened)::int4 AS opened,
       (SELECT count(*) FROM closed)::int4 AS closed;
