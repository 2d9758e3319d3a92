-- A new consent to pay with its first history row and its event, under a key
-- that nobody else has; when it is refused, only the message's id is taken.
-- What became of it is told by payment_consent_create_outcome.
--
-- $1 bytea: digest of the jti
-- $2 bytea: digest of the key
-- $3 bytea: HMAC of what was asked for
-- $4 uuid: id of the unit and of its event
-- $5 timestamptz: rule clock
-- $6 timestamptz: until when key and jti are remembered
-- $7 bool: the rules refuse it
-- $8 uuid: the consent's id
-- $9 text: brand
-- $10 text: client's id
-- $11 uuid: client's organisation
-- $12 int4: major version of the API
-- $13 timestamptz: creation
-- $14 timestamptz: until when it waits for the customer
-- $15 timestamptz: real clock: stamp
-- $16 int8: amount in centavos
-- $17 int4: how many payments
-- $18 int4: day of the first scheduled one, 0: at once
-- $19 bytea: what was asked for, sealed
-- $20 bytea: the account that pays, sealed, or null
-- $21 bytea: look-up value of the person's document
-- $22 bytea: look-up value of the company's document, or null
-- $23 text: event's type
-- $24 text: event's data
-- $25 bytea: look-up value of the charge, or null
WITH j AS (
    INSERT INTO oof_jti AS t (hash, unit, until)
         VALUES ($1, $4, $6)
    ON CONFLICT (hash) DO UPDATE
            SET unit = excluded.unit,
                until = excluded.until
          WHERE t.until <= $5
             OR t.unit = excluded.unit
      RETURNING hash
), i AS (
    INSERT INTO oof_idempotency AS t
                (hash, print, unit, resource, created, until, status)
         SELECT $2, $3, $4, $8, $5, $6, 201
           FROM j
          WHERE NOT $7
    ON CONFLICT (hash) DO UPDATE
            SET print = excluded.print,
                unit = excluded.unit,
                resource = excluded.resource,
                created = excluded.created,
                until = excluded.until,
                status = excluded.status
          WHERE t.until <= $5
      RETURNING hash
), c AS (
    INSERT INTO oof_payment_consent
                (consent_id, brand, client_id, organisation_id, api, status,
                 creation, status_update, expiration, stamp, version, amount,
                 payments, first_day, personal, debtor, cpf_hmac, cnpj_hmac,
                 charge)
         SELECT $8, $9, $10, $11, $12, 'AWAITING_AUTHORISATION',
                $13, $13, $14, $15, 1, $16,
                $17, $18, $19, $20, $21, $22, $25
           FROM i
), h AS (
    INSERT INTO oof_payment_consent_history
                (consent_id, version, "at", status, actor, event_id)
         SELECT $8, 1, $13, 'AWAITING_AUTHORISATION', 'client', $4
           FROM i
)
INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
     SELECT $4, $23, $9, $8, 1, $13, $15, $24
       FROM i;
