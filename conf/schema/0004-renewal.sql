-- Copyright (C) oof authors
--
-- Renewals of consents without a redirect.

CREATE TABLE oof_consent_extension (
    consent_id  uuid NOT NULL,
    event_id    uuid NOT NULL,
    "at"        timestamptz NOT NULL,
    expiration  timestamptz,
    previous    timestamptz,
    version     integer NOT NULL,
    personal    bytea NOT NULL,

    PRIMARY KEY (consent_id, "at", version)
);

COMMENT ON TABLE oof_consent_extension IS
    'each renewal of a consent; append-only, written with the change';
COMMENT ON COLUMN oof_consent_extension.event_id IS
    'the event that tells of it (no foreign key: the log is dropped by days)';
COMMENT ON COLUMN oof_consent_extension."at" IS
    'when it was asked for, by the rule clock; "version" is of the consent and '
    'orders what was asked for in one second';
COMMENT ON COLUMN oof_consent_extension.expiration IS
    'the end from then on, null: for an indefinite term';
COMMENT ON COLUMN oof_consent_extension.previous IS
    'the end until then, null: for an indefinite term';
COMMENT ON COLUMN oof_consent_extension.personal IS
    'who asked, and from where: members loggedUser, xFapiCustomerIpAddress and '
    'xCustomerUserAgent of a JSON object, sealed for event_id';
