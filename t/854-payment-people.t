#!/usr/bin/perl

# Copyright (C) oof authors

# One list of consents of data and of consents to pay, in one order and one row
# of pages; what a customer's token sees of consents to pay: as the logged user,
# for a company, as one who must agree, and nothing else; cancellations by the
# bank, and who of it did them (spec 2.9, 2.11).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Bank;
use Test::Oof::Consents ();
use Test::Oof::Journey ();
use Test::Oof::Payments;
use Test::Oof::Settle ();

Test::Oof::Settle->import(qw/ settlement authorised pay_consent pay_item
                              payment_ids end_to_end comes_to /);

my ($Carla, $Davi, $Ana, $Bruno) = qw/ 39053344705 86413425750 76109277673
                                       52998224725 /;
my $Firm = '11222333000181';
my $cancel = '/open-banking/oob-payments/v2/pix/payments';
my $joint = { %$Test::Oof::Settle::Account, number => '40000013' };

my ($o, $core) = settlement(
    core => [ '--step', 20 ], core_conf => 'timeout 1s; breaker off;',
    management_server => <<"END");
        location $Bank/ { oof_api consent-management v1; }
        location /open-banking/oob-payments/ {
            oof_api payment-management v2;
        }
END

sub of_user {
    my ($cpf, %with) = @_;

    return consent_uuid(pay($o, POST => '/consents', payment_consent(
        '+loggedUser' => { document => { identification => $cpf,
                                         rel => 'CPF' } }, %with)));
}

sub list_of {
    my ($query, %args) = @_;

    return ask($o, GET => '/v1/consents', query => $query, %args);
}

sub ids { map { $_->{id} } @{ $_[0]{json}{data} } }

sub seen { join ' ', ids(list_of('page-size=100', customer => @_)) }


# --- one list: of each kind in turn, a minute between each

my (@all, @kinds);

for my $n (0 .. 8) {
    my $kind = $n % 3 ? 'PAYMENT' : 'DATA_SHARING';
    my $id = $kind eq 'PAYMENT' ? of_user($Bruno, amount => "1$n.00")
             : Test::Oof::Journey::new_consent($o, cpf => $Bruno)
               =~ s/^urn:bank://r;
    my $table = $kind eq 'PAYMENT' ? 'oof_payment_consent' : 'oof_consent';

    psql("UPDATE $table SET creation = date_trunc('second', now())"
         . " - interval '" . (9 - $n) . " min' WHERE consent_id = '$id'");
    push @all, $id;
    push @kinds, $kind;
}

# two of the same instant are told by their ids

psql('UPDATE oof_consent SET creation = (SELECT creation FROM'
     . " oof_payment_consent WHERE consent_id = '$all[5]')"
     . " WHERE consent_id = '$all[6]'");
@all[5, 6] = sort @all[5, 6];

psql("UPDATE oof_consent SET authorise_until = now() + interval '1 h'");
psql("UPDATE oof_payment_consent SET expiration = now() + interval '1 h'");
psql("UPDATE oof_payment_consent SET status = 'AUTHORISED' WHERE consent_id ="
     . " '$all[4]'");
psql("UPDATE oof_payment_consent SET status = 'CONSUMED' WHERE consent_id ="
     . " '$all[8]'");

my %order = (
    DESC => [ reverse @all ],
    ASC => [ @all ],
    OPF => [ $all[4], (grep { $_ ne $all[4] && $_ ne $all[8] } reverse @all),
             $all[8] ],
);

for my $of ('', "&cpf=$Bruno") {
    for my $order (sort keys %order) {
        my $r = list_of("orderType=$order$of");

        is(join(' ', ids($r)), "@{ $order{$order} }", "$order$of: both kinds");
        is($r->{json}{meta}{totalRecords}, 9, "$order$of: how many");

        my @pages = map { ids(list_of("orderType=$order$of&page=$_"
                                      . '&page-size=4')) } 1 .. 3;
        is("@pages", "@{ $order{$order} }", "$order$of: by number");

        my ($next, @keyed) = ("orderType=$order$of&page-size=2");

        for (1 .. 6) {
            my $r = list_of($next);
            push @keyed, ids($r);
            ($next) = ($r->{json}{links}{next} // last) =~ /\?(.*)/;
        }

        is("@keyed", "@{ $order{$order} }", "$order$of: by its links");
    }
}

my %type = map { $_->{id} => $_->{type} } @{ list_of('')->{json}{data} };
my @data = grep { $type{$_} eq 'DATA_SHARING' } reverse @all;
my @pays = grep { $type{$_} eq 'PAYMENT' } reverse @all;

is(scalar @data, 3, 'three of data');

my %found = (
    'typeList=DATA_SHARING,PAYMENT' => [ reverse @all ],
    'type=DATA_SHARING' => \@data,
    'type=PAYMENT' => \@pays,
    'typeList=PAYMENT,ENROLLMENT' => \@pays,
    'type=ENROLLMENT' => [],
    'paymentType=PIX' => \@pays,
    'modalityType=IMMEDIATE' => \@pays,
    'status=CONSUMED' => [ $all[8] ],
    'statusList=AUTHORISED,CONSUMED' => [ @all[8, 4] ],
    'consentTermPeriod=0' => \@pays,
    'orgName=ient%20one' => [ reverse @all ],
    'orgName=nobody' => [],
    'page=1&page-size=1&orderType=ASC' => [ $all[0] ],
);

is(join(' ', ids(list_of($_))), "@{ $found{$_} }", $_) for sort keys %found;

# a search key finds consents of either kind

ask($o, POST => '/consents/v1/consents/{consentId}/search-key/{searchKey}',
    id => $_, key => 'conta-7') for @all[0, 1];
is(join(' ', ids(list_of('searchKey=conta-7'))), "@all[1, 0]",
   'a search key of both');


# --- whose: nothing is written yet of Carla, Davi, Ana or the company

is(seen($_), '', 'nothing yet') for $Carla, $Davi, $Ana;

my $c = { uuid => of_user($Carla, amount => '77.00') };
my $firm = of_user($Davi, '+businessEntity' => { document => {
    identification => $Firm, rel => 'CNPJ' } });

sub says {
    my ($cpf, %args) = @_;

    my $r = Test::Oof::Journey::decide($o, $c->{uuid},
        $args{decision} // 'AUTHORISE', debtorAccount => $joint,
        cpf => $args{by}, call => { customer => $cpf });

    return join ' ', $r->{status}, $r->{json}{data}{status}
                                   // $r->{json}{errors}[0]{code} // '';
}

is(says($Carla, by => $Carla, decision => 'PARTIAL'), '200 PARTIALLY_ACCEPTED',
   'Carla agrees: Davi must too');

is(seen($Carla), $c->{uuid}, 'the logged user sees her own');
is(seen($Davi), "$firm $c->{uuid}", 'who must agree sees it, and his own');
is(seen($Ana), '', 'and nobody else');
is(seen($Ana, cnpj => $Firm), $firm, 'who acts for the company sees its');
is(seen($Ana, cnpj => '11444777000161'), '', 'another company\'s does not');
is(join(' ', ids(list_of("cpf=$Carla", customer => $Davi))), $c->{uuid},
   'a filter does not hide it');
is(join(' ', ids(list_of("cpf=$Carla", customer => $Ana))), '',
   'and shows nobody more');

my $one = '/v1/consents/{consentId}';
my $data = '/consents/v1/consents/{consentId}/meta-data';
my $end = '/payments/v1/consents/{consentId}';
my $reason = { data => { rejection => { reason => {
    code => 'REJEITADO_USUARIO', detail => 'x' } } } };

my @rights = (
    # whom, with what, of which: sees, keeps, ends
    [ 'another', $Ana, {}, $c->{uuid}, 404, 404, 404 ],
    [ 'another of the company', $Ana, {}, $firm, 404, 404, 404 ],
    [ 'who must agree', $Davi, {}, $c->{uuid}, 200, 403, 403 ],
    [ 'for the company', $Ana, { cnpj => $Firm }, $firm, 200, 204, 200 ],
    [ 'the logged user', $Carla, {}, $c->{uuid}, 200, 204, undef ],
);

for my $case (@rights) {
    my ($who, $cpf, $more, $id, @status) = @$case;

    is(ask($o, GET => $one, id => $id, customer => $cpf, %$more)->{status},
       $status[0], "$who: sees");
    is(ask($o, PUT => $data, id => $id, customer => $cpf, %$more,
           json => { data => '{"a":1}' })->{status}, $status[1],
       "$who: keeps");
    is(ask($o, PATCH => $end, id => $id, customer => $cpf, %$more,
           json => $reason)->{status}, $status[2], "$who: ends")
        if $status[2];
}

is(says($Davi, by => $Carla), '403 CPF_MISMATCH',
   'the token decides for nobody else');
is(says($Ana, by => $Ana), '404 NOT_FOUND', 'nor for who has no say');
is(says($Davi, by => $Davi), '200 AUTHORISED', 'who must agree agrees');


# --- payments: who may cancel them, and who did

sub scheduled {
    my (%with) = @_;

    my $c = authorised($o, date => undef, purpose => 'SINGLE_SCHEDULED',
                       schedule => { single => { date => day_of(9) },
                                     additionalInformation => 'x' }, %with);
    my $r = pay_consent($o, $c, items => [ pay_item($c,
        endToEndId => end_to_end(day_of(9) =~ s/-//gr . '1500')) ]);

    comes_to($o, $r, 'SCHD');

    return payment_ids($r);
}

sub cancelled {
    my ($id, %args) = @_;

    return Test::Oof::Journey::bank($o, PATCH => "$cancel/$id",
        scope => 'oob_payments:write', %args, json => { data => {
            status => 'CANC', cancellation => { cancelledBy => { document => {
                identification => $Ana, rel => 'CPF' } } } } })->{status};
}

sub operators {
    return join ' ', map { "$_->[0]:" . ($_->[1] // '-') } psql(
        'SELECT actor, operator FROM oof_payment_history WHERE payment_id ='
        . " '$_[0]' ORDER BY version");
}

my ($id) = scheduled();
is(cancelled($id, customer => $Bruno), 404, 'a payment of another customer');
is(cancelled($id, customer => $Ana), 200, 'the customer cancels');
like(operators($id), qr/ customer:-$/, 'history: the customer');

($id) = scheduled('+businessEntity' => { document => {
    identification => $Firm, rel => 'CNPJ' } });
is(cancelled($id, customer => $Bruno, cnpj => $Firm), 200,
   'who acts for the company cancels');

($id) = scheduled();
is(cancelled($id), 200, 'the bank cancels');
like(operators($id), qr/ bank:client-one$/,
     'history: the operator, as the token names him');


# --- all of a consent that wait: not what was made, nor today's

sub all_of {
    my ($uuid, %args) = @_;

    my $r = Test::Oof::Journey::bank($o, PATCH =>
        "/open-banking/oob-payments/v2/consents/$uuid/pix/payments",
        scope => 'oob_payments:write', %args, json => { data => {
            status => $args{status} // 'CANC', cancellation => {
                cancelledBy => { document => { identification => $Ana,
                                               rel => 'CPF' } } } } });

    return ($r, join ' ', $r->{status}, $r->{json}{errors}[0]{code} // ());
}

sub states_of {
    return join ' ', map { $_->[0] } psql('SELECT status FROM oof_payment'
        . " WHERE consent_id = '$_[0]{uuid}' ORDER BY position");
}

my @days = map { day_of($_) } 2, 3, 4, 5;

sub several {
    my $c = authorised($o, date => undef, purpose => 'RECURRENT_SCHEDULED',
        schedule => { custom => { dates => \@days },
                      additionalInformation => 'x' });
    my $r = pay_consent($o, $c, items => [ map { pay_item($c, endToEndId =>
        end_to_end($_ =~ s/-//gr . '1500')) } @days ]);

    comes_to($o, $r, 'SCHD');

    return ($c, payment_ids($r));
}

my ($plan, @plan) = several();

is((all_of($plan->{uuid}, customer => $Bruno))[1], '404 NOT_FOUND',
   'all: of another customer');
is((all_of(new_uuid()))[1], '404 NOT_FOUND', 'all: of no consent');

# the first is of today, as the rule clock is moved, the second is made

psql("UPDATE oof_payment SET status = 'ACSC' WHERE payment_id = '$plan[1]'");
psql("UPDATE oof_payment_intent SET state = 'answered', due = NULL WHERE"
     . " payment_id = '$plan[1]'");
psql('UPDATE oof_payment SET day = day - 2 WHERE payment_id ='
     . " '$plan[0]'");
psql('UPDATE oof_payment_intent SET day = day - 2, due = NULL WHERE'
     . " payment_id = '$plan[0]'");

my ($r, $said) = all_of($plan->{uuid});

is($said, '200', 'all: cancelled') or diag($r->{body});
is(join(' ', map { $_->{paymentId} } @{ $r->{json}{data} }),
   "$plan[3] $plan[2]", 'all: which, the last day first');
is(states_of($plan), 'SCHD ACSC CANC CANC', 'all: the others stay');
is($r->{json}{data}[0]{cancellation}{cancelledFrom}, 'DETENTORA',
   'all: by the bank');
like(operators($plan[3]), qr/ bank:client-one$/, 'all: the operator');
is((all_of($plan->{uuid}))[1], '422 PAGAMENTO_NAO_PERMITE_CANCELAMENTO',
   'all: none is left');

($plan, @plan) = several();
is((all_of($plan->{uuid}, customer => $Ana))[1], '200',
   'all: the customer himself');
is(states_of($plan), 'CANC CANC CANC CANC', 'all: all four');
like(operators($plan[0]), qr/ customer:-$/, 'all: history: the customer');

$o->stop;
done_testing();
