-- What registration tells of a client; the row is made or replaced, with an
-- event.  Whether a client is blocked is not for registration to change in
-- passing: a status that is not told stays.
--
-- $1 text: brand
-- $2 text: client's id
-- $3 uuid: organisation
-- $4 uuid: software, or null
-- $5 text: name
-- $6 text: address of its logo, or null
-- $7 text: JSON array of webhook addresses
-- $8 text: JSON array of roles
-- $9 text: status, or null
-- $10 timestamptz: real clock
-- $11 text: traceparent of the event, or null
WITH c AS (
    INSERT INTO oof_client AS c
                (brand, client_id, organisation_id, software_id, name,
                 logo_uri, webhook_uris, roles, status, created, updated,
                 version, stamp)
         VALUES ($1, $2, $3, $4, $5, $6,
                 ARRAY(SELECT jsonb_array_elements_text($7::jsonb)),
                 ARRAY(SELECT jsonb_array_elements_text($8::jsonb)),
                 coalesce($9, 'ACTIVE'), $10, $10, 1, $10)
    ON CONFLICT (brand, client_id) DO UPDATE
            SET organisation_id = excluded.organisation_id,
                software_id = excluded.software_id,
                name = excluded.name,
                logo_uri = excluded.logo_uri,
                webhook_uris = excluded.webhook_uris,
                roles = excluded.roles,
                status = coalesce($9, c.status),
                updated = excluded.updated,
                version = c.version + 1,
                stamp = greatest($10, c.stamp + interval '1 microsecond')
      RETURNING c.*
), e AS (
    INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
         SELECT oof_uuid7((extract(epoch FROM $10) * 1000)::int8),
                CASE WHEN c.created = c.updated THEN 'oof.client.registered'
                     ELSE 'oof.client.updated' END,
                $1, oof_client_key($1, $2), c.version, $10, c.stamp,
                json_strip_nulls(json_build_object(
                    'clientId', c.client_id,
                    'organisationId', c.organisation_id,
                    'softwareId', c.software_id,
                    'status', c.status,
                    'roles', to_json(c.roles),
                    'traceparent', $11))::text
           FROM c
)
SELECT CASE WHEN c.created = c.updated THEN 1 ELSE 2 END::int4 AS outcome,
       c.created, c.updated, c.status
  FROM c;
