#!/usr/bin/perl

# Copyright (C) oof authors

# POST /consents whose document has not the form of the specification: 400, one
# error for each member that is wrong, at most 13 (spec 1.2; spec 7, 8, 10, 14).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Test::More;
use Test::Oof;
use Test::Oof::Consents;

my $o = Test::Oof->start();

my %what = (
    missing => [ 'PARAMETRO_NAO_INFORMADO', 'Parâmetro não informado',
                 'O campo %s é obrigatório e não foi informado.' ],
    type => [ 'PARAMETRO_INVALIDO', 'Parâmetro inválido',
              'O campo %s não tem o tipo esperado.' ],
    size => [ 'PARAMETRO_INVALIDO', 'Parâmetro inválido',
              'O campo %s não tem o tamanho permitido.' ],
    form => [ 'PARAMETRO_INVALIDO', 'Parâmetro inválido',
              'O campo %s não tem o formato exigido.' ],
    value => [ 'PARAMETRO_INVALIDO', 'Parâmetro inválido',
               'O campo %s não tem um dos valores permitidos.' ],
    twice => [ 'PARAMETRO_INVALIDO', 'Parâmetro inválido',
               'O campo %s repete um valor já informado.' ],
);

my $null = 'null, unquoted';

my @good = qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ RESOURCES_READ /;


# --- one member, a value that is wrong, what is told of it

my $user = 'data.loggedUser.document';
my $entity = 'data.businessEntity.document';

my @cases = (
    [ missing => 'data', '{}' ],
    [ type => 'data', '{"data":null}' ],
    [ type => 'data', '{"data":[]}' ],
    [ type => 'data', '{"data":"x"}' ],

    [ missing => 'data.loggedUser', loggedUser => undef ],
    [ type => 'data.loggedUser', loggedUser => $null ],
    [ type => 'data.loggedUser', loggedUser => [ ] ],
    [ type => 'data.loggedUser', loggedUser => '48847377765' ],
    [ missing => $user, loggedUser => {} ],
    [ type => $user, loggedUser => { document => 1 } ],
    [ missing => "$user.identification", user(rel => 'CPF') ],
    [ type => "$user.identification",
      user(identification => 48847377765, rel => 'CPF') ],
    [ form => "$user.identification",
      user(identification => '4884737776', rel => 'CPF') ],
    [ form => "$user.identification",
      user(identification => '', rel => 'CPF') ],
    [ size => "$user.identification",
      user(identification => '488473777650', rel => 'CPF') ],
    [ form => "$user.identification",
      user(identification => '4884737776a', rel => 'CPF') ],
    [ form => "$user.identification",
      user(identification => "4884737776\n", rel => 'CPF') ],
    [ missing => "$user.rel", user(identification => '48847377765') ],
    [ form => "$user.rel",
      user(identification => '48847377765', rel => 'cpf') ],
    [ form => "$user.rel",
      user(identification => '48847377765', rel => 'CP') ],
    [ size => "$user.rel",
      user(identification => '48847377765', rel => 'CNPJ') ],

    [ type => 'data.businessEntity', businessEntity => $null ],
    [ type => 'data.businessEntity', businessEntity => 'x' ],
    [ missing => $entity, businessEntity => {} ],
    [ missing => "$entity.identification", entity(rel => 'CNPJ') ],
    [ form => "$entity.identification",
      entity(identification => '1111111100019', rel => 'CNPJ') ],
    [ form => "$entity.identification",
      entity(identification => '1111111100019A', rel => 'CNPJ') ],
    [ form => "$entity.identification",
      entity(identification => 'aaaaaaaaaaaa91', rel => 'CNPJ') ],
    [ size => "$entity.identification",
      entity(identification => '111111110001911', rel => 'CNPJ') ],
    [ missing => "$entity.rel", entity(identification => '11111111000191') ],
    [ form => "$entity.rel",
      entity(identification => '11111111000191', rel => 'CPF') ],
    [ form => "$entity.rel",
      entity(identification => '11111111000191', rel => 'CNP1') ],

    [ missing => 'data.permissions', permissions => undef ],
    [ type => 'data.permissions', permissions => $null ],
    [ type => 'data.permissions', permissions => 'ACCOUNTS_READ' ],
    [ type => 'data.permissions', permissions => {} ],
    [ size => 'data.permissions', permissions => [] ],
    [ size => 'data.permissions', permissions => [ ('ACCOUNTS_READ') x 37 ] ],
    [ value => 'data.permissions[3]', permissions => [ @good, 'PAY_READ' ] ],
    [ value => 'data.permissions[0]',
      permissions => [ 'accounts_read', @good ] ],
    [ value => 'data.permissions[3]', permissions => [ @good, '' ] ],
    [ value => 'data.permissions[3]',
      permissions => [ @good, 'CUSTOMERS_PERSONAL_ADDITIONALINFO_READ' ] ],
    [ type => 'data.permissions[1]', permissions => [ 'FUNDS_READ', 1 ] ],
    [ type => 'data.permissions[0]', permissions => [ $null ] ],
    [ twice => 'data.permissions[3]',
      permissions => [ @good, 'ACCOUNTS_READ' ] ],

    [ type => 'data.expirationDateTime',
      expirationDateTime => $null ],
    [ type => 'data.expirationDateTime', expirationDateTime => 1800000000 ],
    [ form => 'data.expirationDateTime', expirationDateTime => '' ],
    (map { [ form => 'data.expirationDateTime', expirationDateTime => $_ ] }
         '2099-05-21', '2099-05-21T08:30:00', '2099-05-21 08:30:00Z',
         '2099-05-21t08:30:00Z', '2099-05-21T08:30:00z', '2099-13-21T08:30:00Z',
         '2099-00-21T08:30:00Z', '2099-05-32T08:30:00Z', '2099-05-00T08:30:00Z',
         '2099-05-21T24:00:00Z', '2099-05-21T08:60:00Z', '2099-05-21T08:30:60Z',
         '99-05-21T08:30:00Z', '2099-5-21T8:30:00Z', 'tomorrow'),
    (map { [ size => 'data.expirationDateTime', expirationDateTime => $_ ] }
         '2099-05-21T08:30:00.000Z', '2099-05-21T08:30:00+00:00',
         '2099-05-21T08:30:00-03:00', '12099-05-21T08:30:00Z'),

    [ type => 'data.isLinked', isLinked => 'true' ],
    [ type => 'data.isLinked', isLinked => 1 ],
    [ type => 'data.isLinked', isLinked => $null ],
);

for my $case (@cases) {
    my ($what, $member, @body) = @$case;

    my $body = @body == 1 ? $body[0] : body(@body);

    is_refused(post($o, $body), 400, told($what, $member),
               "$what: $member", 'POST /consents');
}


# --- several at once, in the order of the specification

is_refused(post($o, body(user(identification => '1', rel => 'x'),
                         permissions => [ 'A', 'FUNDS_READ', 'FUNDS_READ' ],
                         expirationDateTime => 'x', isLinked => 'x')),
           400,
           [ told(form => "$user.identification"), told(form => "$user.rel"),
             told(value => 'data.permissions[0]'),
             told(twice => 'data.permissions[2]'),
             told(form => 'data.expirationDateTime'),
             told(type => 'data.isLinked') ],
           'several at once', 'POST /consents');

is_refused(post($o, body(loggedUser => undef,
                         permissions => [ map { "X$_" } 1 .. 30 ])),
           400,
           [ told(missing => 'data.loggedUser'),
             map { told(value => "data.permissions[$_]") } 0 .. 11 ],
           'no more than 13', 'POST /consents');

# a day that does not exist is a rule's, and is not told beside a wrong form

is_refused(post($o, body(expirationDateTime => '2099-02-30T00:00:00Z',
                         isLinked => 'x')), 400,
           told(type => 'data.isLinked'), 'no such day, and a wrong form',
           'POST /consents');

# the form comes before the rules

is_refused(post($o, body(permissions => [ 'ACCOUNTS_READ' ],
                         isLinked => 'x')), 400,
           told(type => 'data.isLinked'), 'a broken rule, and a wrong form',
           'POST /consents');


# --- what is no JSON document at all

for my $text ('{', '[]', '"x"', 'null', '{"data":{}} x',
              "{\"data\":{\"a\":\0}}",
              '{"data":{"isLinked":true,"isLinked":true}}', "\xef\xbb\xbf{}",
              "{\"data\":\"\xff\"}", '{"data":"\u0000"}',
              '{"data":' x 20 . '1' . '}' x 20, '{"data":1e400}')
{
    my $r = post($o, $text);

    is($r->{status}, 400, 'not JSON: ' . substr(Test::Oof::json($text), 0, 60))
        or diag($r->{body});
    is(scalar @{ $r->{json}{errors} || [] }, 1, 'one error');
    schema_ok('consents-v3 POST /consents', $r);
}

is_deeply(rows_of(), [ 0, 0, 0 ], 'nothing is written');

unlike($o->log_text, qr/4884737776/, 'no document in the log');

done_testing();


sub body {
    return Test::Oof::json(consent_body(expirationDateTime => undef, @_))
               =~ s/"$null"/null/gr;
}


sub user { (loggedUser => { document => { @_ } }) }


sub entity { (businessEntity => { document => { @_ } }) }


sub told {
    my ($what, $member) = @_;

    my ($code, $title, $detail) = @{ $what{$what} };

    return [ $code, $title, sprintf $detail, $member ];
}
