-- How many calls of webhooks wait (counted up to 10000), since when the oldest
-- of them could have been made, and from when on the first that is under way is
-- lost.
SELECT (SELECT count(*)
          FROM (SELECT
                  FROM oof_webhook
                 WHERE state = 'waiting'
                 LIMIT 10000) AS q) AS waiting,
       (SELECT min(due)
          FROM oof_webhook
         WHERE state = 'waiting') AS oldest,
       (SELECT min(due)
          FROM oof_webhook
         WHERE state = 'sent') AS sent;
