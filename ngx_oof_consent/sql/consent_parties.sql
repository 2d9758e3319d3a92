-- A consent as it is at an instant, as consent_get tells it, and whom it is
-- about.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock
SELECT c.client_id, c.creation, e.status, e.status_update, c.permissions,
       c.expiration, e.rejected_by, e.reason_code, c.reason_info,
       c.linked, c.link_id, c.cpf_hmac, c.cnpj_hmac
  FROM oof_consent c, oof_consent_effective(c, $3) e
 WHERE c.consent_id = $1
   AND c.brand = $2;
