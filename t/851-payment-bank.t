#!/usr/bin/perl

# Copyright (C) oof authors

# What the bank's channels and back office ask of consents to pay and of
# payments: everything of a consent, its payments, what the core calls them, an
# end by the bank, the word of all who must agree, a cancellation in the bank's
# channels, a consent that was never used (spec 2.9 to 2.12; spec 7, 40).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof;
use Test::Oof::Bank;
use Test::Oof::Journey ();
use Test::Oof::Payments;
use Test::Oof::Settle ();

Test::Oof::Settle->import(qw/ settlement pay_consent pay_item payment_ids
    end_to_end status_of comes_to notify intent_of history_of errors_of /);

my $cpf = $Test::Oof::Settle::Cpf;
my $cancel = '/open-banking/oob-payments/v2/pix/payments';

my ($o, $core) = settlement(
    core => [ '--step', 20 ], core_conf => 'timeout 1s; breaker off;',
    management_server => <<"END");
        location $Bank/ { oof_api consent-management v1; }
        location /open-banking/oob-payments/ {
            oof_api payment-management v2;
        }
END

$o->allow(qr/core "main" failed at/);

sub waiting {
    my (%with) = @_;

    my $version = delete $with{version} // 5;
    $with{purpose} = undef if $version == 4;

    my $body = payment_consent(
        '+loggedUser' => { document => { identification => $cpf,
                                         rel => 'CPF' } }, %with);
    my $r = pay($o, POST => '/consents', $body, version => $version);
    my $uuid = consent_uuid($r);

    return { uuid => $uuid, urn => "urn:bank:$uuid", body => $body,
             version => $version };
}

sub decided {
    my ($c, %data) = @_;

    my $r = journey($o, POST => $c->{uuid}, json => { data => {
        decision => 'AUTHORISE', customer => { cpf => $cpf },
        debtorAccount => $Test::Oof::Settle::Account, %data } });
    is($r->{status}, 200, 'decided') or diag($r->{body});

    return $c;
}

sub detail {
    my ($c, $name) = @_;

    return ask($o, GET => '/v1/consents/{consentId}', id => $c->{uuid},
               name => $name)->{json}{data};
}

sub seen_as { pay($o, GET => "/consents/$_[0]{urn}",
                  version => $_[0]{version})->{json}{data} }

sub history { join ' ', map { $_->{consentStatus} }
                  @{ $_[0]{consentHistoryStatus} } }

my $per = '/consents/v1/consents/{consentId}';


# --- everything of a consent, through its life

for my $version (4, 5) {
    my $c = waiting(version => $version, amount => '21.00');
    my $data = detail($c, "v$version: waits");

    is($data->{status}, 'AWAITING_AUTHORISATION', "v$version: status");
    is($data->{externalId}, $c->{urn}, "v$version: URN");
    is($data->{personDocumentNumber}, $cpf, "v$version: whose");
    is($data->{modalityPayment}, 'IMMEDIATE', "v$version: modality");
    is($data->{type}, 'PAYMENT', "v$version: type");
    is($data->{paymentData}{payment}{amount}, '21.00', "v$version: amount");
    is($data->{paymentData}{debtorAccount}, undef, "v$version: no account");
    is_deeply($data->{paymentIds}, [], "v$version: no payment");

    $data = detail(decided($c), "v$version: authorised");
    is(history($data), 'AWAITING_AUTHORISATION AUTHORISED',
       "v$version: history");
    is_deeply($data->{paymentData}{debtorAccount},
              $Test::Oof::Settle::Account, "v$version: the account");

    my $r = pay_consent($o, $c);
    my ($id) = payment_ids($r);

    comes_to($o, $r, 'ACSC');
    $data = detail($c, "v$version: used");
    is(history($data), 'AWAITING_AUTHORISATION AUTHORISED CONSUMED',
       "v$version: history at the end");
    is($data->{status}, 'CONSUMED', "v$version: consumed");
    is($data->{paymentIds}[0]{externalId}, $id, "v$version: its payment");
    ok($data->{paymentIds}[0]{legacyIds}[0]{value}, "v$version: the core's id");

    $r = ask($o, GET => "$per/payments", id => $c->{urn});
    is($r->{json}{data}[0]{paymentId}, $id, "v$version: payments");
    is($r->{json}{data}[0]{status}, 'ACSC', "v$version: payments: state");
    is($r->{json}{data}[0]{date}, day_of(0), "v$version: payments: day");
    is_deeply($r->{json}{data}[0]{debtorAccount},
              $Test::Oof::Settle::Account, "v$version: payments: account");
    is($r->{json}{meta}{totalRecords}, 1, "v$version: payments: one");
}


# --- one that is never used, and one that is never authorised

sub due {
    psql("UPDATE oof_payment_consent SET expiration = now() - interval '1 s'"
         . " WHERE consent_id = '$_[0]{uuid}'");
}

my $unused = decided(waiting());
due($unused);
my $data = detail($unused, 'never used');
is($data->{status}, 'TIMEOUT_PAYMENT', 'never used: status');
is(history($data), 'AWAITING_AUTHORISATION AUTHORISED TIMEOUT_PAYMENT',
   'never used: history');
is($data->{rejection}{reason}{code}, 'TEMPO_EXPIRADO_CONSUMO',
   'spec 2.12: never used: reason');
is(seen_as($unused)->{status}, 'REJECTED', 'spec 2.9: never used: outside');

my $late = waiting();
due($late);
$data = detail($late, 'never authorised');
is("$data->{status} $data->{rejection}{reason}{code}",
   'TIMEOUT_AUTHORISATION TEMPO_EXPIRADO_AUTORIZACAO', 'never authorised');


# --- the bank ends one

sub ends {
    my ($c, $path, $data, %args) = @_;

    return ask($o, PATCH => $path, id => $c->{uuid},
               json => { data => $data }, %args);
}

my $end = '/payments/v1/consents/{consentId}';

sub rejection {
    return { rejection => { rejectedFrom => 'DETENTORA',
        rejectedBy => 'DETENTORA', rejectedAt => text_of(time),
        reason => { code => $_[0], detail => 'Por isto' } } };
}

sub revocation {
    return { revocation => { revokedFrom => 'DETENTORA',
        revokedBy => 'USUARIO', revokedAt => text_of(time),
        reason => { code => $_[0] } } };
}

my %by = (
    VALOR_INVALIDO => [ $end, rejection('VALOR_INVALIDO') ],
    CONTA_NAO_PERMITE_PAGAMENTO =>
        [ $end, rejection('CONTA_DIVERGENTE_DA_SOLICITADA') ],
    FALHA_INFRAESTRUTURA => [ $per, { rejection => { rejectedBy => 'ASPSP',
        reason => { code => 'CONSENT_TECHNICAL_ISSUE' } } } ],
    NAO_INFORMADO => [ '/v1/consents/{consentId}', { status => 'REVOKED',
        revocation => { revokedBy => 'ASPSP',
                        reason => { code => 'FRAUD' } } } ],
    REJEITADO_USUARIO => [ $end, revocation('REVOGADO_USUARIO') ],
);

for my $code (sort keys %by) {
    my $c = $code =~ /^[RV]/ ? decided(waiting()) : waiting();
    my $r = ends($c, @{ $by{$code} }, name => "ended: $code");

    is("$r->{status} $r->{json}{data}{status}"
       . " $r->{json}{data}{rejection}{reason}{code}", "200 REJECTED $code",
       "spec 2.12: ended: $code");
    is($r->{json}{data}{consentHistoryStatus}[-1]{operatorUsername},
       'client-one',
       "ended: $code: by whom");
    is(seen_as($c)->{rejectionReason}{code}, $code,
       "spec 2.12: ended: $code: outside");
    is((events("key = '$c->{uuid}'"))[-1]{type},
       'oof.payment_consent.rejected', "ended: $code: event");
}

is(seen_as(my $told = waiting())->{status}, 'AWAITING_AUTHORISATION', 'one');
ends($told, $end, rejection('QRCODE_INVALIDO'));
is(seen_as($told)->{rejectionReason}{detail}, 'Por isto', 'the bank\'s words');

refused_as(ends($told, $end, rejection('NAO_INFORMADO')), 422,
           'CONSENTIMENTO_EM_STATUS_REJEITADO', 'Consentimento em status final',
           'O consentimento informado já foi encerrado ou consumido;'
           . ' pagamentos são cancelados um a um.', 'once more');
refused_as(ends(waiting(), $end, rejection($_)), 422, 'MOTIVO_NAO_PERMITIDO',
           'Motivo não permitido', 'Só o tempo encerra um consentimento com o'
           . ' motivo informado.', "only time: $_")
    for qw/ TEMPO_EXPIRADO_AUTORIZACAO TEMPO_EXPIRADO_CONSUMO /;

for my $bad (rejection('NADA'), rejection('COBRANCA_INVALIDA'), {},
             { rejection => { reason => { code => 'VALOR_INVALIDO' } } },
             { rejection => 'x' }, revocation('FRAUD')) {
    is(ends(waiting(), $end, $bad, name => 'malformed')->{status}, 400,
       'malformed');
}

# a customer's token

my @customer = (customer => $cpf);

is(ends(waiting(), $end, rejection('VALOR_INVALIDO'), @customer)->{status},
   403, 'a customer gives no reason of the bank');
is(ends(waiting(), $end, rejection('REJEITADO_USUARIO'), @customer)->{status},
   200, 'a customer ends his own');
is(ends(waiting(), $end, rejection('REJEITADO_USUARIO'),
        customer => '11144477735')->{status}, 404,
   'a customer does not end another\'s');
is(ends({ uuid => new_uuid() }, $end, rejection('VALOR_INVALIDO'))->{status},
   404, 'unknown');


# --- all who must agree have decided

my $agree = '/v1/payments/consents/{consentId}/authorisation';

sub all_agree {
    my ($c, $yes, %args) = @_;

    return ask($o, POST => $agree, id => $c->{uuid},
               json => { data => { authorised => $yes } }, %args)->{status};
}

my $partial = decided(waiting(), decision => 'PARTIAL');
is(detail($partial, 'partial')->{status}, 'PARTIALLY_ACCEPTED', 'partial');
is(all_agree($partial, \1), 204, 'all agree');
is(seen_as($partial)->{status}, 'AUTHORISED', 'spec 2.9: all agree');
is(all_agree($partial, \1), 422, 'all agree: it waits no more');

$partial = decided(waiting(), decision => 'PARTIAL');
is(all_agree($partial, \0), 204, 'not all agree');
is(seen_as($partial)->{rejectionReason}{code}, 'REJEITADO_USUARIO',
   'spec 2.9: not all agree');
is(all_agree(decided(waiting(), decision => 'PARTIAL'), 'x'), 400, 'no word');
is(all_agree(waiting(), \1), 422, 'it waits for the first');
is(all_agree(waiting(), \1, @customer), 403, 'a customer speaks for nobody');


# --- a cancellation in the bank's channels

sub cancelled {
    my ($id, %args) = @_;

    return Test::Oof::Journey::bank($o, 'PATCH', "$cancel/$id",
        scope => 'oob_payments:write',
        json => { data => { status => 'CANC', cancellation => { cancelledBy =>
            { document => { identification => $args{by} // $cpf,
                            rel => 'CPF' } } } } }, %args);
}

my $days = decided(waiting(amount => '23.00', date => undef,
    purpose => 'RECURRENT_SCHEDULED',
    schedule => { daily => { startDate => day_of(1), quantity => 3 },
                  additionalInformation => 'x' }));
my $r = pay_consent($o, $days, items => [ map {
    pay_item($days, endToEndId => end_to_end(day_of($_) =~ s/-//gr . '1500'))
} 1 .. 3 ]);
my @ids = payment_ids($r);

comes_to($o, $ids[2], 'SCHD');
$data = Test::Oof::Journey::bank($o, GET => "$Bank/v1/consents/$days->{uuid}",
                                 scope => 'oob_consents:read')->{json}{data};
is_deeply($data->{paymentData}{payment}{schedule}{daily}{scheduleDates},
          [ map { day_of($_) } 1 .. 3 ], 'days of a schedule');
is($data->{modalityPayment}, 'SCHEDULED', 'modality of a schedule');

$r = cancelled($ids[1], by => '11144477735');
is("$r->{status} $r->{json}{data}{status}", '200 CANC', 'cancelled');
is_deeply({ %{ $r->{json}{data}{cancellation} }, cancelledAt => 'x' },
          { reason => 'CANCELADO_AGENDAMENTO', cancelledFrom => 'DETENTORA',
            cancelledAt => 'x', cancelledBy => { document => {
                identification => '11144477735', rel => 'CPF' } } },
          'spec 2.11: cancelled: why, where, by whom');
is(intent_of($ids[1]), 'void', 'cancelled: its day does not come');
is(join(' ', map { status_of($o, $_) } @ids), 'SCHD CANC SCHD',
   'cancelled: alone');
is($core->status({ json => { data => { paymentId => [ {
       key => 'endToEndId', value => 'x' } ] } } }) // '', '',
   'cancelled: the core knows nothing of it');

my $list = ask($o, GET => "$per/payments", id => $days->{uuid});
is(join(' ', map { $_->{status} } @{ $list->{json}{data} }), 'SCHD CANC SCHD',
   'payments: the last day first');
is($list->{json}{data}[0]{date}, day_of(3), 'payments: of that day');
$list = ask($o, GET => "$per/payments", id => $days->{uuid},
            query => 'page=2&page-size=2');
is($list->{json}{data}[0]{paymentId}, $ids[0], 'payments: a page');
like($list->{json}{links}{prev}, qr/page=1/, 'payments: links');
is(ask($o, GET => "$per/payments", id => $days->{uuid},
       query => 'page=x')->{status}, 400, 'payments: no page');

refused_as(cancelled($ids[1]), 422, 'PAGAMENTO_NAO_PERMITE_CANCELAMENTO',
           ('Pagamento não permite cancelamento') x 2, 'cancelled already');
is(cancelled(new_uuid())->{status}, 404, 'cancelled: unknown');
is(cancelled($ids[0], by => '1')->{status}, 400, 'cancelled: by nobody');
is(cancelled($ids[0], scope => 'oob_consents:write')->{status}, 403,
   'cancelled: scope');
is(cancelled($ids[0], customer => '11144477735')->{status}, 404,
   'cancelled: another customer\'s');

# one that the core holds, one that it does not let go, and no word of it

sub held {
    my $r = pay_consent($o, decided(waiting(amount => '12345.00')));
    my ($id) = payment_ids($r);

    comes_to($o, $id, 'PDNG');

    return $id;
}

my $held = held();
$r = cancelled($held, customer => $cpf);
is(join(' ', $r->{status}, @{ $r->{json}{data}{cancellation} // {} }
                            {qw/ reason cancelledFrom /}),
   '200 CANCELADO_PENDENCIA DETENTORA', 'held: cancelled by the core');
is(history_of($held), 'RCVD PDNG CANC', 'held: history');

$held = held();
$core->faults({ mode => 'refuse', path => '/cancellation', times => 1,
                code => 'PAGAMENTO_NAO_PERMITE_CANCELAMENTO' });
is(cancelled($held)->{status}, 422, 'held: not let go');
$core->faults({ mode => 'error', path => '/cancellation', times => 1 });
is(cancelled($held)->{status}, 504, 'held: no word');
$core->faults;
is(cancelled($held)->{status}, 200, 'held: at last');


# --- what the bank keeps with a consent, and whether it wants to be notified

my $kept = waiting();
my @of = (id => $kept->{uuid});
my $meta = "$per/meta-data";

sub data_of { my $r = ask($o, GET => $meta, @of); $r->{json}{data} // '' }

is(ask($o, PUT => $meta, @of, json => { data => '{"a":1}' })->{status}, 204,
   'metadata: kept');
is(data_of(), '{"a":1}', 'metadata: as it was');
is(ask($o, PATCH => $meta, @of, json => { data => '{"b":"x","a":null}' })
       ->{status}, 204, 'metadata: changed');
is(data_of(), '{"b":"x"}', 'metadata: merged');
is(ask($o, DELETE => $meta, @of)->{status}, 204, 'metadata: gone');
is(ask($o, GET => $meta, @of)->{status}, 404, 'metadata: there is none');
is(ask($o, PUT => $meta, @of, json => { data => '{}' },
       customer => '11144477735')->{status}, 404,
   'metadata: of another customer');
is(ask($o, PUT => $meta, id => new_uuid(), json => { data => '{}' })
       ->{status}, 404, 'metadata: of no consent');

my $key = "$per/search-key/{searchKey}";

is(ask($o, POST => $key, @of, key => 'conta=77')->{status}, 204,
   'search key: given');
is(ask($o, GET => $key, @of, key => 'conta=77')->{json}{exists}
   // ask($o, GET => $key, @of, key => 'conta=77')->{json}{data}{exists},
   JSON::PP::true(), 'search key: it has it');
is(join(' ', map { $_->{id} } @{ ask($o, GET => '/v1/consents',
   query => 'type=PAYMENT&searchKey=conta%3D77')->{json}{data} }),
   $kept->{uuid}, 'search key: found by it');
is(ask($o, GET => '/v1/consents',
       query => 'type=DATA_SHARING&searchKey=conta%3D77')
       ->{json}{meta}{totalRecords}, 0, 'search key: not among data');
is(ask($o, DELETE => $key, @of, key => 'conta=77')->{status}, 204,
   'search key: taken');
is(ask($o, GET => '/v1/consents',
       query => 'type=PAYMENT&searchKey=conta%3D77')
       ->{json}{meta}{totalRecords}, 0, 'search key: found no more');

is(ask($o, PATCH => '/v1/webhook/toggle/{consentId}', @of,
       json => { active => JSON::PP::true() })->{status}, 204, 'webhook: on');
is_deeply(ask($o, GET => '/v1/webhook/status/{consentId}', @of)->{json},
          { active => JSON::PP::true() }, 'webhook: is on');
is_deeply(ask($o, GET => '/v1/webhook/status/{consentId}',
              id => waiting()->{uuid})->{json},
          { active => JSON::PP::false() }, 'webhook: of that consent alone');
is((psql("SELECT version FROM oof_payment_consent WHERE consent_id ="
         . " '$kept->{uuid}'"))[0][0], 1, 'none of it changes the consent');


# --- what the core calls the payments of a time

my $legacy = '/v1/tpps/payment-legacy-ids';

$r = ask($o, GET => $legacy, query => 'startDate=' . day_of(0) . '&endDate='
                                     . day_of(0));
my @orgs = @{ $r->{json}{data}{itpLegacyIds} };
my $known = (psql('SELECT count(*) FROM oof_payment'
                  . ' WHERE core_id IS NOT NULL'))[0][0];
is(scalar @orgs, 1, 'legacy ids: one organisation');
is(scalar @{ $orgs[0]{legacyIds} }, $known, 'legacy ids: all');
is(scalar @{ ask($o, GET => $legacy, query => 'startDate=2020-01-01&endDate='
                 . day_of(-1))->{json}{data}{itpLegacyIds} }, 0,
   'legacy ids: of other days');
is(ask($o, GET => $legacy, query => 'startDate=2022-02-30')->{status}, 400,
   'legacy ids: no such day');
is(ask($o, GET => $legacy, customer => $cpf)->{status}, 403,
   'legacy ids: a customer');

# the core's news, at the same address

is(notify($o, undef, { legacyId => [ { key => 'x', value => 'y' } ],
                       paymentStatus => 'ACSC' })->{status}, 404,
   'news of a payment that is not known');

done_testing();
