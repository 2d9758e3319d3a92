-- Copyright (C) oof authors
--
-- What tells a repeated request from a new one, and consents to pay.

-- Neither table is partitioned by day: a unique index would have to hold the
-- day, and the same key would be taken on both sides of midnight.

CREATE TABLE oof_jti (
    hash   bytea PRIMARY KEY,
    unit   uuid NOT NULL,
    until  timestamptz NOT NULL
)
WITH (autovacuum_vacuum_scale_factor = 0.02,
      autovacuum_vacuum_cost_delay = 0);

CREATE INDEX oof_jti_until ON oof_jti (until);

COMMENT ON TABLE oof_jti IS
    'ids of signed messages that were seen: one is good once in 24 hours';
COMMENT ON COLUMN oof_jti.hash IS
    'digest of brand, client and jti';
COMMENT ON COLUMN oof_jti.unit IS
    'the unit that took it: the same one, run again, finds its own';


CREATE TABLE oof_idempotency (
    hash      bytea PRIMARY KEY,
    print     bytea NOT NULL,
    unit      uuid NOT NULL,
    resource  uuid NOT NULL,
    created   timestamptz NOT NULL,
    until     timestamptz NOT NULL,
    status    integer,
    code      text,
    detail    text
)
WITH (fillfactor = 90,
      autovacuum_vacuum_scale_factor = 0.02,
      autovacuum_vacuum_cost_delay = 0);

CREATE INDEX oof_idempotency_until ON oof_idempotency (until);

COMMENT ON TABLE oof_idempotency IS
    'keys of requests and what became of them, kept for 24 hours at least';
COMMENT ON COLUMN oof_idempotency.hash IS
    'digest of brand, client, endpoint and key';
COMMENT ON COLUMN oof_idempotency.print IS
    'HMAC of the canonical form of the request''s data: tells the same from '
    'another, and nothing of what is in it';
COMMENT ON COLUMN oof_idempotency.resource IS
    'what the request made: a consent, or whose payments they are';
COMMENT ON COLUMN oof_idempotency.status IS
    'of the answer, decided once; null: not yet';


-- Consents to pay.

CREATE TABLE oof_payment_consent (
    consent_id       uuid PRIMARY KEY,
    organisation_id  uuid NOT NULL,
    creation         timestamptz NOT NULL,
    status_update    timestamptz NOT NULL,
    expiration       timestamptz NOT NULL,
    stamp            timestamptz NOT NULL,
    amount           bigint NOT NULL,
    version          integer NOT NULL,
    api              integer NOT NULL,
    payments         integer NOT NULL,
    first_day        integer NOT NULL,
    brand            text NOT NULL,
    client_id        text NOT NULL,
    status           text NOT NULL,
    reason_code      text,
    reason_detail    text,
    personal         bytea NOT NULL,
    debtor           bytea,
    cpf_hmac         bytea NOT NULL,
    cnpj_hmac        bytea
)
WITH (fillfactor = 80,
      autovacuum_vacuum_scale_factor = 0.02,
      autovacuum_vacuum_cost_delay = 0);

CREATE INDEX oof_payment_consent_client
    ON oof_payment_consent (brand, client_id, creation DESC);

CREATE INDEX oof_payment_consent_cpf
    ON oof_payment_consent (cpf_hmac, brand);

CREATE INDEX oof_payment_consent_cnpj
    ON oof_payment_consent (cnpj_hmac, brand)
    WHERE cnpj_hmac IS NOT NULL;

CREATE INDEX oof_payment_consent_due
    ON oof_payment_consent (expiration)
    WHERE status IN ('AWAITING_AUTHORISATION', 'PARTIALLY_ACCEPTED',
                     'AUTHORISED');

COMMENT ON TABLE oof_payment_consent IS
    'consents to pay; the row is locked by whoever changes it, and a change '
    'raises version by one';
COMMENT ON COLUMN oof_payment_consent.expiration IS
    'when time ends it in its status, unless that is a final one; see '
    'oof_payment_consent_effective()';
COMMENT ON COLUMN oof_payment_consent.amount IS
    'of each payment, in centavos';
COMMENT ON COLUMN oof_payment_consent.api IS
    'major version of the API that it was made by: 4 or 5';
COMMENT ON COLUMN oof_payment_consent.first_day IS
    'days since 1970-01-01 of the first scheduled payment; 0: at once';
COMMENT ON COLUMN oof_payment_consent.personal IS
    'what was asked for, sealed for this row';
COMMENT ON COLUMN oof_payment_consent.debtor IS
    'the account that pays, sealed: as the initiator named it, then as the '
    'customer chose it';
COMMENT ON COLUMN oof_payment_consent.reason_detail IS
    'words of the bank; null: those of the code';


CREATE TABLE oof_payment_consent_history (
    consent_id   uuid NOT NULL,
    event_id     uuid NOT NULL,
    "at"         timestamptz NOT NULL,
    version      integer NOT NULL,
    status       text NOT NULL,
    reason_code  text,
    actor        text NOT NULL,

    PRIMARY KEY (consent_id, version)
);

COMMENT ON TABLE oof_payment_consent_history IS
    'each state that a consent to pay has had; append-only';


-- A consent as it is at an instant: what is due happened when it was due.

CREATE FUNCTION oof_payment_consent_effective(c oof_payment_consent,
    "at" timestamptz)
RETURNS TABLE (status text, status_update timestamptz, reason_code text,
               reason_detail text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN d.due THEN 'REJECTED' ELSE c.status END,
           CASE WHEN d.due THEN c.expiration ELSE c.status_update END,
           CASE WHEN d.due
                THEN CASE c.status
                     WHEN 'AUTHORISED' THEN 'TEMPO_EXPIRADO_CONSUMO'
                     ELSE 'TEMPO_EXPIRADO_AUTORIZACAO'
                     END
                ELSE c.reason_code
           END,
           CASE WHEN d.due THEN NULL ELSE c.reason_detail END
      FROM (SELECT c.expiration <= "at"
                   AND c.status IN ('AWAITING_AUTHORISATION',
                                    'PARTIALLY_ACCEPTED', 'AUTHORISED'))
           AS d (due)
$$;

COMMENT ON FUNCTION oof_payment_consent_effective(oof_payment_consent,
                                                  timestamptz) IS
    'status, its time and its reason, at an instant of the rule clock';

REVOKE ALL ON FUNCTION oof_payment_consent_effective(oof_payment_consent,
                                                     timestamptz)
    FROM PUBLIC;
