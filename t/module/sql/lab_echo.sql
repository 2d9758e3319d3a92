-- gives its parameters back
-- $1 bool: one
-- $2 int4: two
-- $3 int8: three
-- $4 text: four
-- $5 uuid: five
SELECT $1 AS one, $2 AS two, $3 AS three, $4 AS four, $5 AS five,
       (-2)::int2 AS six;
