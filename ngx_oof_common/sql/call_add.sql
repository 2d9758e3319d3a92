-- Adds a row of reports of calls.  What reports tell may be lost with the
-- server's last half second, so that nobody waits for the disk.
--
-- $1 uuid: the row's id, by which one that comes again is known
-- $2 timestamptz: when the first call was reported
-- $3 timestamptz: now
-- $4 text: brand
-- $5 text: data
WITH s AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true) AS off
), c AS (
    INSERT INTO oof_call (id, key, "time", stamp, version, brand, type, data)
    SELECT $1, $1, $2, $3, 1, $4, 'oof.api.calls', $5
      FROM s
     WHERE s.off = 'off'
    ON CONFLICT (id) DO NOTHING
    RETURNING 1
)
SELECT 0::int4 AS outcome, (SELECT count(*) FROM c)::int4 AS added;
