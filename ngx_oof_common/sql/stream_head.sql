-- the newest position of the logs
SELECT position
  FROM oof_relay
 WHERE one;
