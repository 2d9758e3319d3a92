#!/usr/bin/perl

# Copyright (C) oof authors

# POST /consents that breaks a rule: 422 with the one code that fits, in the
# order of the rules, and nothing is written (spec 1.3; spec 7, 14, 22).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Test::More;
use Test::Oof;
use Test::Oof::Consents;

my $o = Test::Oof->start();

my %texts = (
    PERMISSAO_PF_PJ_EM_CONJUNTO =>
        [ 'Permissões de pessoa natural e de pessoa jurídica em conjunto',
          'O pedido reúne permissões de dados cadastrais de pessoa natural e '
          . 'de pessoa jurídica, que não podem constar do mesmo '
          . 'consentimento.' ],
    PERMISSOES_PJ_INCORRETAS =>
        [ 'Permissões incorretas para pessoa jurídica',
          'O pedido identifica uma pessoa jurídica em businessEntity e inclui '
          . 'permissões de dados cadastrais de pessoa natural.' ],
    INFORMACOES_PJ_NAO_INFORMADAS =>
        [ 'Informações da pessoa jurídica não informadas',
          'O pedido inclui permissões de dados cadastrais de pessoa jurídica '
          . 'e não informa businessEntity.' ],
    COMBINACAO_PERMISSOES_INCORRETA =>
        [ 'Combinação de permissões incorreta',
          'Cada permissão deve vir com todas as permissões de ao menos um dos '
          . 'agrupamentos a que pertence.' ],
    DATA_EXPIRACAO_INVALIDA =>
        [ 'Data de expiração inválida',
          'expirationDateTime deve ser uma data existente, posterior ao '
          . 'momento do pedido e dentro do prazo aceito pela instituição.' ],
    linked =>
        [ 'Combinação de permissões incorreta',
          'Um consentimento iniciado na Jornada Otimizada (isLinked) só pode '
          . 'ter as permissões do agrupamento de saldos de contas.' ],
);

my $personal = 'CUSTOMERS_PERSONAL_IDENTIFICATIONS_READ';
my $personal_more = 'CUSTOMERS_PERSONAL_ADITTIONALINFO_READ';
my $business = 'CUSTOMERS_BUSINESS_IDENTIFICATIONS_READ';
my $business_more = 'CUSTOMERS_BUSINESS_ADITTIONALINFO_READ';

my %company = (businessEntity => { document => {
    identification => '11111111000191', rel => 'CNPJ' } });


# --- both kinds of customer

refused('PERMISSAO_PF_PJ_EM_CONJUNTO', [ $personal, $business ]);
refused('PERMISSAO_PF_PJ_EM_CONJUNTO', [ $personal_more, $business_more ],
        %company);

# --- a company asked for with a person's permissions, and the other way

refused('PERMISSOES_PJ_INCORRETAS', [ $personal ], %company);
refused('PERMISSOES_PJ_INCORRETAS', [ $personal_more ], %company);
refused('INFORMACOES_PJ_NAO_INFORMADAS', [ $business ]);
refused('INFORMACOES_PJ_NAO_INFORMADAS', [ $business_more ]);

# --- incomplete groups

my @incomplete = (
    [ ],
    [ 'ACCOUNTS_READ' ],
    [ 'ACCOUNTS_BALANCES_READ' ],
    [ qw/ CREDIT_CARDS_ACCOUNTS_READ CREDIT_CARDS_ACCOUNTS_BILLS_READ / ],
    [ qw/ LOANS_READ LOANS_WARRANTIES_READ LOANS_PAYMENTS_READ
          LOANS_SCHEDULED_INSTALMENTS_READ / ],
    [ qw/ BANK_FIXED_INCOMES_READ FUNDS_READ / ],
    [ qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ EXCHANGES_READ
          CREDIT_CARDS_ACCOUNTS_READ / ],
);

refused('COMBINACAO_PERMISSOES_INCORRETA', $_) for @incomplete;

refused('COMBINACAO_PERMISSOES_INCORRETA',
        [ qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ / ], bare => 1);

# --- expiration

for my $date ('2021-02-30T00:00:00Z', '2099-02-29T12:00:00Z',
              '2099-04-31T12:00:00Z', '2021-05-21T08:30:00Z',
              '0000-01-01T00:00:00Z', at(-1), at(-86400))
{
    refused('DATA_EXPIRACAO_INVALIDA',
            [ qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ / ],
            expirationDateTime => $date);
}

# --- the optimised journey has accounts and balances only

for my $more ([ 'ACCOUNTS_TRANSACTIONS_READ' ],
              [ 'ACCOUNTS_OVERDRAFT_LIMITS_READ' ], [ 'EXCHANGES_READ' ],
              [ $personal ])
{
    refused('linked', [ qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ /, @$more ],
            isLinked => JSON::PP::true);
}

# --- the order: what is mended first was told first

my %wrong = (%company, expirationDateTime => '2099-02-30T00:00:00Z',
             isLinked => JSON::PP::true);

refused('PERMISSAO_PF_PJ_EM_CONJUNTO',
        [ $personal, $business, 'ACCOUNTS_READ' ], %wrong);
refused('PERMISSOES_PJ_INCORRETAS', [ $personal, 'ACCOUNTS_READ' ], %wrong);
refused('COMBINACAO_PERMISSOES_INCORRETA', [ $business, 'ACCOUNTS_READ' ],
        %wrong);
refused('DATA_EXPIRACAO_INVALIDA', [ $business ], %wrong);
refused('linked', [ $business ], %wrong, expirationDateTime => at(86400));
refused('INFORMACOES_PJ_NAO_INFORMADAS', [ $business, 'ACCOUNTS_READ' ],
        %wrong, businessEntity => undef);

# --- nothing of it was stored, whoever asked

is_deeply(rows_of(), [ 0, 0, 0 ], 'nothing is written');

done_testing();


sub refused {
    my ($code, $permissions, %data) = @_;

    my @list = (@$permissions, delete $data{bare} ? () : 'RESOURCES_READ');
    my $name = "$code: @$permissions"
               . (exists $data{expirationDateTime}
                  ? " $data{expirationDateTime}" : '');

    my $text = $texts{$code};
    $code = 'COMBINACAO_PERMISSOES_INCORRETA' if $code eq 'linked';

    is_refused(post($o, consent_body(expirationDateTime => undef,
                                     permissions => \@list, %data)),
               422, [ $code, @$text ], $name, 'POST /consents');
}
