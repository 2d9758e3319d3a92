-- What each key was found to be used for.
--
-- $1 text: brand
SELECT k.name, k.kind, k.key_id, k.n
  FROM oof_rotation_key k
 WHERE k.brand = $1
 ORDER BY k.name, k.kind, k.key_id;
