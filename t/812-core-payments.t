#!/usr/bin/perl

# Copyright (C) oof authors

# The sandbox's core: schedules by its clock, cancellation, receivers, and
# requests that are not as they must be.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use POSIX ();
use Test::More;
use Test::Oof;
use Test::Oof::Core;
use Test::Oof::Schema;

my $api = 'payment-integration POST';
my $core = Test::Oof::Core->start(options => [ '--step', 20 ]);
my $day = 86400;


# --- what the tests send is what the interface's text wants

for ([ '/payments', payment() ], [ '/payment-validation', validation() ],
     [ '/account-discovery', discovery() ])
{
    my ($path, $body) = @$_;
    is_deeply([ Test::Oof::Schema::request("$Test::Oof::Root/t/schema",
                                           "$api $path", $body) ], [],
              "the test's body of $path is as specified");
}


# --- schedules

sub scheduled {
    my ($in, %args) = @_;

    return $core->post('/payments', payment(
        schedule => { single => { date => day_after($in) } }, %args));
}

my $one = scheduled(1, amount => '50.00');
my $two = scheduled(2, amount => '60.00');
my $dear = scheduled(1, amount => '25000.00', debtor => '50000017',
                     cpf => '86413425750');
my $dearer = scheduled(2, amount => '25000.00', debtor => '50000017',
                       cpf => '86413425750');
my $doomed = scheduled(1, amount => '20201.08');
my $held = scheduled(1, amount => '12345.00');
my $stays = scheduled(1, amount => '1335.00');
my $moved = scheduled(1, data => {
    localInstrument => 'DICT', proxy => 'cliente-a00001@pix.bcb.gov.br' });
my $gone = scheduled(2, data => {
    localInstrument => 'DICT', proxy => '+5561990010001' });

for ($one, $two, $dear, $dearer, $doomed, $held, $stays, $moved, $gone) {
    is($_->{json}{data}{status}, 'SCHD', 'scheduled: SCHD at once');
}
schema_ok("$api /payments", $one, 'scheduled: shape');
is(scalar @{ $core->ledger->{debits} }, 0, 'scheduled: nothing is debited');

is(scheduled(1, amount => '20422.01')->{json}{errors}[0]{code},
   'VALOR_ACIMA_LIMITE', 'scheduled: refused at once all the same');
is(scheduled(0)->{json}{data}{status}, 'RCVD',
   'scheduled for today: it is for today');
is(scheduled(-1)->{json}{errors}[0]{code}, 'PARAMETRO_INVALIDO',
   'scheduled for yesterday: refused');

for my $schedule ({ daily => { startDate => day_after(1), quantity => 3 } },
                  { weekly => { dayOfWeek => 'DOMINGO', quantity => 3,
                                startDate => day_after(1) } },
                  { monthly => { dayOfMonth => 5, quantity => 3,
                                 startDate => day_after(1) } },
                  { custom => { dates => [ day_after(1), day_after(9) ],
                                additionalInformation => 'x' } })
{
    my ($kind) = keys %$schedule;
    my $r = $core->post('/payments', payment(schedule => $schedule));
    is($r->{json}{errors}[0]{code}, 'PARAMETRO_NAO_INFORMADO',
       "$kind: the payment's day must be told");
    $r = $core->post('/payments', payment(
        schedule => $schedule, data => { date => day_after(40) }));
    is($r->{json}{data}{status}, 'SCHD', "$kind: SCHD");
}

my $r = $core->post('/payments', payment(
    type => 'PAYMENT_RECURRING_CONSENT', data => {
        date => day_after(40),
        document => { identification => '76109277673', rel => 'CPF' } }));
is($r->{json}{data}{status}, 'SCHD', 'recurring: a later day is SCHD');
is($r->{json}{data}{date}, day_after(40), 'recurring: its day is repeated');
is($r->{json}{data}{document}{rel}, 'CPF', 'recurring: and the document');
schema_ok("$api /payments", $r, 'recurring: shape');


# --- cancellation, today

my $spare = scheduled(5);
$r = $core->post('/cancellation', cancellation($spare, cpf => '52998224725'));
is($r->{json}{errors}[0]{code}, 'PAGAMENTO_NAO_PERMITE_CANCELAMENTO',
   'cancellation by somebody else: refused');
schema_ok("$api /cancellation", $r, 'cancellation refused: shape');
$r = $core->post('/cancellation', cancellation($spare, rel => 'RG'));
is($r->{status}, 422, 'cancellation by no CPF: refused');

my $cancel = cancellation($spare, key => 'k-1');
$r = $core->post('/cancellation', $cancel);
is($r->{status}, 200, 'cancellation of what is scheduled');
is($r->{json}{data}{status}, 'CANC', 'cancellation: CANC');
schema_ok("$api /cancellation", $r, 'cancellation: shape');
is_deeply($core->post('/cancellation', $cancel)->{json}, $r->{json},
          'cancellation: its key is answered again');
is($core->post('/cancellation', cancellation($spare, key => 'k-2'))->{status},
   422, 'cancellation: another key is another one, and refused');
is($core->post('/cancellation', cancellation($spare))->{status}, 422,
   'cancellation: so is one without a key');

my $analysed = $core->post('/payments', payment(amount => '12345.00'));
$r = $core->post('/cancellation', cancellation($analysed));
is($r->{json}{data}{status}, 'CANC', 'cancellation of what is held');
is(scalar $core->debits($r->{json}{data}{endToEndId}), 0,
   'cancellation: nothing was debited');

my $paid = $core->post('/payments', payment());
$core->comes_to($paid, 'ACSC');
is($core->post('/cancellation', cancellation($paid))->{status}, 422,
   'cancellation of what is settled: refused');

is($core->post('/find', { %{ find($paid) }, paymentId => [
       { key => 'paymentId', value => '999999' } ] })
        ->{json}{errors}[0]{code}, 'PAGAMENTO_NAO_ENCONTRADO',
   'look-up of nothing');
$r = $core->post('/find', { %{ find($paid) }, paymentId => [
    { key => 'endToEndId', value => $paid->{json}{data}{endToEndId} } ] });
is($r->{json}{data}{status}, 'ACSC', 'look-up by the endToEndId alone');
is($core->post('/find', { %{ find($paid) }, paymentId => [
       legacy_id($paid)->[0],
       { key => 'endToEndId', value => end_to_end() } ] })->{status},
   422, 'look-up: both parts must fit');


# --- the next day

$core->clock($day);
$core->comes_to($one, 'ACSC');
$core->comes_to($dear, 'ACSC');
is($core->comes_to($doomed, 'RJCT')->{rejectionReason}{code},
   'PAGAMENTO_RECUSADO_SPI', 'its day: rejected by its amount');
$core->comes_to($held, 'PDNG');
$core->comes_to($stays, 'ACCP');
$core->comes_to($moved, 'ACSC');
is($core->status($two), 'SCHD', 'its day: not the next one\'s');
like($core->comes_to($one, 'ACSC')->{statusUpdateDateTime},
     qr/^@{[ POSIX::strftime('%Y-%m-%d', gmtime(time + $day)) ]}/,
     'its day: the times are the rule clock\'s');
is(scalar $core->debits($held->{json}{data}{endToEndId}), 0,
   'its day: what is held is not debited');
is($core->balance('50000017'), '0.00', 'its day: debited');

is($core->post('/cancellation', cancellation($held))->{status}, 200,
   'its day: what is held can be cancelled');


# --- and the one after: no money, a key that has moved

$core->control(dict => { key => '+5561990010001', account => {
    ispb => '12345678', issuer => '1774', number => '999',
    accountType => 'CACC' } });
my $late = cancellation($two);
$core->clock(2 * $day);
is($core->post('/cancellation', $late)->{status}, 422,
   'the day itself is too late for a cancellation');
$core->comes_to($two, 'ACSC');
is($core->comes_to($dearer, 'RJCT')->{rejectionReason}{code},
   'SALDO_INSUFICIENTE', 'its day: the money is gone');
is(scalar $core->debits($dearer->{json}{data}{endToEndId}), 0,
   'its day: nothing is debited');
is($core->comes_to($gone, 'RJCT')->{rejectionReason}{code},
   'CHAVE_PIX_DIVERGENTE_AGENDAMENTO_LIQUIDACAO',
   'its day: the key belongs to another account');
$core->clock(0);


# --- receivers

sub pay {
    my (%data) = @_;

    $r = $core->post('/payments', payment(data => \%data));
    return $r->{json}{errors} ? $r->{json}{errors}[0]{code}
                              : $r->{json}{data}{status};
}

my $mail = 'cliente-a00001@pix.bcb.gov.br';

is(pay(localInstrument => $_, proxy => $mail), 'RCVD', "a known key: $_")
    for qw/ DICT INIC /;
is($r->{json}{data}{proxy}, $mail, 'a known key is repeated');
is(pay(localInstrument => 'DICT', proxy => 'nobody@nowhere'),
   'DETALHE_PAGAMENTO_INVALIDO', 'an unknown key');
is(pay(localInstrument => 'DICT', proxy => $mail,
       creditorAccount => { ispb => '12345678', issuer => '1774',
                            number => '1234567891', accountType => 'CACC' }),
   'DETALHE_PAGAMENTO_INVALIDO', 'a key of another account');
is(pay(creditorAccount => account('10000011')), 'DETALHE_PAGAMENTO_INVALIDO',
   'to the account that pays');
is(pay(creditorAccount => account('10000029')), 'RCVD', 'to another one');
is(pay(endToEndId => $paid->{json}{data}{endToEndId}),
   'DETALHE_PAGAMENTO_INVALIDO', 'an endToEndId that was used');
is($core->post('/payments', payment(debtor => '123'))->{json}{errors}[0]{code},
   'PAGAMENTO_RECUSADO_DETENTORA', 'an account that is not there');

my $consent = validation(debtor => '123');
is($core->post('/payment-validation', $consent)->{json}{errors}[0]{code},
   'CONTA_NAO_PERMITE_PAGAMENTO', 'approval: an account that is not there');
$consent = validation(details => { localInstrument => 'MANU',
                                   creditorAccount => account('10000011') });
is($core->post('/payment-validation', $consent)->{json}{errors}[0]{code},
   'CONTAS_ORIGEM_DESTINO_IGUAIS', 'approval: equal accounts');


# --- QR codes

my $static = $core->control(brcode => { key => $mail, amount => '10.00' })
                  ->{qrCode};
my $open = $core->control(brcode => { key => $mail })->{qrCode};
my $dynamic = $core->control(brcode => {
    url => 'pix.example.com/qr/v2/cobv/1' })->{qrCode};

# [ instrument, code, proxy, amount, at the approval, at the payment ]

for ([ 'QRES', $static, $mail, '10.00', '', 'RCVD' ],
     [ 'APES', $static, $mail, '10.00', '', 'RCVD' ],
     [ 'QRES', $open, $mail, '11.00', '', 'RCVD' ],
     [ 'QRDN', $dynamic, $mail, '11.00', '', 'RCVD' ],
     [ 'APDN', $dynamic, $mail, '11.00', '', 'RCVD' ],
     [ 'QRES', $static, $mail, '11.00', 'VALOR_INVALIDO', 'VALOR_INVALIDO' ],
     [ 'QRES', $static, '+5561990010001', '10.00', 'QRCODE_INVALIDO',
       'VALOR_INVALIDO' ],
     [ 'QRES', $dynamic, $mail, '10.00', 'QRCODE_INVALIDO',
       'VALOR_INVALIDO' ],
     [ 'QRDN', $static, $mail, '10.00', 'QRCODE_INVALIDO', 'VALOR_INVALIDO' ],
     [ 'QRES', $static =~ s/.$/Z/r, $mail, '10.00', 'QRCODE_INVALIDO',
       'VALOR_INVALIDO' ],
     [ 'QRES', 'x', $mail, '10.00', 'QRCODE_INVALIDO', 'VALOR_INVALIDO' ])
{
    my ($instrument, $code, $proxy, $amount, $early, $late) = @$_;
    my %details = (localInstrument => $instrument, qrCode => $code,
                   proxy => $proxy, creditorAccount =>
                       payment()->{requestBody}{data}{creditorAccount});
    my $name = "$instrument, " . substr($code, -12) . ", $amount";

    $r = $core->post('/payment-validation', validation(
        amount => $amount, details => \%details));
    is($r->{json}{errors}[0]{code} // '', $early, "$name: approval");

    $r = $core->post('/payments', payment(amount => $amount,
                                          data => \%details));
    is($r->{json}{data}{status} // $r->{json}{errors}[0]{code}, $late,
       "$name: payment");
}


# --- the approval of a consent's creation

$r = $core->post('/consent-approval', discovery());
is($r->{status}, 200, 'consent-approval: status');
is_deeply($r->{json}, {}, 'consent-approval: empty');
my $ted = discovery();
$ted->{consent}{payment}{type} = 'TED';
is($core->post('/consent-approval', $ted)->{json}{errors}[0]{code},
   'FORMA_PAGAMENTO_INVALIDA', 'consent-approval: not by TED');


# --- what is malformed

sub without {
    my ($body, @path) = @_;

    my $last = pop @path;
    my $node = $body;
    $node = $node->{$_} for @path;
    delete $node->{$last};

    return $body;
}

my @data = qw/ requestBody data /;

for ([ '/payments', payment(), qw/ requestMeta / ],
     [ '/payments', payment(), qw/ requestMeta brandId / ],
     [ '/payments', payment(), qw/ requestMeta correlationId / ],
     [ '/payments', payment(), qw/ consent / ],
     [ '/payments', payment(), qw/ consent debtorAccount / ],
     [ '/payments', payment(), qw/ idempotencyKey / ],
     [ '/payments', payment(), @data ],
     (map { [ '/payments', payment(), @data, $_ ] }
          qw/ endToEndId localInstrument payment creditorAccount
              cnpjInitiator /),
     [ '/payments', payment(), @data, 'payment', 'amount' ],
     [ '/payments', payment(), @data, 'creditorAccount', 'ispb' ],
     [ '/find', find($paid), qw/ requestMeta brandId / ],
     [ '/find', find($paid), qw/ paymentId / ],
     [ '/cancellation', cancellation($paid), qw/ paymentId / ],
     [ '/cancellation', cancellation($paid), @data, 'cancellation' ],
     [ '/payment-validation', validation(), @data, 'loggedUser' ],
     [ '/account-discovery', discovery(), qw/ consent loggedUser / ],
     [ '/account-discovery', discovery(), qw/ requestMeta brandId / ])
{
    my ($path, $body, @member) = @$_;
    $r = $core->post($path, without($body, @member));
    is($r->{status}, 400, "$path without $member[-1]: 400");
    schema_ok("$api $path", $r, "$path without $member[-1]: shape");
}

for my $text ('', '{', '[]', 'null', '"x"', "\xff", '{"requestMeta":[]}') {
    is($core->post('/payments', $text)->{status}, 400,
       'not a request: ' . ($text =~ s/[^ -~]/?/gr));
}

my %bad = (
    endToEndId => 'E1', localInstrument => 'TED', payment => 'x',
    creditorAccount => { ispb => 1, number => '1', accountType => 'CACC' },
    cnpjInitiator => '1', proxy => 'x' x 78, date => '2026-02-30',
);

for my $name (sort keys %bad) {
    $r = $core->post('/payments', payment(data => { $name => $bad{$name} }));
    is($r->{status}, 400, "a bad $name: 400");
}

is($core->post('/payments', payment(amount => $_))->{status}, 400,
   "amount $_: 400") for '1', '1.0', '-1.00', '1,00';
is($core->post('/payments', payment(amount => '0.00'))
        ->{json}{errors}[0]{code}, 'VALOR_INVALIDO', 'amount 0.00');
is($core->post('/payment-validation', validation(amount => '1000000000.00'))
        ->{json}{errors}[0]{code}, 'VALOR_ACIMA_LIMITE',
   'approval: above every limit');

is($core->post('/nothing', {})->{status}, 404, 'no such call');
is($core->get('/payments')->{status}, 404, 'a GET of a call');
is($core->call('PATCH', '/payments', [])->{status}, 501,
   'a method that is none');

unlike($core->log_text, qr/Traceback/, 'nothing went wrong inside');

done_testing();
