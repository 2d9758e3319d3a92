#!/usr/bin/perl

# Copyright (C) oof authors

# What time ends among payment consents is written down, once, at its due
# instant, with history and event, by the holder of the lease "payments" (spec
# 2.9; spec 7, 23, 39).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Time::HiRes qw/ sleep time /;

my $o = payments(workers => 2, leases => 1);
my $one = $Test::Oof::Clients{one};

sub left { (psql("SELECT count(*) FROM oof_payment_consent WHERE version = 1"))
               [0][0] }

wait_for(sub { ($o->metric('oof_lease_held', lease => 'payments') // 0) == 1 },
         20, 'the lease');


# --- each state, at its instant

my %reasons = (
    AWAITING_AUTHORISATION => 'TEMPO_EXPIRADO_AUTORIZACAO',
    PARTIALLY_ACCEPTED => 'TEMPO_EXPIRADO_AUTORIZACAO',
    AUTHORISED => 'TEMPO_EXPIRADO_CONSUMO',
);
my (%due, %seen);

for my $status (sort keys %reasons) {
    my $uuid = consent_uuid(pay($o, POST => '/consents', payment_consent()));

    $due{$uuid} = $status;
    psql("UPDATE oof_payment_consent SET status = '$status', expiration ="
         . " date_trunc('second', now()) + interval '4 seconds'"
         . " WHERE consent_id = '$uuid'");
    is(pay($o, GET => "/consents/urn:bank:$uuid")->{json}{data}{status},
       $status, "$status: alive");
}

my $alive = consent_uuid(pay($o, POST => '/consents', payment_consent()));
my @final;

for my $status (qw/ REJECTED CONSUMED /) {
    push @final, consent_uuid(pay($o, POST => '/consents', payment_consent()));
    psql("UPDATE oof_payment_consent SET status = '$status', expiration ="
         . " now() - interval '1 hour' WHERE consent_id = '$final[-1]'");
}

wait_for(sub { left() == 3 }, 20, 'the sweep');

for my $uuid (keys %due) {
    my $status = $due{$uuid};
    my $row = payment_row($uuid);

    is($row->{status}, 'REJECTED', "$status: written");
    is($row->{reason_code}, $reasons{$status}, "$status: why");
    is($row->{reason_detail}, undef, "$status: in the code's own words");
    is($row->{status_update}, $row->{expiration}, "$status: when it was due");
    is_deeply([ (payment_history($uuid))[1] ],
              [ [ 2, $row->{expiration}, 'REJECTED', $reasons{$status},
                  'time' ] ], "$status: its history");

    my ($event) = events("key = '$uuid' AND version = 2");
    is_deeply([ @{ $event }{qw/ type brand data /} ],
              [ 'oof.payment_consent.rejected', 'bank',
                { consentId => "urn:bank:$uuid",
                  clientId => $one->{client_id},
                  organisationId => $one->{organisation_id},
                  status => 'REJECTED', previousStatus => $status,
                  rejectionReason => { code => $reasons{$status} } } ],
              "$status: its event");
    is((psql('SELECT e.id = h.event_id AND e.stamp = c.stamp AND e."time" ='
             . ' c.expiration FROM oof_event e JOIN oof_payment_consent c ON'
             . ' e.key = c.consent_id JOIN oof_payment_consent_history h ON'
             . ' h.consent_id = c.consent_id AND h.version = 2 WHERE'
             . " e.version = 2 AND c.consent_id = '$uuid'"))[0][0], 't',
       "$status: its id, stamp and time");
    is(pay($o, GET => "/consents/urn:bank:$uuid")
           ->{json}{data}{rejectionReason}{code}, $reasons{$status},
       "$status: as it is told");
}

is(payment_row($alive)->{status}, 'AWAITING_AUTHORISATION',
   'one whose time has not come stays');
is(payment_row($_)->{version}, 1, 'and one that was over before')
    for @final;


# --- many, with one that another session holds: it comes later, nothing twice

psql("INSERT INTO oof_payment_consent (consent_id, organisation_id, creation,"
     . " status_update, expiration, stamp, amount, version, api, payments,"
     . " first_day, brand, client_id, status, personal, cpf_hmac)"
     . " SELECT gen_random_uuid(), '$one->{organisation_id}', now(), now(),"
     . " now() - n * interval '1 second', now(), 1, 1, 5, 1, 0, 'bank', 'x',"
     . " 'AWAITING_AUTHORISATION', '', '' FROM generate_series(1, 1700) n");
wait_for(sub { left() == 3 }, 20, 'many');
is((psql("SELECT count(*) FROM oof_payment_consent_history WHERE version = 2"))
       [0][0], 1703, 'each is ended once');
is((psql("SELECT count(*) FROM oof_event WHERE version = 2"))[0][0], 1703,
   'and told once');
wait_for(sub { $o->metric('oof_payment_consents_swept_total') == 1703 }, 5,
         'the metric');
is($o->metric('oof_payment_consents_swept_total', database => 'main'), 1703,
   'and counted');


# --- the rule clock is moved

$o->clock(301);
wait_for(sub { payment_row($alive)->{version} == 2 }, 10, 'the clock');
is(payment_row($alive)->{status}, 'REJECTED', 'five minutes later');
is(payment_row($alive)->{status_update}, payment_row($alive)->{expiration},
   'at its instant');


# --- what is due is found by the index

my $plan = join "\n", map { $_->[0] } psql(
    "SET enable_seqscan = off; EXPLAIN SELECT c.consent_id FROM"
    . ' oof_payment_consent c WHERE c.expiration <= now() AND c.status IN'
    . " ('AWAITING_AUTHORISATION', 'PARTIALLY_ACCEPTED', 'AUTHORISED')"
    . ' ORDER BY c.expiration LIMIT 500 FOR UPDATE OF c SKIP LOCKED');
like($plan, qr{Index Scan (using|on) oof_payment_consent_due},
     'by the index of what is due');

done_testing();
