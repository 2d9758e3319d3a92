-- What attempts have come to.  One that got 2xx is the last, also when it was
-- thought lost; of any other only the newest counts.
--
-- $1 text: JSON array of id, target, attempt, ended and due (microseconds of
-- the Unix epoch), state, status, error
WITH r AS MATERIALIZED (
    SELECT r.*
      FROM json_to_recordset($1::json)
           AS r (id uuid, target int4, attempt int4, ended int8, due int8,
                 state text, status int4, error text)
), a AS (
    UPDATE oof_webhook_attempt a
       SET ended = timestamptz 'epoch' + r.ended * interval '1 microsecond',
           status = r.status,
           error = r.error
      FROM r
     WHERE a.event_id = r.id
       AND a.target = r.target
       AND a.attempt = r.attempt
), u AS (
    UPDATE oof_webhook w
       SET state = r.state,
           due = timestamptz 'epoch' + r.due * interval '1 microsecond'
      FROM r
     WHERE w.event_id = r.id
       AND w.target = r.target
       AND (r.state = 'delivered'
            OR w.state = 'sent' AND w.attempt = r.attempt)
)
SELECT 0::int4 AS outcome;
