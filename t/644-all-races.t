#!/usr/bin/perl

# Copyright (C) oof authors

# All that can end or change a consent, at the instant when time ends it too:
# decisions, revocations and renewals of the third party, the bank's
# revocations and the sweeper, 64 calls at once on one consent.  Whatever comes
# first, one legal history (spec 1.5, 1.6, 1.7; 7, 17; 7, 23).

use strict;
use warnings;

use FindBin;
use POSIX ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Bank;
use Test::Oof::Consents qw/ at row history /;
use Test::Oof::Journey qw/ new_consent authorised account_ids $Ana /;
use Test::Oof::Races;
use Time::HiRes qw/ sleep time /;

my $o = bank_side(workers => 2, connections => 1024, leases => 1);
my %seen;

wait_for(sub { ($o->metric('oof_lease_held', lease => 'sweeper') // 0) == 1 },
         20, 'the sweeper');

for my $round (1 .. 12) {
    my $waits = $round % 2;
    my $few = $round % 4 < 2;       # of those that end it
    my $id = $waits ? new_consent($o) : authorised($o);
    my @offered = $waits ? account_ids($o, $id) : ();
    my $code = $waits ? 'CUSTOMER_MANUALLY_REJECTED'
                      : 'CUSTOMER_MANUALLY_REVOKED';
    my $name = "round $round, " . ($waits ? 'awaiting' : 'authorised');

    my @ready = map { connected($o, $_) } map {
        my $n = $_ % ($few ? 32 : 8);
        $n == 0   ? revocation($id)
        : $n == 1 ? decision($id, 'REJECT', $Ana)
        : $n == 2 ? bank_call(PATCH => "$Bank/consents/v1/consents/"
                                       . short($id), $Write,
                              { data => { rejection => { rejectedBy => 'USER',
                                  reason => { code => $code } } } })
        : $n % 2  ? renewal_of($id, $Ana, at(86400 * (2 + $_)))
        : decision($id, 'AUTHORISE', $Ana, @offered)
    } map { ($_ * 29 + $round) % 64 } 0 .. 63;

    # time has it in the middle of them

    my $due = int(time + 1.2);
    my $column = $waits ? 'authorise_until' : 'expiration';
    psql("UPDATE oof_consent SET $column = to_timestamp($due) WHERE"
         . " consent_id = '" . short($id) . "'");

    my $begin = $due - 0.03 + rand 0.04;
    sleep 0.001 while time < $begin;
    my @answers = answers(@ready);
    my $n = counted(@answers);

    my @odd = grep { !/^(?:200|201|204|401|403|409|422)$/ } keys %$n;
    is("@odd", '', "$name: each is answered by its rule")
        or diag(explain([ map { "$_->{status} $_->{body}" } @answers ]));

    wait_for(sub { (psql('SELECT due IS NULL OR due > now() FROM oof_consent'
                         . " WHERE consent_id = '" . short($id) . "'"))[0][0]
                   eq 't' }, 10, 'time');

    my $history = history_ok($id, $name);
    my @story = history(short($id));
    my @time = grep { $_->[5] eq 'time' } @story;

    # a change is told to one caller, or is of time

    my $changes = @story - ($waits ? 1 : 2);
    my $done = 0;
    $done += $n->{$_} // 0 for 200, 201, 204;
    is($done, $changes - @time, "$name: each change was told to one caller");

    for (@time) {
        is($_->[1], POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $due),
           "$name: what time did is of the due instant")
            or diag(explain(\@story));
    }

    cmp_ok(scalar @time, '<=', 1, "$name: time ends it once");
    $seen{($waits ? 'awaiting: ' : 'authorised: ')
          . (@time ? 'time' : $story[-1][2] eq 'REJECTED' ? 'a caller'
                                                          : 'alive')}++;
}

diag(join ', ', map { "$_ $seen{$_}" } sort keys %seen);

done_testing();
