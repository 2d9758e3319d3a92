#!/usr/bin/perl

# Copyright (C) oof authors

# A lane never reads a whole table, not even one that was small when the lane
# prepared its statements.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents;

my @ids = map { insert_consent() } 1 .. 5;

psql('INSERT INTO oof_consent_history (consent_id, version, "at", status,'
     . " actor, event_id) SELECT consent_id, 1, now(), status, 'client',"
     . ' gen_random_uuid() FROM oof_consent');
psql('INSERT INTO oof_event (id, key, "time", stamp, version, brand, type,'
     . " data) SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::int8),"
     . " 12, '0') || right(consent_id::text, 22))::uuid, consent_id, now(),"
     . " now(), 1, 'bank', 't', '{}' FROM oof_consent");
psql('ANALYZE');

my $o = Test::Oof->start();
my $before = scans();

for (1 .. 8) {
    post($o, consent_body());
    get_consent($o, "urn:bank:$ids[1]");
    get_consent($o, 'urn:bank:01936000-0000-7000-8000-ffffffffffff');
}

end_consent($o, "urn:bank:$_") for @ids, @ids;

# a lane tells what it has done when it next ends a transaction after a second

my $after;

wait_for(sub {
    get_consent($o, "urn:bank:$ids[1]");
    end_consent($o, "urn:bank:$ids[1]");
    $after = scans();
    return $after->{oof_consent}{all} >= $before->{oof_consent}{all} + 30;
}, 10, 'statistics');

for my $table (sort keys %$after) {
    is($after->{$table}{seq}, $before->{$table}{seq}, "$table");
}

ok(exists $after->{$_}, "and there is $_")
    for qw/ oof_consent oof_consent_history oof_event_default /;

done_testing();


sub scans {
    return { map { $_->[0] => { seq => $_->[1], all => $_->[2] } }
                 psql('SELECT relname, seq_scan, seq_scan + idx_scan FROM'
                      . ' pg_stat_user_tables WHERE relname LIKE'
                      . " 'oof\\_consent%' OR relname LIKE 'oof\\_event%'") };
}
