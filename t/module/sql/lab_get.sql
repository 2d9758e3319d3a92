-- $1 uuid: a row
SELECT n, note FROM lab WHERE id = $1;
