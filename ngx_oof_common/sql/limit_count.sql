-- Goes on with the count of active consents by a page; told is how many
-- consents were looked at.
--
-- $1 int8: the epoch in which the lease "limits" is held
-- $2 timestamptz: now, by the rule clock
-- $3 int4: how many consents
WITH held AS (
    SELECT c.reached
      FROM oof_limit_count c
     WHERE c.one AND EXISTS (SELECT FROM oof_lease
                              WHERE name = 'limits' AND epoch = $1)
       FOR UPDATE
), page AS MATERIALIZED (
    SELECT c.consent_id, c.brand, c.organisation_id,
           c.status = 'AUTHORISED' AND (c.due IS NULL OR c.due > $2) AS active
      FROM oof_consent c
     WHERE c.consent_id > (SELECT reached FROM held)
     ORDER BY c.consent_id
     LIMIT $3
), counted AS (
    INSERT INTO oof_limit_consents AS l (brand, organisation_id, consents,
                                         counting)
    SELECT brand, organisation_id, 0, count(*)
      FROM page
     WHERE active
     GROUP BY brand, organisation_id
    ON CONFLICT (brand, organisation_id) DO UPDATE
        SET counting = l.counting + excluded.counting
), moved AS (
    UPDATE oof_limit_count
       SET running = true,
           reached = coalesce((SELECT consent_id FROM page
                                 ORDER BY consent_id DESC LIMIT 1),
                               reached)
     WHERE one AND EXISTS (SELECT FROM held)
)
SELECT 0::int4 AS outcome, (SELECT count(*) FROM page)::int4 AS consents;
