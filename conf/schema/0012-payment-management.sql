-- Copyright (C) oof authors
--
-- What the bank's side asks of consents to pay, and who must agree to one.

ALTER TABLE oof_payment_consent_history
    ADD COLUMN operator text;

COMMENT ON COLUMN oof_payment_consent_history.operator IS
    'who did it in the bank, as its token names him';


CREATE INDEX oof_payment_consent_created
    ON oof_payment_consent (brand, creation DESC, consent_id DESC);


CREATE TABLE oof_payment_approver (
    consent_id  uuid NOT NULL,
    agreed      timestamptz,
    cpf_hmac    bytea NOT NULL,
    personal    bytea NOT NULL,

    PRIMARY KEY (consent_id, cpf_hmac)
);

COMMENT ON TABLE oof_payment_approver IS
    'who must agree to a consent to pay, as the core says of the account; '
    'whoever writes it holds the consent''s row and raises its version';
COMMENT ON COLUMN oof_payment_approver.agreed IS
    'null: not yet';
COMMENT ON COLUMN oof_payment_approver.personal IS
    'document and name, sealed for the value of cpf_hmac';


-- Where a consent stands as the bank's side names it, by number.  A timeout is
-- told from a refusal by its reason.

CREATE FUNCTION oof_payment_consent_standing(c oof_payment_consent,
    "at" timestamptz)
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE c.status
           WHEN 'AWAITING_AUTHORISATION'
                THEN CASE WHEN c.expiration <= "at" THEN 6 ELSE 1 END
           WHEN 'PARTIALLY_ACCEPTED'
                THEN CASE WHEN c.expiration <= "at" THEN 6 ELSE 8 END
           WHEN 'AUTHORISED'
                THEN CASE WHEN c.expiration <= "at" THEN 9 ELSE 2 END
           WHEN 'CONSUMED' THEN 7
           ELSE CASE c.reason_code
                WHEN 'TEMPO_EXPIRADO_AUTORIZACAO' THEN 6
                WHEN 'TEMPO_EXPIRADO_CONSUMO' THEN 9
                ELSE 3
                END
           END
$$;

COMMENT ON FUNCTION oof_payment_consent_standing(oof_payment_consent,
                                                 timestamptz) IS
    'ngx_oof_bank_standing_e of a consent at an instant of the rule clock';

REVOKE ALL ON FUNCTION oof_payment_consent_standing(oof_payment_consent,
                                                    timestamptz)
    FROM PUBLIC;
