-- Whether a charge is paid, or being paid, by another consent: a row, or none.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 text: JSON array of look-up values of the charge
SELECT true AS used
  FROM oof_payment_consent c
       JOIN oof_payment p ON p.consent_id = c.consent_id
 WHERE c.charge = ANY (ARRAY(
       SELECT decode(x, 'hex')
         FROM jsonb_array_elements_text($3::jsonb) AS x))
   AND c.brand = $2
   AND c.consent_id <> $1
   AND p.status NOT IN ('RJCT', 'CANC')
 LIMIT 1;
