-- Whether somebody is one of those who must agree to a consent to pay: a row, or
-- none.
--
-- $1 uuid: the consent's id, or null: that of the payment
-- $2 uuid: the payment's id, or null
-- $3 text: JSON array of look-up values of the CPF
SELECT true AS approver
  FROM oof_payment_approver a
 WHERE a.consent_id = coalesce($1, (SELECT p.consent_id
                                      FROM oof_payment p
                                     WHERE p.payment_id = $2))
   AND a.cpf_hmac IN (SELECT decode(x, 'hex')
                        FROM jsonb_array_elements_text($3::jsonb) x)
 LIMIT 1;
