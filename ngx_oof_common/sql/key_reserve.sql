-- reserves a portion of a key's uses; -1: the key has none left
-- $1 text: the key's fingerprint
-- $2 text: how the configuration calls it
-- $3 int8: the portion
-- $4 timestamptz: now, by the real clock
WITH reservation AS (
    INSERT INTO oof_key_usage AS u (key_id, name, reserved, changed)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (key_id) DO UPDATE
        SET name = excluded.name,
            reserved = u.reserved + excluded.reserved,
            changed = excluded.changed
        WHERE u.reserved + excluded.reserved <= 2147483648
    RETURNING reserved
)
SELECT 0::int4 AS outcome,
       coalesce((SELECT reserved FROM reservation), -1)::int8 AS reserved;
