-- How far each table has come.
--
-- $1 text: brand
SELECT t.name, t.pass, t.finished, t.cursor, t.rows, t.changed, t.skipped,
       t.unreadable, t.unknown,
       CASE WHEN t.finished THEN 0 ELSE greatest(t.total - t.rows, 1) END
           AS "left"
  FROM oof_rotation_table t
 WHERE t.brand = $1
 ORDER BY t.name;
