#!/usr/bin/perl

# Copyright (C) oof authors

# The core tells of payments; a core that does not know repetitions, and an
# operator; the breaker; the core's own codes; answers at once; the lease that
# moves to another worker (spec 2.9, 2.13; spec 7, 35).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof;
use Test::Oof::Core ();
use Test::Oof::Payments;
use Test::Oof::Settle;
use Time::HiRes qw/ sleep time /;

my $codes = "$Test::Oof::Dir/codes";
Test::Oof::spew($codes, <<'END');
# the core's        the regulation's
SEM_FUNDOS          SALDO_INSUFICIENTE   # of its accounts

OUTRA_COISA         PAGAMENTO_RECUSADO_DETENTORA
END


# --- news

my ($o, $core) = settlement(
    core => [ '--step', 20 ], workers => 2, five => 'oof_payment_wait 1s;',
    core_conf => "timeout 1s; idempotent off; breaker off; codes $codes;",
    http => 'oof_payment_alarm 1s;');

$o->allow(qr/core "main" failed at/, qr/core "main" .*left alone/,
          qr/core "main" takes a payment/, qr/exited on signal 9/,
          qr/shared memory zone/);

my $c = authorised($o, amount => '12345.00');
my $r = pay_consent($o, $c);
my ($id) = payment_ids($r);
my $e2eid = $r->{json}{data}[0]{endToEndId};
my $legacy = JSON::PP::decode_json(
    (psql("SELECT core_id FROM oof_payment WHERE payment_id = '$id'"))[0][0]);

sub told {
    my ($status, %more) = @_;

    return notify($o, undef, {
        legacyId => $legacy, paymentStatus => $status,
        paymentStatusUpdateDateTime => text_of(time), %more });
}

is(status_of($o, $id), 'PDNG', 'held');
is(told('ACCP')->{status}, 204, 'told: ACCP');
is(status_of($o, $id), 'ACCP', 'told: so it is');
is(told('ACCP')->{status}, 204, 'told twice');
is(told('PDNG')->{status}, 204, 'told late');
is(status_of($o, $id), 'ACCP', 'told late: nothing goes back');
is(told('RJCT', rejectionReason => { code => 'SEM_FUNDOS', detail => 'x' })
       ->{status}, 204, 'told: RJCT');

my $got = pay($o, GET => "/pix/payments/$id");
is($got->{json}{data}{rejectionReason}{code}, 'SALDO_INSUFICIENTE',
   'told: by the table of codes');
is(told('ACSC')->{status}, 204, 'told after the end');
is(history_of($id), 'RCVD PDNG ACCP RJCT', 'told: history');
is((events("key = '$id'"))[-1]{data}{rejectionReason}{code},
   'SALDO_INSUFICIENTE', 'told: event');

# by its endToEndId, before the core has answered

$core->faults({ mode => 'drop_after_accept', path => '/payments', times => 1 });
$c = authorised($o, amount => '11.00');
my $item = pay_item($c);
$r = pay_consent($o, $c, items => [ $item ]);
is($r->{status}, 201, 'dropped: received');
($id) = payment_ids($r);
is(intent_of($id), 'sent', 'dropped: sent');
$legacy = [ { key => 'paymentId', value => '4711' },
            { key => 'endToEndId', value => $item->{endToEndId} } ];
is(told('ACSC')->{status}, 204, 'dropped: told');
is(status_of($o, $id), 'ACSC', 'dropped: settled');
is(intent_of($id), 'answered', 'dropped: nothing is open');

$legacy = [ { key => 'paymentId', value => '1' } ];
is(told('ACSC')->{status}, 404, 'unknown');
is(notify($o, undef, { legacyId => $_->[0], paymentStatus => $_->[1] })
       ->{status}, 400, "bad: $_->[1]")
    for [ [], 'ACSC' ], [ 'x', 'ACSC' ], [ [ {} ], 'ACSC' ],
        [ $legacy, 'DONE' ];
is(notify($o, undef, {}, scope => 'oof_journey')->{status}, 403, 'scope');
is(notify($o, undef, {}, scope => 'oob_payments:write oob_customer')->{status},
   403, 'a customer');
is(notify($o, '/oof/v1/payments/' . new_uuid() . '/resolve',
          { outcome => 'SETTLED' }, scope => 'oof_admin oob_customer')
       ->{status}, 403, 'a customer who resolves');


# --- the core does not know repetitions: never sent twice

my @open;

for (1 .. 3) {
    $core->faults({ mode => 'drop_after_accept', path => '/payments',
                    times => 1 });
    my $c = authorised($o, amount => '10.00');
    my $item = pay_item($c);
    my $r = pay_consent($o, $c, items => [ $item ]);
    is($r->{status}, 201, "open $_: received");
    push @open, [ $item, payment_ids($r) ];
}

$core->faults;
wait_for(sub { ($o->metric('oof_payments_silent') // 0) == 3 }, 15,
         'the alarm');
kill 'KILL', ($o->worker_pids)[0];
wait_for(sub { $o->get('/ready')->{status} == 200 }, 10, 'ready');
sleep 4;
is(join(' ', map { debits_of($core, $_->[0]) } @open), '1 1 1',
   'open: none was sent again');
is(join(' ', map { intent_of($_->[1]) } @open), 'sent sent sent',
   'open: they wait');

# nor when a connection ends that was kept: this core forgets keys for once

$core->faults({ mode => 'forget' });
pay_consent($o, authorised($o, amount => '10.00')) for 1 .. 6;
$core->faults([ { mode => 'forget' },
                { mode => 'drop_after_accept', path => '/payments',
                  times => 1 } ]);
$c = authorised($o, amount => '10.00');
$item = pay_item($c);
$r = pay_consent($o, $c, items => [ $item ]);
is($r->{status}, 201, 'kept: received');
$core->faults;
is(debits_of($core, $item), 1, 'kept: one debit');
is(intent_of(payment_ids($r)), 'sent', 'kept: it waits');
is(notify($o, '/oof/v1/payments/' . (payment_ids($r))[0] . '/resolve',
          { outcome => 'SETTLED' }, scope => 'oof_admin')->{status}, 204,
   'kept: settled by hand');

# it says that it knows the key for another payment: this one may have been made

$core->faults({ mode => 'refuse', code => 'ERRO_IDEMPOTENCIA',
                path => '/payments', times => 1 });
$r = pay_consent($o, authorised($o));
is("$r->{status} $r->{json}{data}[0]{status}", '201 RCVD',
   'the key of another: received');
is(intent_of(payment_ids($r)), 'sent', 'the key of another: it waits');
like($o->log_text, qr/\[alert\].*"main" takes a payment of consent "urn:/,
     'the key of another: an alarm');
is(notify($o, '/oof/v1/payments/' . (payment_ids($r))[0] . '/resolve',
          { outcome => 'NOT_MADE', reason => { code => 'SEM_FUNDOS' } },
          scope => 'oof_admin')->{status}, 204,
   'the key of another: ended by hand');


sub resolve {
    my ($id, %data) = @_;

    return notify($o, "/oof/v1/payments/$id/resolve", \%data,
                  scope => 'oof_admin');
}

is(resolve($open[0][1], outcome => 'SETTLED')->{status}, 204, 'settled');
is(status_of($o, $open[0][1]), 'ACSC', 'settled: so it is');
is(resolve($open[1][1], outcome => 'NOT_MADE',
           reason => { code => 'OUTRA_COISA' })->{status}, 204, 'not made');
$got = pay($o, GET => "/pix/payments/$open[1][1]");
is("$got->{json}{data}{status} $got->{json}{data}{rejectionReason}{code}",
   'RJCT PAGAMENTO_RECUSADO_DETENTORA', 'not made: rejected');
is((psql("SELECT actor FROM oof_payment_history WHERE payment_id ="
         . " '$open[1][1]' ORDER BY version DESC LIMIT 1"))[0][0], 'operator',
   'not made: by whom');
is(resolve($open[1][1], outcome => $_)->{status}, 409, "once more: $_")
    for qw/ SETTLED NOT_MADE REPEAT /;
is(resolve(new_uuid(), outcome => $_)->{status}, 404, "unknown: $_")
    for qw/ SETTLED REPEAT /;
is(resolve($open[2][1], outcome => 'x')->{status}, 400, 'no outcome');
is(resolve($open[2][1], outcome => 'REPEAT')->{status}, 204, 'repeat');
comes_to($o, $open[2][1], 'ACSC');
is(debits_of($core, $open[2][0]), 1, 'repeat: this core knew it');


# --- the breaker, and answers at once

$o->stop;
($o, $core) = settlement(
    running => $core, workers => 1, five => 'oof_payment_wait 0;',
    four => 'oof_payment_wait 10s; oof_deadline 2s;',
    core_conf => 'timeout 1500ms; breaker 3 4s;');
$o->allow(qr/core "main" failed at/, qr/core "main" .*left alone/);

$c = authorised($o, amount => '10.00');
$item = pay_item($c);
$r = pay_consent($o, $c, items => [ $item ]);
is("$r->{status} $r->{json}{data}[0]{status}", '201 RCVD', 'at once');
comes_to($o, $r, 'ACSC');
is(debits_of($core, $item), 1, 'at once: made after');

$c = authorised($o, amount => '20422.00');
$r = pay_consent($o, $c);
is($r->{status}, 201, 'at once: not refused');
is(comes_to($o, $r, 'RJCT')->{json}{data}{rejectionReason}{code},
   'SALDO_INSUFICIENTE', 'at once: rejected after');

# a wait that is longer than the deadline ends a second before that

$core->faults([ { mode => 'slow', ms => 1250, path => '/payments',
                  times => 1 },
                { mode => 'refuse', code => 'DETALHE_PAGAMENTO_INVALIDO',
                  path => '/payments', times => 1 } ]);
$r = pay_consent($o, authorised($o, version => 4));
is("$r->{status} $r->{json}{data}[0]{status}", '201 RCVD',
   'a second before the deadline: received');
is(comes_to($o, $r, 'RJCT')->{json}{data}{rejectionReason}{code},
   'DETALHE_PAGAMENTO_INVALIDO', 'a second before the deadline: rejected after');

# what is no JSON is a failure; the third one opens, and then one call is tried

sub failures { $o->metric('oof_core_calls_total', result => 'error') // 0 }

my $failed = failures();
$core->faults({ mode => 'wrong', code => 'GARBAGE', path => '/payments' });
my @garbled = map { pay_consent($o, authorised($o, version => 4)) } 1 .. 5;
is($o->metric('oof_core_breaker_open'), 1, 'breaker: open');
is(failures() - $failed, 3, 'breaker: by the third failure');
$core->faults([ { mode => 'slow', ms => 800, path => '/payments' },
                { mode => 'wrong', code => 'GARBAGE', path => '/payments' } ]);
psql('UPDATE oof_payment_intent SET due = now() WHERE due IS NOT NULL');
wait_for(sub { failures() - $failed > 3 }, 20, 'a call that is tried');
sleep 1;
is(failures() - $failed, 4, 'breaker: one call is tried');
$core->faults;
comes_to($o, $_, 'ACSC', 60) for @garbled;
is($o->metric('oof_core_breaker_open'), 0, 'breaker: closed by an answer');

$core->kill9;
my @down;

for (1 .. 6) {
    my $c = authorised($o, amount => '10.00');
    push @down, pay_consent($o, $c);
}

wait_for(sub { ($o->metric('oof_core_breaker_open') // 0) == 1 }, 30,
         'the breaker');
$core->restart;
comes_to($o, $_, 'ACSC', 60) for @down;
is($o->metric('oof_core_breaker_open'), 0, 'breaker: closed again');
is(join(' ', map { debits_of($core, $_->{json}{data}[0]) } @down),
   '1 1 1 1 1 1', 'breaker: each once');

done_testing();
