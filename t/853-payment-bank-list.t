#!/usr/bin/perl

# Copyright (C) oof authors

# Lists of consents to pay in the bank's screens: filters, both orders and that
# of states, pages by number and by key, whose they are; and that no list reads
# the whole table.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Bank;
use Test::Oof::Payments;

my ($Ana, $Bruno) = qw/ 76109277673 52998224725 /;

my $o = payments(management_server => <<"END");
        location $Bank/ { oof_api consent-management v1; }
END

sub consent {
    my ($cpf, %with) = @_;

    return consent_uuid(pay($o, POST => '/consents', payment_consent(
        '+loggedUser' => { document => { identification => $cpf,
                                         rel => 'CPF' } }, %with)));
}

sub list_of {
    my ($query, %args) = @_;

    return ask($o, GET => '/v1/consents',
               query => "type=PAYMENT&$query", %args);
}

sub ids { map { $_->{id} } @{ $_[0]{json}{data} } }

sub set {
    my ($id, $status, $reason) = @_;

    psql("UPDATE oof_payment_consent SET status = '$status', reason_code = "
         . ($reason ? "'$reason'" : 'NULL') . " WHERE consent_id = '$id'");
}

# seven, a minute between each

my @all = map { consent($_ % 2 ? $Bruno : $Ana, amount => "3$_.50",
                        $_ == 6 ? (date => undef,
                            purpose => 'SINGLE_SCHEDULED',
                            schedule => { single => { date => day_of(9) },
                                          additionalInformation => 'x' })
                                : ()) } 0 .. 6;

psql("UPDATE oof_payment_consent SET creation = creation - interval '"
     . (7 - $_) . " min', expiration = now() + interval '1 h'"
     . " WHERE consent_id = '$all[$_]'") for 0 .. 6;
set($all[1], 'AUTHORISED');
set($all[2], 'CONSUMED');
set($all[3], 'PARTIALLY_ACCEPTED');
set($all[4], 'REJECTED', 'TEMPO_EXPIRADO_CONSUMO');
set($all[5], 'REJECTED', 'SALDO_INSUFICIENTE');
set($all[6], 'REJECTED', 'TEMPO_EXPIRADO_AUTORIZACAO');

my $r = list_of('');

is(join(' ', ids($r)), join(' ', reverse @all), 'the newest first');
is(join(' ', map { $_->{status} } @{ $r->{json}{data} }),
   'TIMEOUT_AUTHORISATION REJECTED TIMEOUT_PAYMENT PARTIALLY_ACCEPTED CONSUMED'
   . ' AUTHORISED AWAITING_AUTHORISATION', 'where they stand');
is_deeply([ @{ $r->{json}{data}[0] }{qw/ type paymentType modalityPayment amount
                                         scheduleDate / } ],
          [ 'PAYMENT', 'PIX', 'SCHEDULED', '36.50', day_of(9) ],
          'what is told of one');
is($r->{json}{data}[0]{creditorName}, 'Marco Antonio de Brito',
   'whom it is for') or diag($r->{body});
is($r->{json}{meta}{totalRecords}, 7, 'how many');

is(join(' ', ids(list_of('orderType=ASC'))), join(' ', @all),
   'the oldest first');
is(join(' ', map { $_->{status} }
              @{ list_of('orderType=OPF')->{json}{data} }),
   'AUTHORISED PARTIALLY_ACCEPTED AWAITING_AUTHORISATION'
   . ' TIMEOUT_AUTHORISATION TIMEOUT_PAYMENT REJECTED CONSUMED',
   'active, pending, expired, closed');


# --- filters

my %found = (
    'status=CONSUMED' => [ 2 ],
    'status=TIMEOUT_PAYMENT' => [ 4 ],
    'statusList=PARTIALLY_ACCEPTED,AUTHORISED' => [ 3, 1 ],
    'status=REVOKED' => [],
    'status=EXPIRED' => [],
    'modalityType=SCHEDULED' => [ 6 ],
    'modalityTypeList=IMMEDIATE,SWEEPING' => [ 5, 4, 3, 2, 1, 0 ],
    'modalityType=SWEEPING' => [],
    'paymentType=PIX&status=REJECTED' => [ 5 ],
    "cpf=$Bruno" => [ 5, 3, 1 ],
    "cpf=$Bruno&status=REJECTED" => [ 5 ],
    "cpf=$Bruno&orderType=ASC" => [ 1, 3, 5 ],
    'consentOwner=' . enc(qq/[{"key":"cpf","value":"$Ana"}]/)
        => [ 6, 4, 2, 0 ],
    'cnpj=11222333000181' => [],
    'cpf=11144477735' => [],
    'searchKey=abc' => [],
    'consentTermPeriod=0' => [ 6, 5, 4, 3, 2, 1, 0 ],
    'consentTermPeriod=12' => [],
    'orgName=nobody' => [],
    'createdOnBegin=' . enc(text_of(time - 200)) => [ 6, 5, 4 ],
    'createdOnEnd=' . enc(text_of(time - 200)) => [ 3, 2, 1, 0 ],
);

for my $query (sort keys %found) {
    is(join(' ', ids(list_of($query))),
       join(' ', map { $all[$_] } @{ $found{$query} }), $query);
}

is(list_of($_)->{status}, 400, $_)
    for 'status=NADA', 'modalityType=NADA', 'cpf=1', 'orderType=NADA',
        'page=0', 'page-size=1001', 'status=CONSUMED&statusList=CONSUMED';
is(ask($o, GET => '/v1/consents', query => 'type=ENROLLMENT')
       ->{json}{meta}{totalRecords}, 0, 'other kinds');
is(ask($o, GET => '/v1/consents', query => 'typeList=PAYMENT,ENROLLMENT')
       ->{json}{meta}{totalRecords}, 7, 'of several kinds');
is(ask($o, GET => '/v1/consents', query => 'type=DATA_SHARING')
       ->{json}{meta}{totalRecords}, 0, 'those of data are others');


# --- pages: by number, and by key, in each order

for my $order (qw/ DESC ASC OPF /) {
    my $whole = join ' ', ids(list_of("orderType=$order"));
    my @pages = map { ids(list_of("orderType=$order&page=$_&page-size=3")) }
                    1 .. 3;

    is("@pages", $whole, "$order: by number");

    my ($next, @keyed) = ("orderType=$order&page-size=2");

    for (1 .. 5) {
        my $r = list_of($next);
        push @keyed, ids($r);
        my $link = $r->{json}{links}{next} // last;
        like($link, qr/pagination-key=/, "$order: a key");
        ($next) = $link =~ /type=PAYMENT&(.*)/;
    }

    is("@keyed", $whole, "$order: by key");
}

is(list_of('page=9')->{status}, 422, 'behind the last page');
is(list_of('page=500&page-size=1000')->{json}{errors}[0]{code},
   'CONSULTA_AMPLA', 'too far behind');
is(join(' ', ids(list_of("cpf=$Bruno&page=2&page-size=2"))), $all[1],
   'a page of an owner');


# --- a customer's token

is(join(' ', ids(list_of('', customer => $Bruno))),
   join(' ', @all[5, 3, 1]), 'a customer sees his own');
is(join(' ', ids(list_of("cpf=$Ana", customer => $Bruno))), '',
   'and nobody else\'s');


# --- what is due stands so before that is written

psql("UPDATE oof_payment_consent SET expiration = now() - interval '1 s'"
     . " WHERE consent_id IN ('$all[0]', '$all[1]')");
is(join(' ', ids(list_of('status=TIMEOUT_PAYMENT'))),
   join(' ', @all[4, 1]), 'due: never used');
is(join(' ', ids(list_of('status=TIMEOUT_AUTHORISATION'))),
   join(' ', @all[6, 0]), 'due: never authorised');


# --- many: the list of all is read in the order of its index

psql("INSERT INTO oof_payment_consent (consent_id, organisation_id, creation,"
     . ' status_update, expiration, stamp, amount, version, api, payments,'
     . ' first_day, brand, client_id, status, personal, cpf_hmac)'
     . ' SELECT gen_random_uuid(), organisation_id,'
     . " creation - n * interval '1 hour', status_update, expiration, stamp,"
     . ' amount, version, api, payments, first_day, brand, client_id, status,'
     . " personal, sha256(n::text::bytea) FROM oof_payment_consent,"
     . " generate_series(1, 3000) n WHERE consent_id = '$all[2]'");
psql('ANALYZE oof_payment_consent');

my ($scans) = psql('SELECT seq_scan FROM pg_stat_user_tables WHERE relname ='
                   . " 'oof_payment_consent'");

list_of("cpf=$Ana") for 1 .. 6;
is(list_of('page-size=7')->{json}{meta}{totalRecords}, 1008,
   'many: as many as are counted');
select undef, undef, undef, 1.2;
list_of("cpf=$Ana");
is((psql('SELECT seq_scan FROM pg_stat_user_tables WHERE relname ='
         . " 'oof_payment_consent'"))[0][0], $scans->[0],
   'many: never the whole table');

done_testing();
