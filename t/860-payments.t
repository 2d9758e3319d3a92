#!/usr/bin/perl

# Copyright (C) oof authors

# POST and GET /pix/payments of both versions with the sandbox's core: the
# whole answers, the refusals, what becomes of the consent, repetitions, what
# the ledger says (spec 2.8 to 2.10, 2.13, 2.14; spec 7, 15, 29, 32, 33, 35, 40,
# 42).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Test::Oof::Settle;

my ($o, $core) = settlement(workers => 2);


# --- both versions, in full

for my $version (5, 4) {
    my $base = $version == 5 ? $Pay5 : $Pay4;
    my $c = authorised($o, version => $version, amount => '10.00');
    my $item = pay_item($c, remittanceInformation => 'Compra',
                        authorisationFlow => 'HYBRID_FLOW');
    my $key = new_uuid();
    my $r = pay_consent($o, $c, items => [ $item ], idempotency => $key);
    my ($id) = payment_ids($r);

    like($id // '', qr/^[0-9a-f-]{36}$/, "v$version: id")
        or diag($r->{text} // $r->{body});

    my $data = $r->{json}{data}[0];

    is_signed($r, 201, [ {
        paymentId => $id, consentId => $c->{urn}, %$item,
        debtorAccount => $Test::Oof::Settle::Account,
        status => 'RCVD',
        map { $_ => $data->{$_} }
            qw/ creationDateTime statusUpdateDateTime /,
    } ], "v$version: made", operation => 'POST /pix/payments',
       self => "$base/pix/payments/$id");

    is(payment_row($c->{uuid})->{status}, 'CONSUMED', "v$version: consumed");

    my $got = comes_to($o, $r, 'ACSC');

    is_signed($got, 200, {
        paymentId => $id, consentId => $c->{urn}, %$item,
        debtorAccount => $Test::Oof::Settle::Account,
        status => 'ACSC', creationDateTime => $data->{creationDateTime},
        statusUpdateDateTime => $got->{json}{data}{statusUpdateDateTime},
    }, "v$version: settled", operation => 'GET /pix/payments/{paymentId}');

    is(debits_of($core, $item), 1, "v$version: one debit");
    like(history_of($id), qr/^RCVD (ACCP )?(ACPD )?ACSC$/,
         "v$version: history");
    is(intent_of($id), 'answered', "v$version: intent");
    is_deeply([ map { $_->[0] } psql("SELECT status FROM"
                . " oof_payment_consent_history WHERE consent_id ="
                . " '$c->{uuid}' ORDER BY version DESC LIMIT 1") ],
              [ 'CONSUMED' ], "v$version: the consent's history");

    my @events = events("key = '$id'");
    is($events[0]{type}, 'oof.payment.received', "v$version: first event");
    is($events[-1]{type}, 'oof.payment.settled', "v$version: last event");
    is_deeply([ map { $_->{version} } @events ], [ 1 .. @events ],
              "v$version: in order");
    is(join(' ', sort keys %{ $events[-1]{data} }),
       'clientId consentId organisationId paymentId previousStatus status',
       "v$version: what it tells");

    # the same key: the same payment, as it is now, and nothing new

    my $again = pay_consent($o, $c, items => [ $item ], idempotency => $key);
    is($again->{status}, 201, "v$version: again: 201");
    is($again->{json}{data}[0]{paymentId}, $id, "v$version: again: its id");
    is($again->{json}{data}[0]{status}, 'ACSC', "v$version: again: as it is");
    isnt($again->{json}{jti}, $r->{json}{jti}, "v$version: again: a new jti");

    is_signed_error(pay_consent($o, $c, idempotency => $key),
        [ 'ERRO_IDEMPOTENCIA', 'Erro idempotência.',
          'Conteúdo da mensagem (claim data) diverge do conteúdo associado a'
          . ' esta chave de idempotência (x-idempotency-key).' ],
        "v$version: other data", operation => 'POST /pix/payments');

    is(errors_of(pay_consent($o, $c)), 'CONSENTIMENTO_INVALIDO',
       "v$version: once is all");
    is(debits_of($core, $item), 1, "v$version: still one debit");

    # of others, and of none

    is_plain_error(pay($o, GET => "/pix/payments/$id", client => 'two',
                       version => $version), 400, 'BAD_REQUEST',
                   "v$version: another client's");
    is_plain_error(pay($o, GET => '/pix/payments/' . new_uuid(),
                       version => $version), 404, 'NOT_FOUND',
                   "v$version: unknown");
    is_plain_error(pay($o, GET => '/pix/payments/' . uc $id,
                       version => $version), 404, 'NOT_FOUND',
                   "v$version: another spelling");
    is(pay($o, GET => "/pix/payments/$id", version => $version,
           token => token_of($c))->{status}, 401,
       "v$version: GET with the customer's token");
    is(pay($o, POST => '/pix/payments', { data => [ $item ] },
           version => $version)->{status}, 401,
       "v$version: POST without");
}


# --- refused at once by the core: 422, and the consent is used up

my %refused = ('20422.00' => 'SALDO_INSUFICIENTE',
               '20422.01' => 'VALOR_ACIMA_LIMITE',
               '20422.02' => 'COBRANCA_INVALIDA',
               '20422.03' => 'PAGAMENTO_RECUSADO_DETENTORA');

for my $amount (sort keys %refused) {
    my $c = authorised($o, amount => $amount);
    my $item = pay_item($c);
    my $key = new_uuid();
    my $r = pay_consent($o, $c, items => [ $item ], idempotency => $key);

    is($r->{status}, 422, "$amount: refused");
    is(errors_of($r), $refused{$amount}, "$amount: code");
    schema_ok('payments-v5 POST /pix/payments', $r, "$amount: as specified");
    is(payment_row($c->{uuid})->{status}, 'CONSUMED', "$amount: consumed");
    is(debits_of($core, $item), 0, "$amount: no debit");

    my $again = pay_consent($o, $c, items => [ $item ], idempotency => $key);
    is("$again->{status} " . errors_of($again), "422 $refused{$amount}",
       "$amount: again");
    is($again->{json}{errors}[0]{detail}, $r->{json}{errors}[0]{detail},
       "$amount: the same words");
}


# a code whose text names a field: the core's words are not for there, and one
# that is paid at once has no key that changed

$core->faults({ mode => 'refuse', code => 'DETALHE_PAGAMENTO_INVALIDO',
                path => '/payments', times => 1 });
is_signed_error(pay_consent($o, authorised($o)), [
    'DETALHE_PAGAMENTO_INVALIDO', 'Detalhe do pagamento inválido.',
    'Parâmetro informado não obedece às regras de negócio.' ],
    'a field is wrong', operation => 'POST /pix/payments');


# --- accepted, then rejected; held; on the way

my %later = ('20201.01' => 'SALDO_INSUFICIENTE',
             '20201.07' => 'PAGAMENTO_RECUSADO_DETENTORA',
             '20201.08' => 'PAGAMENTO_RECUSADO_SPI',
             '20201.12' => 'FALHA_INFRAESTRUTURA_DETENTORA');

for my $amount (sort keys %later) {
    my $c = authorised($o, amount => $amount);
    my $r = pay_consent($o, $c);
    is($r->{status}, 201, "$amount: accepted") or diag($r->{text});

    my $got = comes_to($o, $r, 'RJCT');
    is($got->{json}{data}{rejectionReason}{code}, $later{$amount},
       "$amount: reason");
    schema_ok('payments-v5 GET /pix/payments/{paymentId}', $got,
              "$amount: as specified");
}

my $held = pay_consent($o, authorised($o, amount => '12345.00'));
is($held->{json}{data}[0]{status}, 'PDNG', 'held');

my $stays = pay_consent($o, authorised($o, amount => '1334.00'));
comes_to($o, $stays, 'ACPD');


# --- what differs from the consent

my $c = authorised($o, amount => '11.00');
my $r = pay_consent($o, $c, items => [ pay_item($c, payment => {
    amount => '11.01', currency => 'BRL' }) ]);
is($r->{status}, 201, 'another amount: accepted');
is("$r->{json}{data}[0]{status} $r->{json}{data}[0]{rejectionReason}{code}",
   'RJCT PAGAMENTO_DIVERGENTE_CONSENTIMENTO', 'another amount: rejected');
schema_ok('payments-v5 POST /pix/payments', $r, 'another amount');
is(payment_row($c->{uuid})->{status}, 'CONSUMED', 'another amount: consumed');

$c = authorised($o);
$r = pay_consent($o, $c, items => [ pay_item($c), pay_item($c) ]);
is(errors_of($r), 'PAGAMENTO_DIVERGENTE_CONSENTIMENTO', 'one too many');
is(payment_row($c->{uuid})->{status}, 'CONSUMED', 'one too many: consumed');

$c = authorised($o);
$r = pay_consent($o, $c, items => [ pay_item($c, endToEndId => undef) ]);
is(errors_of($r), 'PARAMETRO_NAO_INFORMADO', 'no endToEndId');
is(payment_row($c->{uuid})->{status}, 'CONSUMED', 'no endToEndId: consumed');


# --- an endToEndId is used once

$c = authorised($o, amount => '12.00');
my $item = pay_item($c);
is(pay_consent($o, $c, items => [ $item ])->{status}, 201, 'first use');
$c = authorised($o, amount => '12.00');
$r = pay_consent($o, $c, items => [ $item ]);
is_signed_error($r, [ 'DETALHE_PAGAMENTO_INVALIDO',
    'Detalhe do pagamento inválido.',
    'Parâmetro endToEndId não obedece às regras de negócio.' ],
    'second use', operation => 'POST /pix/payments');
is(debits_of($core, $item), 1, 'used once: one debit');


# --- states of the consent

for (['AWAITING_AUTHORISATION', 'CONSENTIMENTO_INVALIDO'],
     ['PARTIALLY_ACCEPTED', 'CONSENTIMENTO_PENDENTE_AUTORIZACAO'],
     ['REJECTED', 'CONSENTIMENTO_INVALIDO'],
     ['CONSUMED', 'CONSENTIMENTO_INVALIDO'])
{
    my ($status, $code) = @$_;
    my $c = authorised($o);
    psql("UPDATE oof_payment_consent SET status = '$status' WHERE consent_id ="
         . " '$c->{uuid}'");
    my $r = pay_consent($o, $c);
    is("$r->{status} " . errors_of($r), "422 $code", $status);
    is(payment_row($c->{uuid})->{status}, $status, "$status: stays");
}

# what is wrong in itself is told before it, what is against the rules after it

for (['AUTHORISED', '-', 'PARAMETRO_INVALIDO'],
     ['CONSUMED', '-', 'CONSENTIMENTO_INVALIDO'],
     ['CONSUMED', undef, 'PARAMETRO_NAO_INFORMADO'])
{
    my ($status, $id, $code) = @$_;
    my $c = authorised($o);
    psql("UPDATE oof_payment_consent SET status = '$status' WHERE consent_id ="
         . " '$c->{uuid}'");
    my $item = pay_item($c, endToEndId => $id && end_to_end('202001011200'));
    is(errors_of(pay_consent($o, $c, items => [ $item ])), $code,
       "$status, " . ($id ? 'an old endToEndId' : 'no endToEndId'));
}

$c = authorised($o);
is(errors_of(pay_consent($o, $c, token => token_of($c, client => 'two'),
                         client => 'two')),
   'CONSENTIMENTO_INVALIDO', q(another client's consent));
is(payment_row($c->{uuid})->{status}, 'AUTHORISED',
   q(another client's consent: stays));
is(errors_of(pay_consent($o, { %$c, urn => 'urn:bank:' . new_uuid() })),
   'CONSENTIMENTO_INVALIDO', 'no such consent');
is((psql('SELECT count(*) FROM oof_payment p WHERE NOT EXISTS (SELECT FROM'
         . ' oof_payment_history h WHERE h.payment_id = p.payment_id AND'
         . ' h.version = p.version AND h.status = p.status)'))[0][0], 0,
   'history goes with the rows');
unlike($o->log_text, qr/cliente-a00001|76109277673|10000011/,
       'nothing personal is logged');

done_testing();
