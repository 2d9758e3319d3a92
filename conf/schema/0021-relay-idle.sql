-- Copyright (C) oof authors
--
-- A relay that has read all there is reads no log: it looks several times a
-- second, most of its looks are such, and each opened every partition.

SELECT current_schema() AS oof_schema \gset


CREATE OR REPLACE FUNCTION oof_log_read(after bigint, most integer,
    bytes bigint)
RETURNS SETOF oof_log
LANGUAGE plpgsql STABLE
SET search_path = :"oof_schema", pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET jit = off
AS $$
DECLARE
    l oof_log;
BEGIN
    -- no row has a position that the relay has not given

    IF after >= (SELECT r.position FROM oof_relay r WHERE r.one) THEN
        RETURN;
    END IF;

    FOR l IN SELECT *
               FROM oof_log v
              WHERE v.position > after
              ORDER BY v.position
              LIMIT most
    LOOP
        RETURN NEXT l;

        bytes := bytes - octet_length(l.data);
        EXIT WHEN bytes <= 0;
    END LOOP;
END
$$;
