-- Copyright (C) oof authors
--
-- What a webhook may tell of: a payment that the answer to its request refused
-- was never one for the client.

CREATE OR REPLACE VIEW oof_webhook_subject
                       (key, consent_id, brand, client_id, api) AS
    SELECT payment_id, consent_id, brand, client_id, api
      FROM oof_payment
     WHERE outcome <> ''
 UNION ALL
    SELECT consent_id, consent_id, brand, client_id, api
      FROM oof_payment_consent
 UNION ALL
    SELECT consent_id, consent_id, brand, client_id, 3
      FROM oof_consent;
