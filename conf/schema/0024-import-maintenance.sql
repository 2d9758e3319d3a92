-- Copyright (C) oof authors
--
-- What another platform leaves behind: clients, ids of resources, consents, each
-- stored once, by whoever imports them (build/import), who owns the schema; and
-- outages in which APIs are closed.

-- Rows are what build/import has made of lines.  Of each the number of its line
-- and what became of it are told: new, there (it is stored already, and stays
-- as it is), and why it cannot be stored.

CREATE FUNCTION oof_import_clients(brand text, rows jsonb)
RETURNS TABLE (line integer, outcome text)
LANGUAGE sql
AS $$
    WITH r AS MATERIALIZED (
        SELECT *
          FROM jsonb_to_recordset($2)
               AS x (line integer, client text, organisation uuid,
                     software uuid, name text, logo text, webhooks jsonb,
                     roles jsonb, status text, created timestamptz)
    ), c AS (
        INSERT INTO oof_client
                    (brand, client_id, organisation_id, software_id, name,
                     logo_uri, webhook_uris, roles, status, created, updated,
                     stamp)
             SELECT $1, r.client, r.organisation, r.software, r.name,
                    r.logo,
                    ARRAY(SELECT jsonb_array_elements_text(r.webhooks)),
                    ARRAY(SELECT jsonb_array_elements_text(r.roles)),
                    r.status, coalesce(r.created, clock_timestamp()),
                    clock_timestamp(), clock_timestamp()
               FROM r
              ORDER BY r.client
        ON CONFLICT DO NOTHING
          RETURNING client_id
    )
    SELECT r.line, CASE WHEN c.client_id IS NULL THEN 'there' ELSE 'new' END
      FROM r
      LEFT JOIN c ON c.client_id = r.client
$$;

COMMENT ON FUNCTION oof_import_clients(text, jsonb) IS
    'stores clients that are not there yet';


-- A resource has one id, and an id one resource: "taken" is an id of another
-- resource, "other" a resource that has another id here.  Look-up values are by
-- all keys, the first of which is for new rows.

CREATE FUNCTION oof_import_resources(brand text, rows jsonb)
RETURNS TABLE (line integer, outcome text)
LANGUAGE sql
AS $$
    WITH r AS MATERIALIZED (
        SELECT x.line, x.id, x.type, x.status, x.updated,
               decode(x.legacy, 'hex') AS legacy,
               ARRAY(SELECT decode(h, 'hex')
                       FROM jsonb_array_elements_text(x.hmacs) h) AS hmacs,
               ARRAY(SELECT decode(h, 'hex')
                       FROM jsonb_array_elements_text(x.holders) h) AS holders
          FROM jsonb_to_recordset($2)
               AS x (line integer, id uuid, type text, status text,
                     updated timestamptz, legacy text, hmacs jsonb,
                     holders jsonb)
    ), there AS MATERIALIZED (
        SELECT r.line, i.resource_id AS id_of, l.resource_id AS of,
               i.type = r.type AND i.legacy_hmac = ANY (r.hmacs) AS same
          FROM r
          LEFT JOIN oof_resource i
                 ON i.brand = $1 AND i.resource_id = r.id
          LEFT JOIN LATERAL (SELECT o.resource_id
                               FROM oof_resource o
                              WHERE o.brand = $1
                                AND o.type = r.type
                                AND o.legacy_hmac = ANY (r.hmacs)
                              LIMIT 1) l
                 ON true
    ), n AS (
        INSERT INTO oof_resource
                    (brand, resource_id, type, legacy_hmac, legacy, status,
                     status_update, holders)
             SELECT $1, r.id, r.type, r.hmacs[1], r.legacy, r.status,
                    coalesce(r.updated, clock_timestamp()), r.holders
               FROM r
               JOIN there t ON t.line = r.line
              WHERE t.id_of IS NULL
                AND t.of IS NULL
              ORDER BY r.type, r.hmacs[1]
        ON CONFLICT DO NOTHING
          RETURNING resource_id
    )
    SELECT r.line,
           CASE WHEN t.same THEN 'there'
                WHEN t.id_of IS NOT NULL THEN 'taken'
                WHEN t.of IS NOT NULL THEN 'other'
                WHEN n.resource_id IS NOT NULL THEN 'new'
                ELSE 'other' END
      FROM r
      JOIN there t ON t.line = r.line
      LEFT JOIN n ON n.resource_id = r.id
$$;

COMMENT ON FUNCTION oof_import_resources(text, jsonb) IS
    'stores ids of resources that are not there yet';


-- A consent with all that it had: its history, its renewals, what it shares.
-- Nothing of that is an event of ours: its history rows have ids of events that
-- are in no log.  "resource" is one that shares what is not there.

CREATE FUNCTION oof_import_consents(brand text, rows jsonb)
RETURNS TABLE (line integer, outcome text)
LANGUAGE sql
AS $$
    WITH r AS MATERIALIZED (
        SELECT *
          FROM jsonb_to_recordset($2)
               AS x (line integer, id uuid, client text, organisation uuid,
                     status text, creation timestamptz, updated timestamptz,
                     expiration timestamptz, until timestamptz,
                     authorised timestamptz, permissions bigint,
                     linked boolean, multiple boolean, by text, code text,
                     info text, personal text, cpf text, cnpj text,
                     version integer, history jsonb, extensions jsonb,
                     resources jsonb)
    ), lacking AS MATERIALIZED (
        SELECT DISTINCT r.line
          FROM r
               CROSS JOIN LATERAL jsonb_to_recordset(r.resources)
                                  AS s (id uuid)
         WHERE NOT EXISTS (SELECT
                             FROM oof_resource o
                            WHERE o.brand = $1 AND o.resource_id = s.id)
    ), c AS (
        INSERT INTO oof_consent
                    (consent_id, brand, client_id, organisation_id, status,
                     creation, status_update, expiration, authorise_until,
                     authorised, permissions, linked, multiple, rejected_by,
                     reason_code, reason_info, version, stamp, personal,
                     cpf_hmac, cnpj_hmac)
             SELECT r.id, $1, r.client, r.organisation, r.status,
                    r.creation, r.updated, r.expiration, r.until,
                    r.authorised, r.permissions, r.linked, r.multiple, r.by,
                    r.code, r.info, r.version, clock_timestamp(),
                    decode(r.personal, 'hex'), decode(r.cpf, 'hex'),
                    decode(r.cnpj, 'hex')
               FROM r
              WHERE r.line NOT IN (SELECT l.line FROM lacking l)
              ORDER BY r.id
        ON CONFLICT DO NOTHING
          RETURNING consent_id
    ), h AS (
        INSERT INTO oof_consent_history
                    (consent_id, version, "at", status, rejected_by,
                     reason_code, actor, event_id)
             SELECT c.consent_id, x.version, x."at", x.status, x.by, x.code,
                    x.actor, gen_random_uuid()
               FROM c
               JOIN r ON r.id = c.consent_id
                    CROSS JOIN LATERAL jsonb_to_recordset(r.history)
                         AS x (version integer, "at" timestamptz,
                               status text, by text, code text, actor text)
    ), e AS (
        INSERT INTO oof_consent_extension
                    (consent_id, version, event_id, "at", expiration,
                     previous, personal)
             SELECT c.consent_id, x.version, x.id, x."at", x.expiration,
                    x.previous, decode(x.personal, 'hex')
               FROM c
               JOIN r ON r.id = c.consent_id
                    CROSS JOIN LATERAL jsonb_to_recordset(r.extensions)
                         AS x (version integer, id uuid, "at" timestamptz,
                               expiration timestamptz, previous timestamptz,
                               personal text)
    ), s AS (
        INSERT INTO oof_consent_resource
                    (consent_id, resource_id, status_update, type, status)
             SELECT c.consent_id, o.resource_id,
                    coalesce(x."at", r.updated), o.type, x.status
               FROM c
               JOIN r ON r.id = c.consent_id
                    CROSS JOIN LATERAL jsonb_to_recordset(r.resources)
                         AS x (id uuid, status text, "at" timestamptz)
               JOIN oof_resource o
                    ON o.brand = $1 AND o.resource_id = x.id
    )
    SELECT r.line,
           CASE WHEN c.consent_id IS NOT NULL THEN 'new'
                WHEN r.line IN (SELECT l.line FROM lacking l) THEN 'resource'
                ELSE 'there' END
      FROM r
      LEFT JOIN c ON c.consent_id = r.id
$$;

COMMENT ON FUNCTION oof_import_consents(text, jsonb) IS
    'stores consents that are not there yet, with all that they had';


-- What a key of personal data may still seal, as key_reserve does.

CREATE FUNCTION oof_import_reserve(fingerprint text, name text, n bigint)
RETURNS boolean
LANGUAGE sql
AS $$
    WITH u AS (
        INSERT INTO oof_key_usage AS u (key_id, name, reserved, changed)
             VALUES ($1, $2, $3, clock_timestamp())
        ON CONFLICT (key_id) DO UPDATE
                SET reserved = u.reserved + excluded.reserved,
                    changed = excluded.changed
              WHERE u.reserved + excluded.reserved <= 2147483648
          RETURNING 1
    )
    SELECT EXISTS (SELECT FROM u)
$$;

COMMENT ON FUNCTION oof_import_reserve(text, text, bigint) IS
    'counts values that the import seals; false: the key has none left';

REVOKE ALL ON FUNCTION oof_import_clients(text, jsonb),
    oof_import_resources(text, jsonb), oof_import_consents(text, jsonb),
    oof_import_reserve(text, text, bigint)
    FROM PUBLIC;


-- Maintenance: an outage in which what it names answers 503.

ALTER TABLE oof_outage
    ADD COLUMN closed boolean NOT NULL DEFAULT false;

CREATE INDEX oof_outage_closed
    ON oof_outage (ends)
    WHERE closed AND cancelled IS NULL;

COMMENT ON COLUMN oof_outage.closed IS
    'while it lasts requests are answered 503, by every process of the '
    'installation; false: it is only told of';
