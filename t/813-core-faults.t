#!/usr/bin/perl

# Copyright (C) oof authors

# The sandbox's core: its faults.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Core;
use Time::HiRes qw/ time /;

my $api = 'payment-integration POST';
my $core = Test::Oof::Core->start(options => [ '--step', 20 ]);
my ($r, $body, $start);


# --- slow

is_deeply($core->faults({ mode => 'slow', ms => 300 }),
          [ { mode => 'slow', ms => 300, share => 1 } ], 'slow: is told');
is_deeply($core->get('/_faults')->{json},
          [ { mode => 'slow', ms => 300, share => 1 } ], 'slow: is shown');

$start = time;
$r = $core->post('/payments', payment());
cmp_ok(time - $start, '>=', 0.3, 'slow: late');
is($r->{status}, 201, 'slow: but answered');

$start = time;
$core->ledger;
cmp_ok(time - $start, '<', 0.25, 'slow: not the controls');


# --- error

$core->faults({ mode => 'error' });
$body = payment();
$r = $core->post('/payments', $body);
is($r->{status}, 500, 'error: status');
schema_ok("$api /payments", $r, 'error: shape');
is($core->debits($body->{requestBody}{data}{endToEndId}), 0,
   'error: nothing is done');
is($core->post($_, discovery())->{status}, 500, "error: $_")
    for qw{ /account-discovery /discovery /loans/discovery /consent-approval };

$core->faults;
is_deeply($core->get('/_faults')->{json}, [], 'none: is shown');
is($core->post('/payments', $body)->{status}, 201, 'none: the key is free');


# --- part of the calls, some calls, one path

srand 1;
$core->faults({ mode => 'error', share => 0.5 });
my $failed = grep { $core->post('/account-discovery', discovery())->{status}
                    == 500 } 1 .. 100;
cmp_ok($failed, '>', 20, "share: some fail, $failed");
cmp_ok($failed, '<', 80, 'share: some do not');

$core->faults({ mode => 'error', times => 2 });
is(join(' ', map { $core->post('/account-discovery', discovery())->{status} }
                 1 .. 3), '500 500 200', 'times: two');

$core->faults({ mode => 'error', path => '/find' });
is($core->post('/payments', payment())->{status}, 201, 'path: not another');
is($core->post('/find', find($r))->{status}, 500, 'path: that one');


# --- accepted, and no answer

$core->faults({ mode => 'drop_after_accept', times => 1 });
$body = payment();
is($core->post('/payments', $body)->{status}, 0, 'drop: no answer');
is($core->debits($body->{requestBody}{data}{endToEndId}), 1,
   'drop: it is accepted');
$r = $core->post('/payments', $body);
is($r->{status}, 201, 'drop: the next one is answered');
is($core->debits($body->{requestBody}{data}{endToEndId}), 1,
   'drop: and is no second debit');


# --- duplicate, and the core that does not know its keys

$core->faults({ mode => 'duplicate' });
$body = payment();
is($core->post('/payments', $body)->{status}, 201, 'duplicate: accepted');
is($core->debits($body->{requestBody}{data}{endToEndId}), 1,
   'duplicate: one debit');

$core->faults({ mode => 'forget' });
my @ids = map { legacy_id($core->post('/payments', $body))->[0]{value} } 1, 2;
isnt($ids[0], $ids[1], 'forget: two payments');
is($core->debits($body->{requestBody}{data}{endToEndId}), 3,
   'forget: a debit each');


# --- refused, rejected

$core->faults({ mode => 'refuse', code => 'LIMITE_PERIODO_VALOR_EXCEDIDO' });
$body = payment();
$r = $core->post('/payments', $body);
is($r->{status}, 422, 'refuse: status');
is($r->{json}{errors}[0]{code}, 'LIMITE_PERIODO_VALOR_EXCEDIDO',
   'refuse: code');
schema_ok("$api /payments", $r, 'refuse: shape');
is($core->post('/consent-approval', discovery())->{json}{errors}[0]{code},
   'LIMITE_PERIODO_VALOR_EXCEDIDO', 'refuse: of the approval');
$core->faults;
is($core->post('/payments', $body)->{status}, 422,
   'refuse: the key is answered so for ever');

$core->faults({ mode => 'reject', code => 'FALHA_INFRAESTRUTURA_ICP' });
$body = payment();
$r = $core->post('/payments', $body);
is($r->{status}, 201, 'reject: accepted');
is($core->comes_to($r, 'RJCT')->{rejectionReason}{code},
   'FALHA_INFRAESTRUTURA_ICP', 'reject: later');
is($core->debits($body->{requestBody}{data}{endToEndId}), 0,
   'reject: never debited');


# --- answers that are none: the call is done

for my $code (qw/ GARBAGE EMPTY STATE STATUS OTHER /) {
    $core->faults({ mode => 'wrong', code => $code, path => '/payments',
                    times => 1 });
    $body = payment();

    my $id = $body->{requestBody}{data}{endToEndId};
    my $data = ($r = $core->post('/payments', $body))->{json}{data} || {};

    is(join(' ', $r->{status}, $data->{status} // '-', !$data->{endToEndId}
            ? '-' : $data->{endToEndId} eq $id ? 'its' : 'other'),
       { GARBAGE => '201 - -', EMPTY => '201 - -', STATE => '201 PAGO its',
         STATUS => '404 RCVD its', OTHER => '201 RJCT other' }->{$code},
       "wrong: $code");
    is($core->debits($id), 1, "wrong: $code: it was made");
    is($core->post('/payments', $body)->{json}{data}{status}, 'RCVD',
       "wrong: $code: then right");
}


# --- discovery that is not ready

$core->faults({ mode => 'preparing', ms => 400 });
$r = $core->post('/discovery', discovery());
is($r->{status}, 202, 'preparing: 202');
is($r->{body}, '', 'preparing: no body');
is($core->post('/loans/discovery', discovery())->{status}, 202,
   'preparing: of one product');
is($core->post('/payments', payment())->{status}, 201,
   'preparing: not a payment');
wait_for(sub { $core->post('/discovery', discovery())->{status} == 200 }, 3,
         'the discovery');
pass('preparing: ready in time');


# --- several at once, and none that is known

$core->faults([ { mode => 'slow', ms => 200, path => '/find' },
                { mode => 'error', path => '/payments' } ]);
is($core->post('/payments', payment())->{status}, 500, 'two faults: one');
$start = time;
is($core->post('/find', find($r = { json => { data => { paymentId => [
       { key => 'paymentId', value => '1' } ] } } }))->{status}, 200,
   'two faults: the other');
cmp_ok(time - $start, '>=', 0.2, 'two faults: the other is slow');
$core->faults;

for my $bad ({ mode => 'mad' }, {}, [ 1 ], 'x', { mode => 'slow', ms => 'x' },
             { mode => 'slow', ms => -1 }, { mode => 'error', share => 2 },
             { mode => 'refuse' }, { mode => 'error', code => 'X' },
             { mode => 'wrong' }, { mode => 'wrong', code => 'X' })
{
    is($core->post('/_faults', json($bad))->{status}, 400,
       'no fault: ' . json($bad));
}

unlike($core->log_text, qr/Traceback/, 'nothing went wrong inside');

done_testing();
