-- What time will end next, and how much it has ended already.
--
-- $1 timestamptz: rule clock
-- $2 int8: what has ended is counted up to here
SELECT (SELECT c.due
          FROM oof_consent c
         WHERE c.due IS NOT NULL
         ORDER BY c.due
         LIMIT 1) AS due,
       (SELECT count(*)
          FROM (SELECT
                  FROM oof_consent c
                 WHERE c.due <= $1
                 ORDER BY c.due
                 LIMIT $2) AS c) AS backlog;
