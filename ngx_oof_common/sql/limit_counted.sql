-- when active consents were counted last, and whether that goes on
SELECT 0::int4 AS outcome, counted, running FROM oof_limit_count WHERE one;
