#!/usr/bin/perl

# Copyright (C) oof authors

# Scheduled payments: all or none, sent on their day; cancellation of one and of
# all, of what is held, and its windows in Brasilia's time; a Pix key that
# changes before the day (spec 2.6, 2.8, 2.11; spec 7, 32, 34, 35, 41, 43).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Test::Oof::Settle;

my ($o, $core) = settlement(workers => 2, core_conf => 'timeout 1500ms;');
my $cpf = $Test::Oof::Settle::Cpf;


# the day of Brasilia by the moved clock

sub day { day_of($_[0], moved_clock()) }


# a consent for so many days from tomorrow on, and its items

sub scheduled {
    my ($n, %with) = @_;

    my $version = $with{version} // 5;
    my $schedule = $n == 1 ? { single => { date => day(1) } }
                           : { daily => { startDate => day(1),
                                          quantity => $n } };
    $schedule->{additionalInformation} = 'todo dia' if $version == 5;

    my $c = authorised($o, date => undef, schedule => $schedule,
                       purpose => $n == 1 ? 'SINGLE_SCHEDULED'
                                          : 'RECURRENT_SCHEDULED', %with);
    my @items = map {
        pay_item($c, endToEndId => end_to_end(day($_) =~ s/-//gr . '1500'))
    } 1 .. $n;

    return ($c, \@items);
}


sub cancel_body {
    my (%with) = @_;

    return { data => {
        status => 'CANC', cancellation => { cancelledBy => { document => {
            identification => $cpf, rel => 'CPF', %with } } } } };
}


sub cancel {
    my ($id, %args) = @_;

    return pay($o, PATCH => "/pix/payments/$id",
               delete $args{claims_of} // cancel_body(), %args);
}


sub refused {
    my ($r, $name) = @_;

    is_signed_error($r, [ 'PAGAMENTO_NAO_PERMITE_CANCELAMENTO',
        'Pagamento não permite cancelamento',
        'Pagamento não permite cancelamento' ], $name);
}


# a static QR code of a key, with a long text

sub static_code {
    my ($key) = @_;

    my $field = sub { sprintf '%s%02d%s', $_[0], length $_[1], $_[1] };
    my $more = 99 - 4 - 14 - 4 - 4 - length $key;
    my $code = $field->('00', '01')
        . $field->('26', $field->('00', 'br.gov.bcb.pix')
                         . $field->('01', $key)
                         . $field->('02', 'x' x ($more - 4)))
        . $field->('52', '0000') . $field->('53', '986')
        . $field->('58', 'BR') . $field->('59', 'MARCO ANTONIO DE BRITO')
        . $field->('60', 'BRASILIA') . $field->('62', $field->('05', '***'))
        . '6304';
    my $crc = 0xffff;

    for my $byte (unpack 'C*', $code) {
        $crc ^= $byte << 8;
        $crc = $crc & 0x8000 ? ($crc << 1 ^ 0x1021) & 0xffff
                             : $crc << 1 & 0xffff for 1 .. 8;
    }

    return $code . sprintf '%04X', $crc;
}


# --- one, made on its day

my ($c, $items) = scheduled(1, amount => '10.00');
my $r = pay_consent($o, $c, items => $items);
is($r->{json}{data}[0]{status}, 'SCHD', 'one: scheduled') or diag($r->{text});
schema_ok('payments-v5 POST /pix/payments', $r, 'one: as specified');

my ($one) = payment_ids($r);
is(history_of($one), 'RCVD SCHD', 'one: history');
is(intent_of($one, 'check'), 'answered', 'one: the core was asked');
is(intent_of($one), 'waiting', 'one: waits');
is(debits_of($core, $items->[0]), 0, 'one: no debit yet');


# --- several: all of them, and what the core refuses not at all

my ($many, $list) = scheduled(3, amount => '11.00');
my $made = pay_consent($o, $many, items => $list);
is(join(' ', map { $_->{status} } @{ $made->{json}{data} }), 'SCHD SCHD SCHD',
   'three: scheduled') or diag($made->{text});
is_deeply([ map { $_->{endToEndId} } @{ $made->{json}{data} } ],
          [ map { $_->{endToEndId} } @$list ], 'three: in their order');
is($made->{json}{links}{self}, "$Test::Oof::BaseUrl$Pay5/pix/payments/"
   . (payment_ids($made))[0], 'three: links are of the first');

sub listed {
    my ($c, $query, %args) = @_;

    return pay($o, GET => "/consents/$c->{urn}/pix/payments$query", %args);
}

$r = listed($many, '');
is_deeply($r->{json}{data}, $made->{json}{data}, 'three: listed')
    or diag($r->{body});
schema_ok('payments-v5 GET /consents/{consentId}/pix/payments', $r,
          'three: listed as specified');

for ([ '?startDate=' . day(2), 2 ], [ '?endDate=' . day(2), 2 ],
     [ '?startDate=' . day(2) . '&endDate=' . day(2), 1 ],
     [ '?startDate=' . day(4), 0 ])
{
    is(scalar @{ listed($many, $_->[0])->{json}{data} }, $_->[1],
       "three: $_->[0]");
}

is_plain_error(listed($many, '?endDate=2026-02-30'), 400,
               'PARAMETRO_INVALIDO', 'listed: no date');
is_plain_error(listed($many, '', client => 'two'), 400, 'BAD_REQUEST',
               'listed: another client');
is_plain_error(listed({ urn => 'urn:bank:' . new_uuid() }, ''), 404,
               'NOT_FOUND', 'listed: unknown');


# --- sixty, with everything that they may have

my $code = static_code('cliente-a00001@pix.bcb.gov.br');
my ($sixty, $all) = scheduled(60, amount => '10.00',
    '-localInstrument' => 'QRES', '-qrCode' => $code);
$_->{remittanceInformation} = 'r' x 140 for @$all;
$r = pay_consent($o, $sixty, items => $all);
is(scalar(grep { $_->{status} eq 'SCHD' } @{ $r->{json}{data} || [] }), 60,
   'sixty') or diag($r->{text} // $r->{body});

my ($bad, $none) = scheduled(2, amount => '20422.01');
$r = pay_consent($o, $bad, items => $none);
is("$r->{status} " . errors_of($r), '422 VALOR_ACIMA_LIMITE', 'two: refused');
is((psql("SELECT string_agg(status, ' ') FROM oof_payment WHERE consent_id ="
         . " '$bad->{uuid}'"))[0][0], 'RJCT RJCT', 'two: both');


# --- one of them is cancelled

my ($first, $second, $third) = payment_ids($made);
my $key = new_uuid();
my $got = cancel($first, idempotency => $key);
my $data = $got->{json}{data};

is($got->{status}, 200, 'cancelled') or diag($got->{text} // $got->{body});
is($data->{status}, 'CANC', 'cancelled: its state');
is_deeply($data->{cancellation}, {
    reason => 'CANCELADO_AGENDAMENTO', cancelledFrom => 'INICIADORA',
    cancelledAt => $data->{statusUpdateDateTime},
    cancelledBy => { document => { identification => $cpf, rel => 'CPF' } },
}, 'cancelled: by whom');
schema_ok('payments-v5 PATCH /pix/payments/{paymentId}', $got,
          'cancelled: as specified');
is(intent_of($first), 'void', 'cancelled: its day never comes');
is((events("key = '$first'"))[-1]{type}, 'oof.payment.cancelled',
   'cancelled: event');

$r = cancel($first, idempotency => $key);
is("$r->{status} $r->{json}{data}{status}", '200 CANC', 'again, by its key');
is(errors_of(cancel($first, idempotency => $key,
                    claims_of => cancel_body(identification => '1' x 11))),
   'ERRO_IDEMPOTENCIA', 'other data');
refused(cancel($first), 'once more');
refused(cancel($second, claims_of => cancel_body(identification => '1' x 11)),
        'by somebody else');
refused(cancel($second, claims_of => cancel_body(rel => 'CNP')),
        'with another document');
is_plain_error(cancel($second, client => 'two'), 400, 'BAD_REQUEST',
               'another client');
is_plain_error(cancel(new_uuid()), 404, 'NOT_FOUND', 'unknown');
is(status_of($o, $second), 'SCHD', 'the others stay');


# --- all that are left

sub cancel_all {
    my ($c, %args) = @_;

    my $path = $c->{version} == 5 ? "/consents/$c->{urn}/pix/payments"
                                  : "/pix/payments/consents/$c->{urn}";

    return pay($o, PATCH => $path, cancel_body(), version => $c->{version},
               %args);
}

$r = cancel_all($many, idempotency => $key = new_uuid());
is("$r->{status} '$r->{body}'", "202 ''", 'all: accepted');
is(join(' ', map { status_of($o, $_) } $first, $second, $third),
   'CANC CANC CANC', 'all: cancelled');
is(cancel_all($many, idempotency => $key)->{status}, 202, 'all: again');
refused(cancel_all($many), 'all: none is left');
is_plain_error(cancel_all({ %$many, urn => 'urn:bank:' . new_uuid() }), 404,
               'NOT_FOUND', 'all: unknown');
is_plain_error(cancel_all($many, client => 'two'), 400, 'BAD_REQUEST',
               'all: another client');

my ($four, $four_items) = scheduled(2, version => 4, amount => '12.00');
$r = pay_consent($o, $four, items => $four_items);
my @four = payment_ids($r);
$r = cancel_all($four, version => 4);
is($r->{status}, 200, 'v4: cancelled');
is(join(' ', map { $_->{paymentId} } @{ $r->{json}{data} }), "@four",
   'v4: which');
schema_ok('payments-v4 PATCH /pix/payments/consents/{consentId}', $r,
          'v4: as specified');


# --- what is held is cancelled by the core; what is made, by nobody

($c) = authorised($o, amount => '12345.00');
my $held = pay_consent($o, $c);
is(status_of($o, $held), 'PDNG', 'held');
$got = cancel((payment_ids($held))[0]);
is("$got->{status} $got->{json}{data}{cancellation}{reason}",
   '200 CANCELADO_PENDENCIA', 'held: cancelled');
is($core->status({ json => { data => { paymentId => [ { key => 'endToEndId',
       value => $held->{json}{data}[0]{endToEndId} } ] } } }), 'CANC',
   'held: by the core');

($c) = authorised($o, amount => '12345.00', version => 4);
$held = pay_consent($o, $c);
$got = cancel((payment_ids($held))[0], version => 4, idempotency => undef);
is("$got->{status} $got->{json}{data}{status}", '200 CANC',
   'held, v4: without a key');
schema_ok('payments-v4 PATCH /pix/payments/{paymentId}', $got,
          'held, v4: as specified');

($c) = authorised($o, amount => '13.00');
my $done = pay_consent($o, $c);
comes_to($o, $done, 'ACSC');
refused(cancel((payment_ids($done))[0]), 'settled');


# --- the windows: v5 all until 22:00, alone until the end of the day before

my ($late, $late_items) = scheduled(3, amount => '14.00');
my @late = payment_ids(pay_consent($o, $late, items => $late_items));
my ($four_late, $items4) = scheduled(2, version => 4, amount => '14.01');
my @late4 = payment_ids(pay_consent($o, $four_late, items => $items4));
my ($chave, $chave_items) = scheduled(3, amount => '15.00');
my @chave = payment_ids(pay_consent($o, $chave, items => $chave_items));

# 22:30 of today

my $now = time - 3 * 3600;
moved_clock(22.5 * 3600 - $now % 86400);

$r = cancel_all($late);
is($r->{status}, 202, '22:30: all of the day after tomorrow and later');
is(join(' ', map { status_of($o, $_) } @late), 'SCHD CANC CANC',
   '22:30: tomorrow\'s stays');
refused(cancel_all($late), '22:30: tomorrow\'s alone is too late for all');
is(cancel_all($four_late)->{status}, 200, '22:30: v4 still may');
is(cancel($late[0])->{status}, 200, '22:30: alone it may be');


# --- the day has come; a key has changed

$core->control(dict => { key => 'cliente-a00001@pix.bcb.gov.br' });
moved_clock(24.1 * 3600 - $now % 86400);

comes_to($o, $chave[0], 'RJCT');
comes_to($o, $chave[2], 'RJCT');
is(pay($o, GET => "/pix/payments/$chave[2]")->{json}{data}{rejectionReason}
       {code}, 'CHAVE_PIX_DIVERGENTE_AGENDAMENTO_LIQUIDACAO',
   'a key that has changed: all of them');

my ($manu, $manu_items) = scheduled(1, amount => '16.00',
    '-localInstrument' => 'MANU', '-proxy' => undef);
$r = pay_consent($o, $manu, items => $manu_items);
is($r->{json}{data}[0]{status}, 'SCHD', 'by account') or diag($r->{text});
my ($by_account) = payment_ids($r);

moved_clock(moved_clock() + 86400);
comes_to($o, $by_account, 'ACSC');
is(debits_of($core, $manu_items->[0]), 1, 'made on its day');
refused(cancel($by_account), 'and no longer cancelled');

for my $cancelled (@$list, @$four_items, @$late_items, @$items4) {
    die 'a debit of what was cancelled' if debits_of($core, $cancelled);
}

is(intent_of($late[1]), 'void', 'what is cancelled is never made');
like(in_database($one), qr/^RJCT/, 'the one of the changed key too');

done_testing();
