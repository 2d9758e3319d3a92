package Test::Oof::Journey;

# Copyright (C) oof authors

# The bank's side of a consent in the tests: an nginx with the APIs of third
# parties and of the bank, the sandbox's core behind it, and calls.

use strict;
use warnings;

use Test::More;
use Test::Oof ();
use Test::Oof::Core;

use parent 'Exporter';

our @EXPORT = qw/
    journey bank show decide token_check resources new_consent authorised
    account_ids pages_of $Ana $Bruno $Carla $Davi @Bakery $Authorise
    %Groups
/;

our ($Ana, $Bruno, $Carla, $Davi) = qw/ 76109277673 52998224725 39053344705
                                        86413425750 /;
our @Bakery = (cpf => '11144477735', cnpj => '45723174000110');
our $Authorise = '/oof/v1/authorisations';

my $resources = '/open-banking/resources/v3/resources';


# permissions of each group, without RESOURCES_READ

our %Groups = (
    accounts => [ qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ / ],
    cards => [ qw/ CREDIT_CARDS_ACCOUNTS_READ
                   CREDIT_CARDS_ACCOUNTS_LIMITS_READ / ],
    person => [ 'CUSTOMERS_PERSONAL_IDENTIFICATIONS_READ' ],
    company => [ 'CUSTOMERS_BUSINESS_IDENTIFICATIONS_READ' ],
    credit => [ map { my $p = $_; map { "${p}_$_" }
                      qw/ READ WARRANTIES_READ SCHEDULED_INSTALMENTS_READ
                          PAYMENTS_READ / }
                qw/ LOANS FINANCINGS UNARRANGED_ACCOUNTS_OVERDRAFT
                    INVOICE_FINANCINGS / ],
    investments => [ qw/ BANK_FIXED_INCOMES_READ CREDIT_FIXED_INCOMES_READ
                         FUNDS_READ VARIABLE_INCOMES_READ
                         TREASURE_TITLES_READ / ],
    exchange => [ 'EXCHANGES_READ' ],
);


# An nginx and, unless "core" says which, or is undef, a core of its own; other
# words as of Test::Oof->start()

sub journey {
    my (%args) = @_;

    my $core = exists $args{core} ? delete $args{core}
                                  : Test::Oof::Core->start;
    my $url = $core && (delete $args{url}
                        // "http://127.0.0.1:$core->{port}");
    my $use = $core ? 'oof_core main;' : '';
    my $more = delete $args{core_options} // '';

    my $o = Test::Oof->start(
        locations => Test::Oof::location_defaults() . <<'END',
        location /open-banking/resources/v3/ {
            oof_api resources v3;
        }
END
        %args,
        http => ($args{http} // '') . <<"END"
    oof_issuer bank {
        issuer   $Test::Oof::Issuer;
        audience $Test::Oof::BaseUrl;
        jwks     file:@{[ Test::Oof::jwks() ]};
        bound    off;
    }
END
            . ($core ? "oof_core main { url $url; $more }\n" : ''),
        server => ($args{server} // '') . $use,
        management_server =>
            Test::Oof::server_defaults()
                =~ s/oof_issuer\s+main/oof_issuer bank/r
            . ($args{management_server} // '') . $use
            . 'location /oof/v1/ { oof_api management v1; }');

    $o->{core} = $core;

    return $o;
}


# a call of the bank's side.  customer: a token of that CPF's alone, with the
# CNPJ of "cnpj"; scope; other words as of Test::Oof::call()

sub bank {
    my ($o, $method, $path, %args) = @_;

    my $cpf = delete $args{customer};
    my $cnpj = delete $args{cnpj};
    my $scope = (delete $args{scope} // 'oof_journey')
                . (defined $cpf ? ' oob_customer' : '');

    my $token = exists $args{token} ? delete $args{token}
        : Test::Oof::token(scope => $scope, claims => {
              cnf => undef, client_id => 'bank-channel',
              defined $cpf ? (cpf => $cpf) : (),
              defined $cnpj ? (cnpj => $cnpj) : () });

    return $o->call($method => $path, via => 'management', client => undef,
                    token => $token, %args);
}


sub show { bank($_[0], 'GET', "$Authorise/$_[1]", @_[2 .. $#_]) }

sub token_check { bank($_[0], 'GET', "$Authorise/$_[1]/token-check",
                       @_[2 .. $#_]) }


# decide($o, ID, DECISION, members of data): cpf and cnpj are the customer's

sub decide {
    my ($o, $id, $decision, %data) = @_;

    my $call = delete $data{call} || {};
    my %customer = map { $_ => delete $data{$_} }
                   grep { defined $data{$_} } qw/ cpf cnpj /;

    return bank($o, 'POST', "$Authorise/$id", %$call, json => { data => {
        decision => $decision,
        %customer ? (customer => \%customer) : (), %data } });
}


# GET /resources with a token of that consent

sub resources {
    my ($o, $consent, $query, %args) = @_;

    return $o->call(GET => $resources . (defined $query ? "?$query" : ''),
                    scope => "openid consent:$consent resources", %args);
}


# A consent's id.  groups: names of %Groups; cpf, cnpj; client; more: other
# members of data

sub new_consent {
    my ($o, %args) = @_;

    my @groups = @{ $args{groups} || [ 'accounts' ] };
    my %data = (
        loggedUser => { document => {
            identification => $args{cpf} // $Ana, rel => 'CPF' } },
        defined $args{cnpj} ? (businessEntity => { document => {
            identification => $args{cnpj}, rel => 'CNPJ' } }) : (),
        permissions => [ (map { @{ $Groups{$_} } } @groups),
                         'RESOURCES_READ' ],
        %{ $args{more} || {} },
    );

    my $r = $o->call(POST => "$Test::Oof::Api/consents",
                     client => $args{client} // 'one',
                     json => Test::Oof::consent_body(%data));

    die "no consent: $r->{status} $r->{body}" if $r->{status} != 201;

    return $r->{json}{data}{consentId};
}


# the resources that the screen offers, as a decision names them

sub account_ids {
    my ($o, $id) = @_;

    my $r = show($o, $id);
    die "not shown: $r->{status} $r->{body}" if $r->{status} != 200;

    return map { { resourceId => $_->{resourceId}, type => $_->{type} } }
           @{ $r->{json}{data}{resources} };
}


# a consent that the customer has authorised, with all that is offered

sub authorised {
    my ($o, %args) = @_;

    my $id = new_consent($o, %args);
    my $r = decide($o, $id, 'AUTHORISE', cpf => $args{cpf} // $Ana,
                   cnpj => $args{cnpj},
                   resources => [ account_ids($o, $id) ]);

    die "not authorised: $r->{status} $r->{body}" if $r->{status} != 200;

    return $id;
}


# a page's numbers: total, pages, items, and which links there are

sub pages_of {
    my ($r) = @_;

    my $j = $r->{json};

    return join ' ', $r->{status}, $j->{meta}{totalRecords} // '-',
                     $j->{meta}{totalPages} // '-',
                     ref $j->{data} ? scalar @{ $j->{data} } : '-',
                     map { my ($q) = $j->{links}{$_} =~ /\?(.*)/; "$_=$q" }
                         sort keys %{ $j->{links} || {} };
}


1;
