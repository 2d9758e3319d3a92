-- Copyright (C) oof authors
--
-- Calls of third parties' webhooks, and of the bank's own: what is to be told
-- to whom, and each attempt.

CREATE TABLE oof_webhook (
    event_id    uuid NOT NULL,
    consent_id  uuid NOT NULL,
    unit        uuid,
    "time"      timestamptz NOT NULL,
    stamp       timestamptz NOT NULL,
    due         timestamptz,
    target      integer NOT NULL,
    attempt     integer NOT NULL,
    brand       text NOT NULL,
    type        text NOT NULL,
    client_id   text,
    state       text NOT NULL,
    host        text NOT NULL,
    url         text NOT NULL,
    body        text NOT NULL,

    PRIMARY KEY (event_id, target)
)
WITH (fillfactor = 70,
      autovacuum_vacuum_scale_factor = 0.02,
      autovacuum_vacuum_cost_delay = 0);

-- each host's own queue; when the first of all is due; what is under way

CREATE INDEX oof_webhook_host
    ON oof_webhook (host, due)
    WHERE state = 'waiting';

CREATE INDEX oof_webhook_due
    ON oof_webhook (due)
    WHERE state = 'waiting';

CREATE INDEX oof_webhook_sent
    ON oof_webhook (due)
    WHERE state = 'sent';

CREATE INDEX oof_webhook_consent
    ON oof_webhook (consent_id, stamp, event_id, target);

CREATE INDEX oof_webhook_stamp ON oof_webhook (stamp);

COMMENT ON TABLE oof_webhook IS
    'calls of webhooks: one for an event and a target, whose address is that of '
    'the client''s registration when the event happened';
COMMENT ON COLUMN oof_webhook.target IS
    '0: the bank''s own; else the number of the URI in the registration';
COMMENT ON COLUMN oof_webhook.unit IS
    'the unit that took it last: the same one, run again, finds its own';
COMMENT ON COLUMN oof_webhook."time" IS
    'when it happened, by the rule clock';
COMMENT ON COLUMN oof_webhook.stamp IS
    'the event''s: when it was written, by the real clock';
COMMENT ON COLUMN oof_webhook.due IS
    'waiting: when to call; sent: from when on an attempt that has no outcome '
    'is lost, by the real clock';
COMMENT ON COLUMN oof_webhook.attempt IS
    'number of the last attempt, 0: none yet';
COMMENT ON COLUMN oof_webhook.state IS
    'waiting; sent: an attempt is under way; delivered: it got 2xx; failed: '
    'there is none left';
COMMENT ON COLUMN oof_webhook.host IS
    'host and port of url: by it calls at once are limited';


CREATE TABLE oof_webhook_attempt (
    event_id        uuid NOT NULL,
    interaction_id  uuid NOT NULL,
    started         timestamptz NOT NULL,
    ended           timestamptz,
    target          integer NOT NULL,
    attempt         integer NOT NULL,
    status          integer,
    error           text,

    PRIMARY KEY (event_id, target, attempt)
)
WITH (fillfactor = 80,
      autovacuum_vacuum_scale_factor = 0.02,
      autovacuum_vacuum_cost_delay = 0);

COMMENT ON TABLE oof_webhook_attempt IS
    'attempts, each written before it is made, so that none is made twice';
COMMENT ON COLUMN oof_webhook_attempt.interaction_id IS
    'x-webhook-interaction-id of this attempt';
COMMENT ON COLUMN oof_webhook_attempt.status IS
    'of the answer, null: there was none';


-- What a webhook may tell of: the API's major version that made it, and whose
-- it is.  A family of resources that comes later extends it.

CREATE VIEW oof_webhook_subject (key, consent_id, brand, client_id, api) AS
    SELECT payment_id, consent_id, brand, client_id, api
      FROM oof_payment
 UNION ALL
    SELECT consent_id, consent_id, brand, client_id, api
      FROM oof_payment_consent
 UNION ALL
    SELECT consent_id, consent_id, brand, client_id, 3
      FROM oof_consent;

COMMENT ON VIEW oof_webhook_subject IS
    'by the key of an event: the consent, the client, the API''s version';
