-- A rotation that is to be gone on with: one that only waits comes last.
SELECT r.brand, r.keys, r.target, r.state, r.checking, r.pass
  FROM oof_rotation r
 WHERE r.state IN ('running', 'waiting')
 ORDER BY r.state, r.started, r.brand
 LIMIT 1;
