#!/usr/bin/perl

# Copyright (C) oof authors

# A core that is slow, down, wrong, or dies between accepting and answering;
# workers and database connections that are killed; clients that repeat: the
# ledger holds each acknowledged payment once and no refused one, a key has one
# outcome, and nothing is stuck (spec 2.3, 2.8; spec 7, 32, 33).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Chaos;
use Test::Oof::Payments;
use Test::Oof::Settle;
use Time::HiRes qw/ sleep time /;

my ($o, $core) = settlement(
    workers => 2, core_conf => 'timeout 1500ms; breaker off;',
    five => 'oof_payment_wait 1s;', four => 'oof_payment_wait 5s;');

$o->allow(qr/core "main" failed at/, qr/exited on signal 9/,
          qr/core is not asked for a payment/, qr/could not connect|lane/,
          qr/terminating connection|server closed the connection/,
          qr/shared memory zone|request deadline has passed/);


# --- slow beyond the wait: 201, for whoever asks; the refusal comes later

$core->faults({ mode => 'slow', ms => 3000, path => '/payments', times => 1 });

my $c = authorised($o, amount => '10.00');
my $item = pay_item($c);
my $key = new_uuid();
my @said = at_once((sub { pay_consent($o, $c, items => [ $item ],
                                      idempotency => $key) }) x 4);
my %said = map { $_ => 1 } @said;
is(scalar keys %said, 1, 'slow: all are told the same') or diag("@said");
like($said[0], qr/^201 - [0-9a-f-]{36}$/, 'slow: received');

my ($id) = $said[0] =~ /(\S+)$/;
comes_to($o, $id, 'ACSC', 20);
is(debits_of($core, $item), 1, 'slow: one debit');

$core->faults([ { mode => 'slow', ms => 1300, path => '/payments',
                  times => 1 },
                { mode => 'refuse', code => 'DETALHE_PAGAMENTO_INVALIDO',
                  path => '/payments', times => 1 } ]);
$c = authorised($o, amount => '10.00');
$item = pay_item($c);
$key = new_uuid();
my $r = pay_consent($o, $c, items => [ $item ], idempotency => $key);
is($r->{status}, 201, 'slow to refuse: received');
is(comes_to($o, $r, 'RJCT')->{json}{data}{rejectionReason}{code},
   'DETALHE_PAGAMENTO_INVALIDO', 'slow to refuse: then rejected');
is(pay_consent($o, $c, items => [ $item ], idempotency => $key)->{status}, 201,
   'slow to refuse: the key says 201 for good');
is(debits_of($core, $item), 0, 'slow to refuse: no debit');


# --- slow within the wait: 422, for whoever asks

$core->faults({ mode => 'slow', ms => 1000, path => '/payments', times => 1 });
$c = authorised($o, amount => '20422.01', version => 4);
$item = pay_item($c);
$key = new_uuid();
@said = at_once((sub { pay_consent($o, $c, items => [ $item ],
                                   idempotency => $key) }) x 4);
is("@said", join(' ', ('422 VALOR_ACIMA_LIMITE -') x 4),
   'refused in time: all are told so');


# --- down: received, and made when it is back, by the holder of the lease

$core->kill9;
$c = authorised($o, amount => '13.00');
$item = pay_item($c);
$r = pay_consent($o, $c, items => [ $item ]);
is($r->{status}, 201, 'down: received') or diag($r->{text} // $r->{body});
is(intent_of(payment_ids($r)), 'sent', 'down: it may have been made');
$core->restart;
comes_to($o, $r, 'ACSC', 30);
is(debits_of($core, $item), 1, 'down: one debit');


# --- it dies between accepting and answering

$core->faults({ mode => 'drop_after_accept', path => '/payments', times => 1 });
$c = authorised($o, amount => '14.00');
$item = pay_item($c);
$r = pay_consent($o, $c, items => [ $item ]);
is($r->{status}, 201, 'dropped: received');
is(debits_of($core, $item), 1, 'dropped: it was debited');
comes_to($o, $r, 'ACSC', 30);
is(debits_of($core, $item), 1, 'dropped: and was not again');
my ($attempts) = map { $_->[0] } psql('SELECT attempt FROM oof_payment_intent'
    . " WHERE payment_id = '" . (payment_ids($r))[0] . "'");
cmp_ok($attempts, '>=', 2, 'dropped: it was sent again');

$core->faults({ mode => 'error', path => '/payments', times => 1 });
$c = authorised($o, amount => '14.01');
$item = pay_item($c);
$r = pay_consent($o, $c, items => [ $item ]);
is($r->{status}, 201, '500: received');
comes_to($o, $r, 'ACSC', 30);
is(debits_of($core, $item), 1, '500: one debit');


# --- the worker that has asked the core is killed

$core->faults({ mode => 'slow', ms => 700, path => '/payments', times => 1 });
$c = authorised($o, amount => '15.00', version => 4);
$item = pay_item($c);
$key = new_uuid();

my $pid = fork // die;
if ($pid == 0) {
    srand Test::Oof::Chaos::seed();
    eval { pay_consent($o, $c, items => [ $item ], idempotency => $key) };
    require POSIX;
    POSIX::_exit(0);
}

wait_for(sub { debits_of($core, $item) == 1 }, 5, 'the debit');
kill 'KILL', $o->worker_pids;
waitpid $pid, 0;
wait_for(sub { $o->get('/ready')->{status} == 200 }, 10, 'new workers');

$r = until_decided($o, $c, $item, $key);
is($r->{status}, 201, 'killed: the key has its outcome');
$r = comes_to($o, (payment_ids($r))[0], 'ACSC', 30);
is(debits_of($core, $item), 1, 'killed: one debit');


# --- everything at random

$core->faults([
    { mode => 'slow', ms => 400, share => 0.2 },
    { mode => 'error', share => 0.1 },
    { mode => 'drop_after_accept', share => 0.1 },
    { mode => 'duplicate', share => 0.1 },
]);

my @all = consents_of($o, map { $_ % 6 ? '16.00' : '20422.00' } 1 .. 48);
my $payers = paid($o, \@all);
my $end = time + 8;
my $database = (psql('SELECT current_database()'))[0][0];

until ($payers->over && time > $end) {
    my $what = int rand 4;
    my @workers = $o->worker_pids;

    if ($what == 0 && @workers && time < $end) {
        kill 'KILL', $workers[rand @workers];
    } elsif ($what == 1) {
        eval { psql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity'
                    . " WHERE datname = '$database'"
                    . ' AND pid <> pg_backend_pid()') };
    }
    sleep 0.4;
}

$payers->told(\@all);
$core->faults;
settled($o, 60);

$payers = paid($o, \@all, twice => 0, gone => 0);
sleep 0.1 until $payers->over;
$payers->told(\@all);

agree($core, @all);

done_testing();
