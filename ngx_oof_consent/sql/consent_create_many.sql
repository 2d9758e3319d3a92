-- New consents, each with its first history row and its event: what
-- consent_create does, for many units that have not run before.
--
-- $1 uuid[]: the consent's id
-- $2 text[]: brand
-- $3 text[]: client's id
-- $4 uuid[]: client's organisation
-- $5 timestamptz[]: rule clock: creation
-- $6 timestamptz[]: end, null for an indefinite term
-- $7 int8[]: permissions
-- $8 bool[]: linked to a consent of the optimised journey, null when not said
-- $9 timestamptz[]: until when it waits for the customer
-- $10 timestamptz[]: real clock: stamp
-- $11 bytea[]: personal data, sealed
-- $12 bytea[]: look-up value of the person's document
-- $13 bytea[]: look-up value of the company's document, or null
-- $14 uuid[]: event's id
-- $15 text[]: event's type
-- $16 text[]: event's data
WITH u AS (
    SELECT *
      FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
                  $15, $16)
           AS t (consent_id, brand, client_id, organisation_id, creation,
                 expiration, permissions, linked, authorise_until, stamp,
                 personal, cpf_hmac, cnpj_hmac, event_id, type, data)
), e AS (
    INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
         SELECT event_id, type, brand, consent_id, 1, creation, stamp, data
           FROM u
), c AS (
    INSERT INTO oof_consent
                (consent_id, brand, client_id, organisation_id, status,
                 creation, status_update, expiration, permissions, linked,
                 authorise_until, version, stamp, personal, cpf_hmac,
                 cnpj_hmac)
         SELECT consent_id, brand, client_id, organisation_id,
                'AWAITING_AUTHORISATION',
                creation, creation, expiration, permissions, linked,
                authorise_until, 1, stamp, personal, cpf_hmac,
                cnpj_hmac
           FROM u
), h AS (
    INSERT INTO oof_consent_history
                (consent_id, version, "at", status, actor, event_id)
         SELECT consent_id, 1, creation, 'AWAITING_AUTHORISATION', 'client',
                event_id
           FROM u
)
SELECT 1::int4 AS outcome
  FROM u;
