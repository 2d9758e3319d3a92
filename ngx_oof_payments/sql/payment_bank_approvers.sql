-- Who must agree to a consent to pay.
--
-- $1 uuid: the consent's id
SELECT a.cpf_hmac, a.personal, a.agreed IS NOT NULL AS agreed
  FROM oof_payment_approver a
 WHERE a.consent_id = $1
 ORDER BY a.cpf_hmac;
