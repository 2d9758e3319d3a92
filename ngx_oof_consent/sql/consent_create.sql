-- A new consent with its first history row and its event, all or nothing.
--
-- The event's id is the unit's: when it is there already, an earlier run of
-- this very unit was committed, and nothing is written a second time.  The
-- unique index waits for a run that is still being committed, which a plain
-- look would miss.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 text: client's id
-- $4 uuid: client's organisation
-- $5 timestamptz: rule clock: creation
-- $6 timestamptz: end, null for an indefinite term
-- $7 int8: permissions
-- $8 bool: linked to a consent of the optimised journey, null when not said
-- $9 timestamptz: until when it waits for the customer
-- $10 timestamptz: real clock: stamp
-- $11 bytea: personal data, sealed
-- $12 bytea: look-up value of the person's document
-- $13 bytea: look-up value of the company's document, or null
-- $14 uuid: event's id
-- $15 text: event's type
-- $16 text: event's data
WITH e AS (
    INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
         VALUES ($14, $15, $2, $1, 1, $5, $10, $16)
    ON CONFLICT DO NOTHING
      RETURNING id
), c AS (
    INSERT INTO oof_consent
                (consent_id, brand, client_id, organisation_id, status,
                 creation, status_update, expiration, permissions, linked,
                 authorise_until, version, stamp, personal, cpf_hmac,
                 cnpj_hmac)
         SELECT $1, $2, $3, $4, 'AWAITING_AUTHORISATION',
                $5, $5, $6, $7, $8,
                $9, 1, $10, $11, $12,
                $13
           FROM e
), h AS (
    INSERT INTO oof_consent_history
                (consent_id, version, "at", status, actor, event_id)
         SELECT $1, 1, $5, 'AWAITING_AUTHORISATION', 'client', e.id
           FROM e
)
SELECT 1::int4 AS outcome;
