#!/usr/bin/perl

# Copyright (C) oof authors

# The sandbox's core: what it has accepted it knows for ever, and it never
# debits twice for one key, whenever it is killed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Handle;
use JSON::PP ();
use POSIX ();
use Test::More;
use Test::Oof;
use Test::Oof::Core;
use Time::HiRes qw/ sleep time /;

my $api = 'payment-integration POST';
my $core = Test::Oof::Core->start(options => [ '--step', 50 ]);


# --- killed between accepting and answering

$core->faults({ mode => 'drop_after_accept', ms => 8000,
                path => '/payments' });

my $body = payment(amount => '77.00');
my $id = $body->{requestBody}{data}{endToEndId};
my $child = fork // die "fork: $!";

if ($child == 0) {
    $core->{kept} = undef;
    POSIX::_exit($core->post('/payments', $body)->{status} ? 1 : 0);
}

wait_for(sub { $core->debits($id) == 1 }, 5, 'the debit');
$core->kill9;
waitpid $child, 0;
is($?, 0, 'killed: there was no answer');

$core->restart;
is(scalar $core->debits($id), 1, 'killed: it knows the debit');
is($core->balance('10000011'), '99999923.00', 'killed: and the balance');

my $r = $core->post('/payments', $body);
is($r->{status}, 201, 'killed: the key is answered');
is($r->{json}{data}{endToEndId}, $id, 'killed: with that payment');
schema_ok("$api /payments", $r, 'killed: in the same shape');
is(scalar $core->debits($id), 1, 'killed: no second debit');
is($core->balance('10000011'), '99999923.00', 'killed: the same balance');
$core->comes_to($r, 'ACSC');


# --- the answer to a key stays what it was

my $again = $core->post('/payments', $body);
is($again->{status}, 201, 'repeated: status');
is_deeply($again->{json}, $r->{json}, 'repeated: the very answer');

my $other = payment(amount => '78.00', key => $body->{internalIdempotencyKey});
$again = $core->post('/payments', $other);
is($again->{status}, 422, 'other data: refused');
is($again->{json}{errors}[0]{code}, 'ERRO_IDEMPOTENCIA', 'other data: code');
schema_ok("$api /payments", $again, 'other data: shape');

$again = $core->post('/payments', $body);
is_deeply($again->{json}, $r->{json}, 'other data: has changed nothing');

my $refused = payment(amount => '25000.01', debtor => '20000015',
                      cpf => '52998224725');
is($core->post('/payments', $refused)->{status}, 422, 'a refusal');
$core->kill9;
$core->restart;
$r = $core->post('/payments', $refused);
is($r->{json}{errors}[0]{code}, 'SALDO_INSUFICIENTE',
   'a refusal is kept like a payment');


# without an internal key, the third party's and the payment's id are the key

$body = payment(key => undef);
$r = $core->post('/payments', $body);
$again = $core->post('/payments', $body);
is_deeply($again->{json}, $r->{json}, 'no internal key: repeated');
is(scalar $core->debits($body->{requestBody}{data}{endToEndId}), 1,
   'no internal key: one debit');


# --- what waits, and what was set, lives through a kill

my $held = $core->post('/payments', payment(amount => '12345.00'));
my $scheduled = $core->post('/payments', payment(
    schedule => { single => { date => day_after(2) } }));
is($scheduled->{json}{data}{status}, 'SCHD', 'scheduled');

$core->clock(86400);
$core->control(push => { enabled => JSON::PP::true() });
$core->control(dict => { key => '+5561990010001' });
$core->kill9;
$core->restart;

is($core->status($held), 'PDNG', 'after a kill: held');
is($core->status($scheduled), 'SCHD', 'after a kill: scheduled');
is($core->get('/_clock')->{json}{offset}, 86400, 'after a kill: the clock');
ok($core->get('/_push')->{json}{enabled}, 'after a kill: pushing');

$r = $core->post('/payments', payment(data => {
    localInstrument => 'DICT', proxy => '+5561990010001' }));
is($r->{json}{errors}[0]{code}, 'DETALHE_PAGAMENTO_INVALIDO',
   'after a kill: a key that was taken away');

$core->control(push => { enabled => JSON::PP::false() });


# --- a storm: clients that try again, a core that is killed and lies

my ($clients, $each) = (8, 40);
my $before = $core->balance('10000029') * 100;
my @readers;

for my $n (1 .. $clients) {
    pipe my $in, my $out or die "pipe: $!";
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        close $in;
        srand $n;
        $core->{kept} = undef;
        storm($out, $each);
        $out->flush;
        POSIX::_exit(0);
    }

    close $out;
    push @readers, [ $pid, $in ];
}

for (1 .. 5) {
    $core->faults([ { mode => 'drop_after_accept', share => 0.2 },
                    { mode => 'error', share => 0.1 },
                    { mode => 'slow', ms => 30, share => 0.3 },
                    { mode => 'duplicate', share => 0.2 } ]);
    sleep 0.2 + rand 0.3;
    $core->kill9;
    $core->restart;
}

my @acknowledged;
for (@readers) {
    my ($pid, $in) = @$_;
    push @acknowledged, map { [ split ] } <$in>;
    waitpid $pid, 0;
    is($?, 0, 'storm: a client got all its answers');
}

is(scalar @acknowledged, $clients * $each, 'storm: every payment is answered');

my (%debits, $wrong);
$debits{$_->{endToEndId}}++ for @{ $core->ledger->{debits} };
my @not_once = grep { ($debits{$_->[0]} // 0) != 1 } @acknowledged;
is_deeply(\@not_once, [], 'storm: each is debited once');

is($before - $core->balance('10000029') * 100, 100 * $clients * $each,
   'storm: the balance agrees');

for (@acknowledged[0, -1]) {
    my ($e2e, $number) = @$_;
    my $data = $core->post('/find', { %{ find($scheduled) }, paymentId =>
        [ { key => 'paymentId', value => $number } ] })->{json}{data};
    is($data->{endToEndId}, $e2e, 'storm: known by the id of its answer');
}

done_testing();


# payments of 1.00, each repeated until it is answered; then once more

sub storm {
    my ($out, $count) = @_;

    for (1 .. $count) {
        my $body = payment(amount => '1.00', debtor => '10000029');
        my ($r, $number);

        for my $turn (1, 2) {
            my $end = time + 30;

            do {
                sleep 0.05 if $r;
                $r = $core->post('/payments', $body);
                POSIX::_exit(2) if time > $end;
            } until $r->{status} == 201;

            my $got = legacy_id($r)->[0]{value};
            POSIX::_exit(3) if $turn == 2 && $got ne $number;
            $number = $got;
        }

        print $out "$body->{requestBody}{data}{endToEndId} $number\n";
    }
}
