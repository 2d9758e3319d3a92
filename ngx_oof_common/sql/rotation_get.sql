-- The last rotation of a brand's keys.
--
-- $1 text: brand
SELECT r.state, r.checking, r.pass, r.keys, r.encrypt, r.lookup, r.target,
       r.started, r.ended, r.until
  FROM oof_rotation r
 WHERE r.brand = $1;
