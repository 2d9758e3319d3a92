#!/usr/bin/perl

# Copyright (C) oof authors

# Every route of every data API, by the include files as they are shipped:
# permission, scope, resource, query (spec 1.2, 1.3, 5.4, 6.4, and the interface
# files); what the files say of limits is what spec 6.4 says.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Gate;

# name, major, type of its resources; then a line for the path, and one for the
# permission; what the bank is told; pages; dates; seven days; class; calls

my $table = <<'END';
accounts v2 ACCOUNT
  /accounts
    ACCOUNTS_READ list paged - - low 8
  /accounts/{accountId}
    ACCOUNTS_READ one - - - low 8
  /accounts/{accountId}/balances
    ACCOUNTS_BALANCES_READ one - - - high 420
  /accounts/{accountId}/reserved-balances
    ACCOUNTS_BALANCES_READ one paged - - high 420
  /accounts/{accountId}/transactions
    ACCOUNTS_TRANSACTIONS_READ one paged BookingDate - low 8
  /accounts/{accountId}/transactions-current
    ACCOUNTS_TRANSACTIONS_READ one paged BookingDate current high 240
  /accounts/{accountId}/overdraft-limits
    ACCOUNTS_OVERDRAFT_LIMITS_READ one - - - high 420

credit-cards-accounts v2 CREDIT_CARD_ACCOUNT
  /accounts
    CREDIT_CARDS_ACCOUNTS_READ list paged - - low 8
  /accounts/{creditCardAccountId}
    CREDIT_CARDS_ACCOUNTS_READ one - - - medium-high 120
  /accounts/{creditCardAccountId}/bills
    CREDIT_CARDS_ACCOUNTS_BILLS_READ one paged DueDate - medium 30
  /accounts/{creditCardAccountId}/bills/{billId}/transactions
    CREDIT_CARDS_ACCOUNTS_BILLS_TRANSACTIONS_READ one paged TransactionDate - medium 30
  /accounts/{creditCardAccountId}/limits
    CREDIT_CARDS_ACCOUNTS_LIMITS_READ one - - - high 240
  /accounts/{creditCardAccountId}/transactions
    CREDIT_CARDS_ACCOUNTS_TRANSACTIONS_READ one paged TransactionDate - low 8
  /accounts/{creditCardAccountId}/transactions-current
    CREDIT_CARDS_ACCOUNTS_TRANSACTIONS_READ one paged TransactionDate current high 240

customers v2 -
  /personal/identifications
    CUSTOMERS_PERSONAL_IDENTIFICATIONS_READ customer paged - - low 8
  /personal/qualifications
    CUSTOMERS_PERSONAL_ADITTIONALINFO_READ customer - - - low 8
  /personal/financial-relations
    CUSTOMERS_PERSONAL_ADITTIONALINFO_READ customer - - - low 8
  /business/identifications
    CUSTOMERS_BUSINESS_IDENTIFICATIONS_READ customer paged - - low 8
  /business/qualifications
    CUSTOMERS_BUSINESS_ADITTIONALINFO_READ customer - - - low 8
  /business/financial-relations
    CUSTOMERS_BUSINESS_ADITTIONALINFO_READ customer - - - low 8

loans v2 LOAN
  /contracts
    LOANS_READ list paged - - medium 30
  /contracts/{contractId}
    LOANS_READ one - - - medium 30
  /contracts/{contractId}/warranties
    LOANS_WARRANTIES_READ one paged - - low 8
  /contracts/{contractId}/scheduled-instalments
    LOANS_SCHEDULED_INSTALMENTS_READ one - - - medium 30
  /contracts/{contractId}/payments
    LOANS_PAYMENTS_READ one - - - medium-high 120

financings v2 FINANCING
  /contracts
    FINANCINGS_READ list paged - - medium 30
  /contracts/{contractId}
    FINANCINGS_READ one - - - low 8
  /contracts/{contractId}/warranties
    FINANCINGS_WARRANTIES_READ one paged - - low 8
  /contracts/{contractId}/scheduled-instalments
    FINANCINGS_SCHEDULED_INSTALMENTS_READ one - - - medium 30
  /contracts/{contractId}/payments
    FINANCINGS_PAYMENTS_READ one - - - medium 30

invoice-financings v2 INVOICE_FINANCING
  /contracts
    INVOICE_FINANCINGS_READ list paged - - medium 30
  /contracts/{contractId}
    INVOICE_FINANCINGS_READ one - - - low 8
  /contracts/{contractId}/warranties
    INVOICE_FINANCINGS_WARRANTIES_READ one paged - - low 8
  /contracts/{contractId}/scheduled-instalments
    INVOICE_FINANCINGS_SCHEDULED_INSTALMENTS_READ one - - - medium 30
  /contracts/{contractId}/payments
    INVOICE_FINANCINGS_PAYMENTS_READ one - - - medium 30

unarranged-accounts-overdraft v2 UNARRANGED_ACCOUNT_OVERDRAFT
  /contracts
    UNARRANGED_ACCOUNTS_OVERDRAFT_READ list paged - - medium 30
  /contracts/{contractId}
    UNARRANGED_ACCOUNTS_OVERDRAFT_READ one - - - low 8
  /contracts/{contractId}/warranties
    UNARRANGED_ACCOUNTS_OVERDRAFT_WARRANTIES_READ one paged - - low 8
  /contracts/{contractId}/scheduled-instalments
    UNARRANGED_ACCOUNTS_OVERDRAFT_SCHEDULED_INSTALMENTS_READ one - - - medium 30
  /contracts/{contractId}/payments
    UNARRANGED_ACCOUNTS_OVERDRAFT_PAYMENTS_READ one - - - medium 30

bank-fixed-incomes v1 BANK_FIXED_INCOME
  /investments
    BANK_FIXED_INCOMES_READ list paged - - medium 30
  /investments/{investmentId}
    BANK_FIXED_INCOMES_READ one - - - low 8
  /investments/{investmentId}/balances
    BANK_FIXED_INCOMES_READ one - - - medium-high 120
  /investments/{investmentId}/transactions
    BANK_FIXED_INCOMES_READ one paged TransactionDate - low 8
  /investments/{investmentId}/transactions-current
    BANK_FIXED_INCOMES_READ one paged TransactionDate current medium-high 120

credit-fixed-incomes v1 CREDIT_FIXED_INCOME
  /investments
    CREDIT_FIXED_INCOMES_READ list paged - - medium 30
  /investments/{investmentId}
    CREDIT_FIXED_INCOMES_READ one - - - low 8
  /investments/{investmentId}/balances
    CREDIT_FIXED_INCOMES_READ one - - - medium-high 120
  /investments/{investmentId}/transactions
    CREDIT_FIXED_INCOMES_READ one paged TransactionDate - low 8
  /investments/{investmentId}/transactions-current
    CREDIT_FIXED_INCOMES_READ one paged TransactionDate current medium-high 120

variable-incomes v1 VARIABLE_INCOME
  /investments
    VARIABLE_INCOMES_READ list paged - - medium 30
  /investments/{investmentId}
    VARIABLE_INCOMES_READ one - - - low 8
  /investments/{investmentId}/balances
    VARIABLE_INCOMES_READ one - - - medium 30
  /investments/{investmentId}/transactions
    VARIABLE_INCOMES_READ one paged TransactionDate - low 8
  /investments/{investmentId}/transactions-current
    VARIABLE_INCOMES_READ one paged TransactionDate current medium 30
  /broker-notes/{brokerNoteId}
    VARIABLE_INCOMES_READ list - - - medium 30

treasure-titles v1 TREASURE_TITLE
  /investments
    TREASURE_TITLES_READ list paged - - medium 30
  /investments/{investmentId}
    TREASURE_TITLES_READ one - - - low 8
  /investments/{investmentId}/balances
    TREASURE_TITLES_READ one - - - medium-high 120
  /investments/{investmentId}/transactions
    TREASURE_TITLES_READ one paged TransactionDate - low 8
  /investments/{investmentId}/transactions-current
    TREASURE_TITLES_READ one paged TransactionDate current medium-high 120

funds v1 FUND
  /investments
    FUNDS_READ list paged - - medium 30
  /investments/{investmentId}
    FUNDS_READ one - - - low 8
  /investments/{investmentId}/balances
    FUNDS_READ one - - - medium-high 120
  /investments/{investmentId}/transactions
    FUNDS_READ one paged TransactionConversionDate - low 8
  /investments/{investmentId}/transactions-current
    FUNDS_READ one paged TransactionConversionDate current medium-high 120

exchanges v1 EXCHANGE
  /operations
    EXCHANGES_READ list paged - - medium 30
  /operations/{operationId}
    EXCHANGES_READ one - - - low 8
  /operations/{operationId}/events
    EXCHANGES_READ one paged - - medium 30
END

my (@apis, $api);

for (split /\n/, $table) {
    if (/^(\S+) (v\d) (\S+)$/) {
        $api = { name => $1, major => $2, type => $3, routes => [] };
        push @apis, $api;

    } elsif (/^  (\S+)$/) {
        push @{ $api->{routes} }, { path => $1 };

    } elsif (/^    (.*)$/) {
        my %r;
        @r{qw/ permission about paged dates current class calls /} =
            split / /, $1;
        $api->{routes}[-1] = { %{ $api->{routes}[-1] }, %r };
    }
}

my $bank = bank();
my ($upstreams, $locations) = ('', "include $Test::Oof::Root/conf/include/"
                                   . 'proxy.conf;');

for my $api (@apis) {
    my $name = $api->{name} =~ tr/-/_/r;

    $upstreams .= "upstream oof_$name { server 127.0.0.1:$bank->{port};"
                  . ' keepalive 4; }';
    $locations .= "include $Test::Oof::Root/conf/include/$api->{name}.conf;";
}

my $o = Test::Oof->start(http => $upstreams, locations => $locations);

my %version = (
    accounts => '2.5.1', 'credit-cards-accounts' => '2.4.0',
    customers => '2.3.0', loans => '2.6.0', financings => '2.4.0',
    'invoice-financings' => '2.4.0',
    'unarranged-accounts-overdraft' => '2.5.0',
    'bank-fixed-incomes' => '1.1.0', 'credit-fixed-incomes' => '1.1.0',
    'variable-incomes' => '1.3.0', 'treasure-titles' => '1.1.0',
    funds => '1.1.0', exchanges => '1.1.0',
);

my %answer = (body => '{"data":[]}',
              headers => { 'Content-Type' => 'application/json' });
my $paths = 0;

for my $api (@apis) {
    my $base = "/open-banking/$api->{name}/$api->{major}";
    my ($id, $other);

    if ($api->{type} ne '-') {
        $id = resource(type => $api->{type}, number => 'own');
        $other = resource(type => $api->{type} eq 'LOAN' ? 'FUND' : 'LOAN');
    }

    for my $route (@{ $api->{routes} }) {
        my $name = "$api->{name} $route->{path}";
        my $one = $route->{about} eq 'one';
        my $path = $base . $route->{path} =~ s/\{\w+\}/$one ? $id : 'x1'/er
                                          =~ s/\{\w+\}/x1/gr;

        my $has = authorised(permissions => [ $route->{permission} ]);
        my $lacks = authorised(permissions => [
            grep { $_ ne $route->{permission} } @Test::Oof::Gate::Permissions
        ]);

        if (defined $id) {
            share($_, $id) for $has, $lacks;
            share($has, $other);
        }

        $bank->answer($path, %answer);

        my $r = get($o, $has, $path);
        my $seen = seen($bank);

        is($r->{status}, 200, "$name: passes") or diag($r->{body});
        is($r->{headers}{'x-v'}, $version{ $api->{name} }, "$name: x-v");
        is($seen->{path}, $path, "$name: path");
        is($seen->{headers}{'x-oof-resource'}, $one ? 'account=own' : undef,
           "$name: resource");
        is($seen->{headers}{'x-oof-resources'},
           $route->{about} eq 'list' ? "$id;account=own" : undef,
           "$name: resources");
        is(exists $seen->{headers}{'x-oof-pagination-key'} ? 'paged' : '-',
           $route->{paged}, "$name: pages");

        is(get($o, $lacks, $path)->{status}, 403, "$name: permission");
        is(get($o, $has, $path, scope => "consent:$has resources "
               . join ' ', grep { $_ ne $api->{name} } sort keys %version)
               ->{status}, 403, "$name: scope");
        is(get($o, $has, $path, scope => $api->{name})->{status}, 401,
           "$name: grant");

        is(get($o, $has, $path =~ s/\Q$id\E/$other/r)->{status}, 403,
           "$name: type") if $one;

        is(get($o, $has, "$path?page-size=1001")->{status},
           $route->{paged} eq 'paged' ? 422 : 200, "$name: page-size");

        my $dates = $route->{dates};

        for (qw/ BookingDate DueDate TransactionDate
                 TransactionConversionDate /) {
            is(get($o, $has, "$path?from$_=x")->{status},
               $_ eq $dates ? 400 : 200, "$name: from$_");
        }

        is(get($o, $has, "$path?from$dates=2020-01-01&to$dates=2020-01-02")
               ->{status}, $route->{current} eq 'current' ? 422 : 200,
           "$name: seven days") if $dates ne '-';

        $paths++;
    }
}

is($paths, 69, 'all of them');


# --- what the include files say

for my $api (@apis) {
    my $file = Test::Oof::slurp("$Test::Oof::Root/conf/include/"
                                . "$api->{name}.conf");

    my @want = map { "#   GET $_->{path}\n#       $_->{permission}\n"
                     . "#       $_->{about}, $_->{class} ($_->{calls})\n" }
                   @{ $api->{routes} };
    my @got = $file =~ /(#   GET .*\n#       .*\n#       .*\n)/g;

    is_deeply(\@got, \@want, "$api->{name}.conf: its routes");
}

done_testing();
