-- Copyright (C) oof authors
--
-- What the bank's channels and back office ask of consents: lists by whatever
-- they know, and what they keep with a consent.

-- The state of a consent as the bank's side names it, but for what is due and
-- not written yet.  Stored, so that every list is read in its order from an
-- index that ends where the list does.

ALTER TABLE oof_consent
    ADD COLUMN authorised timestamptz,
    ADD COLUMN term integer GENERATED ALWAYS AS (
        CASE
        WHEN expiration IS NULL
             THEN -1
        ELSE least(date_part('epoch', expiration - creation) / 2629800,
                   100000)
        END) STORED;

UPDATE oof_consent c
   SET authorised = h."at"
  FROM (SELECT consent_id, min("at") AS "at"
          FROM oof_consent_history
         WHERE status = 'AUTHORISED'
         GROUP BY consent_id) h
 WHERE c.consent_id = h.consent_id;

ALTER TABLE oof_consent
    ADD COLUMN standing smallint GENERATED ALWAYS AS (
        CASE
        WHEN status = 'AWAITING_AUTHORISATION'
             THEN 1
        WHEN status = 'AUTHORISED'
             THEN 2
        WHEN reason_code = 'CONSENT_MAX_DATE_REACHED'
             THEN 5
        WHEN reason_code = 'CONSENT_EXPIRED'
             THEN 6
        WHEN reason_code = 'CUSTOMER_MANUALLY_REVOKED'
             OR authorised IS NOT NULL
             THEN 4
        ELSE 3
        END) STORED;

COMMENT ON COLUMN oof_consent.authorised IS
    'when the customer authorised it, null: never';
COMMENT ON COLUMN oof_consent.term IS
    'whole term in months of 30.4375 days, rounded; -1: indefinite';
COMMENT ON COLUMN oof_consent.standing IS
    '1 AWAITING_AUTHORISATION, 2 AUTHORISED, 3 REJECTED, 4 REVOKED (rejected '
    'after it was authorised), 5 EXPIRED (its date is reached), 6 '
    'TIMEOUT_AUTHORISATION (never authorised in time)';

DROP INDEX oof_consent_client;
DROP INDEX oof_consent_cpf;
DROP INDEX oof_consent_cnpj;

CREATE INDEX oof_consent_standing
    ON oof_consent (brand, standing, creation, consent_id);

CREATE INDEX oof_consent_term
    ON oof_consent (brand, term, standing, creation, consent_id);

CREATE INDEX oof_consent_client
    ON oof_consent (brand, client_id, standing, creation, consent_id);

CREATE INDEX oof_consent_cpf
    ON oof_consent (cpf_hmac, brand, creation, consent_id);

CREATE INDEX oof_consent_cnpj
    ON oof_consent (cnpj_hmac, brand, creation, consent_id)
    WHERE cnpj_hmac IS NOT NULL;


-- consents that wait for somebody's agreement, or had it

DROP INDEX oof_consent_approver_cpf;

CREATE INDEX oof_consent_approver_cpf
    ON oof_consent_approver (cpf_hmac, consent_id);


-- who of the bank's side did it

ALTER TABLE oof_consent_history
    ADD COLUMN operator text;

COMMENT ON COLUMN oof_consent_history.operator IS
    'subject of the token by which the bank''s side did it: an application or '
    'a member of its staff, never a customer';


-- Words by which the bank finds consents again.  They may name a person, so
-- only their look-up values are here; no answer tells them.

CREATE TABLE oof_consent_search_key (
    consent_id  uuid NOT NULL,
    creation    timestamptz NOT NULL,
    brand       text NOT NULL,
    key_hmac    bytea NOT NULL,

    PRIMARY KEY (consent_id, key_hmac)
);

CREATE INDEX oof_consent_search_key_key
    ON oof_consent_search_key (key_hmac, brand, creation, consent_id);

COMMENT ON TABLE oof_consent_search_key IS
    'search keys that the bank has given to consents';
COMMENT ON COLUMN oof_consent_search_key.creation IS
    'of the consent, for the order of lists';
COMMENT ON COLUMN oof_consent_search_key.key_hmac IS
    'HMAC-SHA-256 of the key under a look-up key';


CREATE TABLE oof_consent_metadata (
    consent_id  uuid PRIMARY KEY,
    changed     timestamptz NOT NULL,
    version     integer NOT NULL,
    brand       text NOT NULL,
    personal    bytea NOT NULL
);

COMMENT ON TABLE oof_consent_metadata IS
    'what the bank keeps with a consent for its screens';
COMMENT ON COLUMN oof_consent_metadata.personal IS
    'a JSON object, sealed (table "oof_consent_metadata")';


CREATE TABLE oof_consent_webhook (
    consent_id  uuid PRIMARY KEY,
    changed     timestamptz NOT NULL,
    brand       text NOT NULL,
    active      boolean NOT NULL
);

COMMENT ON TABLE oof_consent_webhook IS
    'consents of which the bank has said whether it wants to be notified; of '
    'all others it does not';
