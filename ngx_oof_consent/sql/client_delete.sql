-- $1 text: brand
-- $2 text: client's id
-- $3 timestamptz: real clock
-- $4 text: traceparent of the event, or null
WITH d AS (
    DELETE FROM oof_client
     WHERE brand = $1
       AND client_id = $2
 RETURNING client_id, organisation_id, version, stamp
), e AS (
    INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
         SELECT oof_uuid7((extract(epoch FROM $3) * 1000)::int8),
                'oof.client.removed', $1, oof_client_key($1, $2),
                d.version + 1, $3,
                greatest($3, d.stamp + interval '1 microsecond'),
                json_strip_nulls(json_build_object(
                    'clientId', d.client_id,
                    'organisationId', d.organisation_id,
                    'status', 'REMOVED', 'traceparent', $4))::text
           FROM d
)
SELECT CASE WHEN EXISTS (SELECT FROM d) THEN 1 ELSE 2 END::int4 AS outcome;
