-- Copyright (C) oof authors
--
-- What the bank's side asks of consents to pay and of payments.

-- consents that wait for somebody's agreement, or had it

CREATE INDEX oof_payment_approver_cpf
    ON oof_payment_approver (cpf_hmac, consent_id);


-- who of the bank's side did it

ALTER TABLE oof_payment_history
    ADD COLUMN operator text;

COMMENT ON COLUMN oof_payment_history.operator IS
    'subject of the token by which the bank''s side did it: an application or '
    'a member of its staff, never a customer';


-- which charge a consent is for, so that none is paid by two

ALTER TABLE oof_payment_consent
    ADD COLUMN charge bytea;

CREATE INDEX oof_payment_consent_charge
    ON oof_payment_consent (charge)
    WHERE charge IS NOT NULL;

COMMENT ON COLUMN oof_payment_consent.charge IS
    'HMAC of payee and txid of a dynamic QR code under a look-up key; null: '
    'none, or made before';
