-- A page of a consent's calls of webhooks, the newest first, with a row for
-- each attempt.  There is always a row when there is a consent, with nulls
-- where the page is empty.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 int8: calls before the page
-- $4 int8: how many at most
SELECT n.total, w.event_id, w.target, w.attempt, w.type, w.state, w.url,
       w."time", w.due, a.attempt AS number, a.interaction_id, a.started,
       a.ended, a.status, a.error
  FROM (SELECT
          FROM oof_webhook_subject s
         WHERE s.key = $1
           AND s.brand = $2
         LIMIT 1) AS s
       CROSS JOIN (SELECT count(*) AS total
                     FROM oof_webhook
                    WHERE consent_id = $1
                      AND brand = $2) AS n
       LEFT JOIN (SELECT *
                    FROM oof_webhook
                   WHERE consent_id = $1
                     AND brand = $2
                   ORDER BY stamp DESC, event_id DESC, target DESC
                   LIMIT $4
                  OFFSET $3) AS w
       ON true
       LEFT JOIN oof_webhook_attempt a
       ON a.event_id = w.event_id
       AND a.target = w.target
 ORDER BY w.stamp DESC, w.event_id DESC, w.target DESC, a.attempt;
