#!/usr/bin/perl

# Copyright (C) oof authors

# A core whose answers are none, or of another payment; one that does not
# answer for an hour while payments wait to be scheduled; its breaker, and what
# is told of it (spec 2.8, 2.9).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Test::Oof::Settle;
use Time::HiRes qw/ sleep time /;

my ($o, $core) = settlement(
    workers => 1, five => 'oof_payment_wait 500ms;',
    core_conf => 'timeout 1s; breaker 4 60s;');

$o->allow(qr/core "main"/);


sub hurry {
    psql("UPDATE oof_payment_intent SET due = now() WHERE due IS NOT NULL");
}


# --- it has paid, and says nonsense: as if it had not answered

for my $code (qw/ GARBAGE EMPTY STATE STATUS OTHER /) {
    $core->faults({ mode => 'wrong', code => $code, path => '/payments',
                    times => 1 });

    my $c = authorised($o, amount => '17.00');
    my $item = pay_item($c);
    my $key = new_uuid();
    my $r = pay_consent($o, $c, items => [ $item ], idempotency => $key);

    is("$r->{status} $r->{json}{data}[0]{status}", '201 RCVD',
       "$code: received");
    is(intent_of(payment_ids($r)), 'sent', "$code: nothing is known of it");
    is(debits_of($core, $item), 1, "$code: it was made");
    hurry();
    comes_to($o, $r, 'ACSC');
    is(debits_of($core, $item), 1, "$code: and was not again");
    is(pay_consent($o, $c, items => [ $item ], idempotency => $key)->{status},
       201, "$code: the key says so");
}

like($o->log_text, qr/\[alert\].*"main" answered a payment of consent "urn:/,
     'another payment: an alarm');

# the look-up answers with nonsense, too, or the payment is not known there

for my $code (qw/ GARBAGE OTHER SALDO_INSUFICIENTE /) {
    $core->faults({ mode => $code =~ /_/ ? 'refuse' : 'wrong', code => $code,
                    path => '/find' });

    my $c = authorised($o, amount => '12345.00');
    my $r = pay_consent($o, $c);
    my ($id) = payment_ids($r);

    is(status_of($o, $id), 'PDNG', "look-up, $code: held");

    my $asked = $o->metric('oof_payment_orders_total', result => 'silent');
    hurry();
    wait_for(sub { $o->metric('oof_payment_orders_total', result => 'silent')
                   > $asked }, 10, 'a look-up');
    is(status_of($o, $id), 'PDNG', "look-up, $code: and still");
    $core->faults;
    $core->control(release => {
        paymentId => decoded((psql('SELECT core_id FROM oof_payment WHERE'
                                   . " payment_id = '$id'"))[0][0]) });
    hurry();
    comes_to($o, $id, 'ACSC');
}

like($o->log_text, qr/\[error\].*"main" does not find a payment of consent/,
     'not known there: a matter for people');


# --- refused, and it dies before it says so; on a kept connection the call is
# repeated at once

$core->faults({ mode => 'drop_after_accept', path => '/payments', times => 2 });
my $c = authorised($o, amount => '20422.01');
my $item = pay_item($c);
my $key = new_uuid();
my $r = pay_consent($o, $c, items => [ $item ], idempotency => $key);
is($r->{status}, 201, 'refused, and dropped: received');
hurry();
is(comes_to($o, $r, 'RJCT')->{json}{data}{rejectionReason}{code},
   'VALOR_ACIMA_LIMITE', 'refused, and dropped: rejected');
is(pay_consent($o, $c, items => [ $item ], idempotency => $key)->{status}, 201,
   'refused, and dropped: the key says 201 for good');
is(debits_of($core, $item), 0, 'refused, and dropped: no debit');


# --- nobody says for an hour whether they may be scheduled: the breaker is
# open, and the core is asked no more

sub planned {
    my @days = map { day_of($_) } 2, 3;
    my $c = authorised($o, amount => '3.00', date => undef,
                       purpose => 'RECURRENT_SCHEDULED', schedule => {
                           custom => { dates => \@days },
                           additionalInformation => 'x' });

    return ($c, [ map { pay_item($c, endToEndId =>
                                 end_to_end(s/-//gr . '1500')) } @days ]);
}

sub why {
    my ($r) = @_;

    return join ' ', map {
        my $data = get_payment($_)->{json}{data};
        join ' ', $data->{status}, $data->{rejectionReason}{code} // '-'
    } payment_ids($r);
}

sub get_payment { pay($o, GET => "/pix/payments/$_[0]") }

my @late;
my $began = time;

$core->faults({ mode => 'error', path => '/payment-validation' });

for (1 .. 5) {
    my ($c, $items) = planned();
    my $r = pay_consent($o, $c, items => $items);
    is(why($r), 'RCVD - RCVD -', "late $_: received");
    push @late, [ $c, $items, $r ];
}

hurry();
wait_for(sub { $o->metric('oof_core_breaker_open') == 1 }, 10, 'the breaker');
my $calls = $o->metric('oof_core_calls_total', result => 'open');
($c, $item) = planned();
$r = pay_consent($o, $c, items => $item);
is($r->{status}, 201, 'open: received');
is((psql("SELECT state FROM oof_payment_intent WHERE kind = 'check' AND"
         . " consent_id = '$c->{uuid}'"))[0][0], 'stored',
   'open: it was surely not asked');
push @late, [ $c, $item, $r ];

moved_clock(int(3590 - (time - $began)));
hurry();
sleep 2;
is(why($_->[2]), 'RCVD - RCVD -', 'late: not yet') for @late[0, 5];

moved_clock(3660);
comes_to($o, $_->[2], 'RJCT') for @late;
is(why($_->[2]), join(' ', ('RJCT FALHA_AGENDAMENTO_PAGAMENTOS') x 2),
   'late: all of them, with the breaker open') for @late;
is((psql('SELECT count(*) FROM oof_payment_intent WHERE due IS NOT NULL'
         . ' OR state = \'waiting\''))[0][0], 0, 'late: nothing is left');
is((psql('SELECT DISTINCT actor FROM oof_payment_history h JOIN oof_payment p'
         . ' USING (payment_id) WHERE p.scheduled AND h.status = \'RJCT\''
     ))[0][0], 'time', 'late: by the time');
is($o->metric('oof_core_breaker_open'), 1, 'late: it is still open');
is(scalar(grep { debits_of($core, $_) } map { @{ $_->[1] } } @late), 0,
   'late: no debit');

moved_clock(0);

done_testing();
