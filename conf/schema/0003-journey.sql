-- Copyright (C) oof authors
--
-- What the customer chooses when a consent is authorised: the bank's resources
-- under ids of the suite's own, which of them a consent shares, and who else
-- must agree.

ALTER TABLE oof_consent
    ADD COLUMN resources_ready boolean NOT NULL DEFAULT true,
    ADD COLUMN multiple boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN oof_consent.resources_ready IS
    'false: the products that are shared as a whole are still being asked for, '
    'the list of resources is answered with 202';
COMMENT ON COLUMN oof_consent.multiple IS
    'a resource of it needs the agreement of others than the logged user';


-- The bank's resources, each once a brand: an id is made when a resource is
-- first seen and stays for ever, so that it is the same in every consent.

CREATE TABLE oof_resource (
    resource_id      uuid NOT NULL,
    status_update    timestamptz NOT NULL,
    brand            text NOT NULL,
    type             text NOT NULL,
    status           text NOT NULL,
    legacy_hmac      bytea NOT NULL,
    legacy           bytea NOT NULL,
    approvers_hmac   bytea,
    approvers        bytea,
    holders          bytea[] NOT NULL DEFAULT '{}',

    PRIMARY KEY (brand, resource_id),
    UNIQUE (brand, type, legacy_hmac)
)
WITH (fillfactor = 90);

COMMENT ON TABLE oof_resource IS
    'accounts, cards, contracts, investments and exchange operations that the '
    'bank''s core has told of';
COMMENT ON COLUMN oof_resource.resource_id IS
    'UUIDv4: says nothing';
COMMENT ON COLUMN oof_resource.status IS
    'by the bank, as it was told last; what a consent shows is its own row''s';
COMMENT ON COLUMN oof_resource.legacy_hmac IS
    'HMAC-SHA-256 of type and legacy id under a look-up key';
COMMENT ON COLUMN oof_resource.legacy IS
    'how the core calls it: a JSON array of key and value, sealed for this row '
    '(table "oof_resource")';
COMMENT ON COLUMN oof_resource.approvers IS
    'who must agree when that is more than one person: a JSON array of cpf and '
    'name, sealed for this row (table "oof_resource.approvers")';
COMMENT ON COLUMN oof_resource.approvers_hmac IS
    'of the same, tells whether the list has changed';
COMMENT ON COLUMN oof_resource.holders IS
    'HMAC-SHA-256 of each CPF or CNPJ for which the core has told of it';


-- Which resources a consent shares, and how each stands there: read by every
-- call of a data API.

CREATE TABLE oof_consent_resource (
    consent_id     uuid NOT NULL,
    resource_id    uuid NOT NULL,
    status_update  timestamptz NOT NULL,
    type           text NOT NULL,
    status         text NOT NULL,

    PRIMARY KEY (consent_id, resource_id)
)
WITH (fillfactor = 90);

CREATE INDEX oof_consent_resource_resource
    ON oof_consent_resource (resource_id);

COMMENT ON TABLE oof_consent_resource IS
    'what a consent shares; a change of the bank''s status is written to each '
    'consent of the resource, by the rules of oof_resource_next()';
COMMENT ON COLUMN oof_consent_resource.status IS
    'AVAILABLE, UNAVAILABLE, TEMPORARILY_UNAVAILABLE, PENDING_AUTHORISATION';


-- Who must agree, a row for each resource and person.

CREATE TABLE oof_consent_approver (
    consent_id   uuid NOT NULL,
    resource_id  uuid NOT NULL,
    "at"         timestamptz NOT NULL,
    status       text NOT NULL,
    cpf_hmac     bytea NOT NULL,
    personal     bytea NOT NULL,

    PRIMARY KEY (consent_id, resource_id, cpf_hmac)
)
WITH (fillfactor = 90);

CREATE INDEX oof_consent_approver_cpf
    ON oof_consent_approver (cpf_hmac)
    WHERE status = 'PENDING';

COMMENT ON TABLE oof_consent_approver IS
    'agreements that a resource of a consent needs, the logged user''s too';
COMMENT ON COLUMN oof_consent_approver.cpf_hmac IS
    'HMAC-SHA-256 of the CPF, as oof_consent.cpf_hmac: the same for the same '
    'person';
COMMENT ON COLUMN oof_consent_approver.personal IS
    'cpf and name, sealed (table "oof_consent_approver", row: the first 16 '
    'bytes of cpf_hmac)';
COMMENT ON COLUMN oof_consent_approver.status IS
    'PENDING, AUTHORISED, REJECTED';


-- What becomes of a resource's status when the bank tells another (spec 1.11):
-- it only begins as pending, and what is unavailable stays so, but for funds
-- and shares, which may come back.  Whoever writes it sees to it that agreements
-- which are awaited here (oof_consent_approver) are not overridden.

CREATE FUNCTION oof_resource_next(type text, "from" text, "to" text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE
           WHEN "from" = 'UNAVAILABLE'
                AND type NOT IN ('FUND', 'VARIABLE_INCOME')
                THEN "from"
           WHEN "to" = 'PENDING_AUTHORISATION'
                THEN "from"
           ELSE "to"
           END
$$;

COMMENT ON FUNCTION oof_resource_next(text, text, text) IS
    'the status of a resource in a consent after the bank has told one';

REVOKE ALL ON FUNCTION oof_resource_next(text, text, text) FROM PUBLIC;
