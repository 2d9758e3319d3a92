-- Resources that the core tells for the first time, in the order of their
-- look-up values, so that two that store the same do not wait for each other
-- crosswise.  A loser of that race finds the winner's id by resource_find.
--
-- $1 text: brand
-- $2 text: JSON array of {"r": id, "t": type, "h": look-up value, "l": sealed
--          legacy id, "s": status, "a": sealed approvers, "d": look-up value
--          of the approvers}
-- $3 text: the holder's look-up value
-- $4 timestamptz: rule clock
INSERT INTO oof_resource
            (brand, resource_id, type, legacy_hmac, legacy, status,
             status_update, approvers, approvers_hmac, holders)
     SELECT $1, f.r, f.t, decode(f.h, 'hex'), decode(f.l, 'hex'), f.s,
            $4, decode(f.a, 'hex'), decode(f.d, 'hex'),
            ARRAY[decode($3, 'hex')]
       FROM jsonb_to_recordset($2::jsonb)
            AS f (r uuid, t text, h text, l text, s text, a text, d text)
      ORDER BY f.t, f.h
ON CONFLICT (brand, type, legacy_hmac) DO UPDATE
        SET holders = oof_resource.holders || excluded.holders
      WHERE NOT oof_resource.holders @> excluded.holders;
