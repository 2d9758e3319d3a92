-- the offset of the rule clock, which each host asks for while it may be moved
SELECT "offset" FROM oof_clock WHERE one;
