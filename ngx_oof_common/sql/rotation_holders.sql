-- What look-up values of holders of resources are under the new key.
--
-- $1 text: brand
-- $2 text: JSON array of {"o0": the old one, "n0": the new one}
INSERT INTO oof_rotation_holder (brand, "old", "new")
     SELECT DISTINCT ON (f.o0) $1, decode(f.o0, 'hex'), decode(f.n0, 'hex')
       FROM jsonb_to_recordset($2::jsonb) AS f (o0 text, n0 text)
      ORDER BY f.o0
ON CONFLICT DO NOTHING;
