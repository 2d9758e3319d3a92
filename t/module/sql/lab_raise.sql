-- raises an error, or not when it is ''
-- $1 text: SQLSTATE
SELECT lab_raise($1) AS outcome;
