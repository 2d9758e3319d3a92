#!/usr/bin/perl

# Copyright (C) oof authors

# Bad input of every kind, each with its exact status and body.  None of it
# ends a worker.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof;

my $few = free_port();

my $o = Test::Oof->start(
    log_level => 'notice',
    servers => <<"END",
    server {
        listen 127.0.0.1:$few;
        @{[ server_defaults() ]}
        oof_products loans;
        @{[ Test::Oof::location_defaults() ]}
    }
END
);

my @workers = $o->worker_pids;
my $post = "$Test::Oof::Api/consents";
my $one = "$post/urn:bank:" . new_uuid();
my %kinds;

binmode Test::More->builder->$_, ':utf8'
    for qw/ output failure_output todo_output /;

# the errors: code, title, detail

my %said = (
    certificate => [ 401, 'INVALID_CLIENT', 'Cliente não autenticado',
        'O certificado de cliente está ausente ou é inválido.' ],
    absent => [ 401, 'INVALID_CLIENT', 'Cliente não autenticado',
        'Certificado de cliente não apresentado.' ],
    issuer => [ 401, 'INVALID_CLIENT', 'Cliente não autenticado',
        'Certificado de cliente de emissor não aceito.' ],
    unreadable => [ 401, 'INVALID_CLIENT', 'Cliente não autenticado',
        'Certificado de cliente ilegível.' ],
    registered => [ 401, 'INVALID_CLIENT', 'Cliente não autenticado',
        'Cliente não registrado ou bloqueado.' ],
    organisation => [ 401, 'INVALID_CLIENT', 'Cliente não autenticado',
        'O certificado é de outra organização.' ],

    no_token => [ 401, 'UNAUTHORIZED', 'Não autorizado',
        'A requisição não traz um token de acesso.' ],
    token => [ 401, 'UNAUTHORIZED', 'Não autorizado',
        'O token de acesso é inválido.' ],
    expired => [ 401, 'UNAUTHORIZED', 'Não autorizado',
        'O token de acesso expirou.' ],
    bound => [ 401, 'UNAUTHORIZED', 'Não autorizado',
        'O token de acesso não está vinculado ao certificado apresentado.' ],
    grant => [ 401, 'UNAUTHORIZED', 'Não autorizado',
        'O token de acesso não é do tipo que este recurso exige.' ],
    scope => [ 403, 'FORBIDDEN', 'Acesso negado',
        'O token de acesso não tem o escopo exigido por este recurso.' ],

    interaction => [ 400, 'BAD_REQUEST', 'Cabeçalho inválido',
        'O cabeçalho x-fapi-interaction-id deve conter um UUID.' ],
    malformed => [ 400, 'BAD_REQUEST', 'Requisição inválida',
        'A requisição está malformada.' ],
    accept => [ 406, 'NOT_ACCEPTABLE', 'Formato não suportado',
        'O formato ou a codificação de caracteres não é suportado.' ],
    media => [ 415, 'UNSUPPORTED_MEDIA_TYPE', 'Tipo de conteúdo não suportado',
        'O Content-Type da requisição não é suportado.' ],
    method => [ 405, 'METHOD_NOT_ALLOWED', 'Método não permitido',
        'O método HTTP não é suportado por este recurso.' ],
    path => [ 404, 'NOT_FOUND', 'Recurso não encontrado',
        'O recurso solicitado não existe.' ],
    unknown => [ 404, 'NOT_FOUND', 'Consentimento não encontrado',
        'Não há consentimento com o consentId informado.' ],
    id => [ 400, 'PARAMETRO_INVALIDO', 'Parâmetro inválido',
        'O parâmetro consentId não tem o formato exigido.' ],

    headers => [ 431, 'REQUEST_HEADER_FIELDS_TOO_LARGE',
        'Cabeçalhos muito grandes',
        'Os cabeçalhos da requisição excedem o tamanho permitido.' ],
    uri => [ 414, 'URI_TOO_LONG', 'URI muito longa',
        'A URI da requisição excede o tamanho permitido.' ],
    large => [ 413, 'PAYLOAD_TOO_LARGE', 'Corpo da requisição muito grande',
        'O corpo da requisição excede o tamanho permitido.' ],
    no_body => [ 400, 'BAD_REQUEST', 'Corpo da requisição ausente',
        'A requisição deve conter um corpo.' ],
    json => [ 400, 'BAD_REQUEST', 'Corpo da requisição inválido',
        'O corpo da requisição não é um objeto JSON válido.' ],

    both => [ 422, 'PERMISSAO_PF_PJ_EM_CONJUNTO',
        'Permissões de pessoa natural e de pessoa jurídica em conjunto',
        'O pedido reúne permissões de dados cadastrais de pessoa natural e '
        . 'de pessoa jurídica, que não podem constar do mesmo '
        . 'consentimento.' ],
    personal => [ 422, 'PERMISSOES_PJ_INCORRETAS',
        'Permissões incorretas para pessoa jurídica',
        'O pedido identifica uma pessoa jurídica em businessEntity e inclui '
        . 'permissões de dados cadastrais de pessoa natural.' ],
    business => [ 422, 'INFORMACOES_PJ_NAO_INFORMADAS',
        'Informações da pessoa jurídica não informadas',
        'O pedido inclui permissões de dados cadastrais de pessoa jurídica '
        . 'e não informa businessEntity.' ],
    combination => [ 422, 'COMBINACAO_PERMISSOES_INCORRETA',
        'Combinação de permissões incorreta',
        'Cada permissão deve vir com todas as permissões de ao menos um dos '
        . 'agrupamentos a que pertence.' ],
    linked => [ 422, 'COMBINACAO_PERMISSOES_INCORRETA',
        'Combinação de permissões incorreta',
        'Um consentimento iniciado na Jornada Otimizada (isLinked) só pode '
        . 'ter as permissões do agrupamento de saldos de contas.' ],
    date => [ 422, 'DATA_EXPIRACAO_INVALIDA', 'Data de expiração inválida',
        'expirationDateTime deve ser uma data existente, posterior ao '
        . 'momento do pedido e dentro do prazo aceito pela instituição.' ],
);

my %what = (
    type => 'não tem o tipo esperado', size => 'não tem o tamanho permitido',
    form => 'não tem o formato exigido',
    enum => 'não tem um dos valores permitidos',
    twice => 'repete um valor já informado',
);


# --- who calls

is_said('no certificate', 'absent', GET => $one, cert => undef);
is_said('no certificate, TLS', 'certificate', GET => $one, via => 'tls',
        cert => undef, api => 0);
is_said('a wrong CA', 'certificate', GET => $one, via => 'tls',
        cert => 'other', api => 0);
is_said('a wrong CA in the header', 'issuer', GET => $one, cert => 'other');
is_said('a foreign issuing CA', 'issuer', GET => $one, via => 'tls',
        cert => 'foreign');
is_said('a revoked certificate', 'certificate', GET => $one, via => 'tls',
        cert => 'revoked', api => 0);
is_said('an expired certificate', 'certificate', GET => $one, via => 'tls',
        cert => 'expired', api => 0);
is_said('a header that is no certificate', 'unreadable', GET => $one,
        headers => { 'X-SSL-Client-Cert' => 'x' });
is_said('an unknown client', 'registered', GET => $one,
        token => token(claims => { client_id => 'nobody' }));
is_said('a client of another organisation', 'organisation', GET => $one,
        token => token(client => 'two', cert => 'one'));


# --- the token

is_said('no token', 'no_token', GET => $one, token => undef);
is_said('another scheme', 'no_token', GET => $one, token => undef,
        headers => { Authorization => 'Basic b25lOnR3bw==' });
is_said('an empty token', 'no_token', GET => $one, token => undef,
        headers => { Authorization => 'Bearer ' });
is_said('two Authorization headers', 'malformed', GET => $one, api => 0,
        headers => [ map { (Authorization => 'Bearer ' . token()) } 1, 2 ]);
is_said('a token that is none', 'token', GET => $one, token => 'x');
is_said('dots', 'token', GET => $one, token => '..');
is_said('many dots', 'token', GET => $one, token => '.' x 1000);
is_said('a token of 2048 letters', 'token', GET => $one, token => 'a' x 2041);
is_said('a token of 8000 letters', 'no_token', GET => $one,
        token => 'a' x 8000);
is_said('a token of another certificate', 'bound', GET => $one,
        token => token(cert => 'two'));
is_said('a token that is not bound', 'bound', GET => $one,
        token => token(claims => { cnf => undef }));
is_said('an expired token', 'expired', GET => $one, token => token(ttl => -60));
is_said('no expiry', 'token', GET => $one,
        token => token(claims => { exp => undef }));
is_said('an expiry that is text', 'token', GET => $one,
        token => token(claims => { exp => 'tomorrow' }));
is_said('another issuer', 'token', GET => $one,
        token => token(claims => { iss => 'https://other.oof.test' }));
is_said('another audience', 'token', GET => $one,
        token => token(claims => { aud => 'https://other.oof.test' }));
is_said("alg $_", 'token', GET => $one, token => token(alg => $_))
    for qw/ none HS256 RS256 /;
is_said('alg PS256 over an HS256 signature', 'token', GET => $one,
        token => token(alg => 'HS256', header => { alg => 'PS256' }));
is_said('a key that is in no set', 'token', GET => $one,
        token => token(key => 'stranger'));
is_said('that key under a known name', 'token', GET => $one,
        token => token(key => 'stranger', header => { kid => 'oof-signing' }));
is_said('no claims but "{}"', 'token', GET => $one,
        token => Test::Oof::sign_jwt({ alg => 'PS256', typ => 'at+jwt',
                                       kid => 'oof-signing' }, '{}', 'PS256',
                                     'signing'));
is_said('claims that are no object', 'token', GET => $one,
        token => Test::Oof::sign_jwt({ alg => 'PS256', typ => 'at+jwt',
                                       kid => 'oof-signing' }, '[1]', 'PS256',
                                     'signing'));
is_said('a changed token', 'token', GET => $one,
        token => token() =~ s/\.(...)/.$1x/r);
is_said('the wrong grant', 'grant', GET => $one,
        token => token(scope => 'openid consent:urn:bank:' . new_uuid()
                                . ' consents'));
is_said('another scope', 'scope', GET => $one,
        token => token(scope => 'payments'));
is_said('no scope', 'scope', GET => $one, token => token(scope => ''));
is_said('a scope that begins alike', 'scope', GET => $one,
        token => token(scope => 'consents2 xconsents'));


# --- headers

my $id = 'x-fapi-interaction-id';

is_said('no interaction id', 'interaction', GET => $one,
        headers => { $id => undef }, id => 'new');
is_said("interaction id $_->[0]", 'interaction', GET => $one,
        headers => { $id => $_->[1] }, id => 'new')
    for ['empty', ''], ['cut', substr new_uuid(), 1],
        ['too long', new_uuid() . '0'], ['of other letters', 'g' x 36],
        ['in braces', '{' . new_uuid() . '}'],
        ['of 1000 characters', new_uuid() x 28];
is_said('two interaction ids', 'interaction', GET => $one,
        headers => [ map { ($id => new_uuid()) } 1, 2 ], id => 'new');

is_said("Accept: $_", 'accept', GET => $one, headers => { Accept => $_ })
    for 'text/html', 'application/jwt', 'application/json;q=0', 'x';
is_said("Content-Type: $_", 'media', POST => $post, json => consent_body(),
        headers => { 'Content-Type' => $_ })
    for 'text/plain', 'application/jwt', 'application/jsonx', '',
        'application/x-www-form-urlencoded';
is_said('no Content-Type', 'media', POST => $post, json => consent_body(),
        headers => { 'Content-Type' => undef });
is_said('another charset', 'accept', POST => $post, json => consent_body(),
        headers => { 'Content-Type' => 'application/json; charset=utf-16' });

is($o->call(GET => $one, headers => { 'X-Big' => 'x' x $_ })->{status}, 404,
   "a header of $_ bytes passes") for 0, 1, 1000, 4000, 7000;
is_said("a header of $_ bytes", 'headers', GET => $one, early => 1,
        headers => { 'X-Big' => 'x' x $_ }) for 9000, 16384, 65536;
is_said('many headers of 1000 bytes', 'headers', GET => $one, early => 1,
        headers => [ map { ("X-$_" => 'x' x 1000) } 1 .. 64 ]);


# --- where to

is_said("method $_", 'method', $_ => $post, json => consent_body())
    for qw/ PUT PATCH DELETE FOO /;
is_said('a path that is none', 'path', GET => "$Test::Oof::Api/nothing");
is_said('a path outside', 'path', GET => '/nothing');
is_said('a path that climbs', 'path', GET => "$post/../../../etc/passwd",
        api => 0);
is_said('a trailing slash', 'path', POST => "$post/", json => consent_body());
is_said("a consent id: $_", 'id', GET => "$post/$_")
    for 'x', 'urn:bank', 'urn::x', 'urn:' . 'a' x 40 . ':x', 'urn:b_nk:x',
        'urn:bank:x%22', 'urn:bank:' . 'x' x 300;
is_said('an unknown consent', 'unknown', GET => $one);
is_said('an unknown consent, DELETE', 'unknown', DELETE => $one);
is_said('another namespace', 'unknown', GET => $one =~ s/urn:bank/urn:other/r);
is_said('a consent id that is no UUID', 'unknown', GET => "$post/urn:bank:x");
is_said('NUL in the path', 'malformed', GET => "$post/%00", early => 1);
is_said('a URI of 20000 bytes', 'uri', GET => "$one?" . 'x' x 20000,
        early => 1);


# --- bodies that are no document

my $good = json(consent_body());

is_said('no body', 'no_body', POST => $post,
        headers => { 'Content-Type' => 'application/json',
                     'Content-Length' => 0 });
is_said("a body: $_->[0]", 'json', POST => $post, body => $_->[1])
    for ['a space', ' '], ['words', 'hello'], ['[]', '[]'], ['null', 'null'],
        ['a string', '"x"'], ['a number', '1'], ['one byte more', "${good}x"],
        ['two documents', $good . $good], ['cut short', substr $good, 0, 99],
        ['not UTF-8', "{\"data\":\"\xff\xfe\"}"],
        ['UTF-8 cut short', "{\"data\":\"\xc3\"}"],
        ['UTF-8 too long', "{\"data\":\"\xc0\xaf\"}"],
        ['a surrogate in UTF-8', "{\"data\":\"\xed\xa0\x80\"}"],
        ['half a surrogate pair', '{"data":"\ud800"}'],
        ['a byte order mark', "\xef\xbb\xbf$good"],
        ['UTF-16', join '', map { "$_\0" } split //, $good],
        ['duplicate members', '{"data":{},"data":{}}'],
        ['duplicate members inside', '{"data":{"a":1,"\u0061":1}}'],
        ['NUL in a string', '{"data":"a\u0000b"}'],
        ['NUL in a name', '{"da\u0000ta":1}'],
        ['a raw NUL', "{\"data\":\"a\0b\"}"],
        ['a raw line end', "{\"data\":\"a\nb\"}"],
        ['arrays 10000 deep', '{"data":' . '[' x 10000 . ']' x 10000 . '}'],
        ['objects 10000 deep', '{"a":' x 10000 . '1' . '}' x 10000],
        ['10000 brackets', '[' x 10000], ['10000 braces', '{' x 10000],
        ['1e999', '{"data":1e999}'], ['-1e999', '{"data":-1e999}'],
        ['a number of 26 digits', '{"data":' . '9' x 26 . '}'],
        ['a number of 60000 digits', '{"data":' . '9' x 60000 . '}'],
        ['NaN', '{"data":NaN}'], ['01', '{"data":01}'],
        ['a comment', '{"data":/**/1}'], ['a comma too much', '{"data":1,}'],
        ['single quotes', "{'data':1}"];

my $fill = sub { '{"data":"' . 'x' x ($_[0] - 11) . '"}' };

is_said('a body of the limit', [ type => 'data' ], POST => $post,
        body => $fill->(65536));
is_said('a body of the limit and one', 'large', POST => $post,
        body => $fill->(65537));
is_said('a body of 1 MB', 'large', POST => $post, body => $fill->(1048576));


# --- documents that are not what they should be

is_said("a document: $_->[0]", $_->[1], POST => $post, body => $_->[2])
    for ['{}', [ missing => 'data' ], '{}'],
        ['data null', [ type => 'data' ], '{"data":null}'],
        ['data []', [ type => 'data' ], '{"data":[]}'];

is_said("a consent: $_->[0]", $_->[1], POST => $post,
        json => consent_body(@$_[2 .. $#$_]))
    for ['no permissions', [ missing => 'data.permissions' ],
         permissions => undef],
        ['no permission', [ size => 'data.permissions' ], permissions => []],
        ['a permission alone', [ type => 'data.permissions' ],
         permissions => 'ACCOUNTS_READ'],
        ['a number as permission', [ type => 'data.permissions[0]' ],
         permissions => [ 1 ]],
        ['null as permission', [ type => 'data.permissions[0]' ],
         permissions => [ undef ]],
        ['a permission that is none', [ enum => 'data.permissions[1]' ],
         permissions => [ qw/ RESOURCES_READ ACCOUNTS / ]],
        ['a permission in lower case', [ enum => 'data.permissions[0]' ],
         permissions => [ 'accounts_read' ]],
        ['a permission twice', [ twice => 'data.permissions[2]' ],
         permissions => [ qw/ ACCOUNTS_READ RESOURCES_READ ACCOUNTS_READ / ]],
        ['too many permissions', [ size => 'data.permissions' ],
         permissions => [ ('ACCOUNTS_READ') x 50 ]],
        ['nobody', [ missing => 'data.loggedUser' ], loggedUser => undef],
        ['no document', [ missing => 'data.loggedUser.document' ],
         loggedUser => {}],
        ['a CPF of 3 digits',
         [ form => 'data.loggedUser.document.identification' ],
         loggedUser => person('123')],
        ['a CPF that is a number',
         [ type => 'data.loggedUser.document.identification' ],
         loggedUser => person(12345678901)],
        ['a CPF of other digits',
         [ form => 'data.loggedUser.document.identification' ],
         loggedUser => person("\x{661}\x{662}345678901")],
        ['a CPF with a line end',
         [ form => 'data.loggedUser.document.identification' ],
         loggedUser => person("1234567890\n")],
        ['rel in lower case', [ form => 'data.loggedUser.document.rel' ],
         loggedUser => person('48847377765', 'cpf')],
        ['a CNPJ of one digit',
         [ form => 'data.businessEntity.document.identification' ],
         businessEntity => person('1', 'CNPJ')],
        ['isLinked as text', [ type => 'data.isLinked' ], isLinked => 'true'],
        ['a time with a fraction', [ size => 'data.expirationDateTime' ],
         expirationDateTime => '2090-01-01T00:00:00.000Z'],
        ['a time with an offset', [ size => 'data.expirationDateTime' ],
         expirationDateTime => '2090-01-01T00:00:00-03:00'],
        ['a time without Z', [ form => 'data.expirationDateTime' ],
         expirationDateTime => '2090-01-01T00:00:00'],
        ['month 13', [ form => 'data.expirationDateTime' ],
         expirationDateTime => '2090-13-01T00:00:00Z'],
        ['hour 24', [ form => 'data.expirationDateTime' ],
         expirationDateTime => '2090-01-01T24:00:00Z'],
        ['a time as a number', [ type => 'data.expirationDateTime' ],
         expirationDateTime => 2090],
        ['30 February', 'date', expirationDateTime => '2090-02-30T00:00:00Z'],
        ['a time in the past', 'date',
         expirationDateTime => '2020-01-01T00:00:00Z'];


# --- rules of permissions

my $company = { businessEntity => person('12345678000195', 'CNPJ') };

permissions('of persons and companies', 'both', {},
            qw/ CUSTOMERS_PERSONAL_IDENTIFICATIONS_READ
                CUSTOMERS_BUSINESS_IDENTIFICATIONS_READ RESOURCES_READ /);
permissions('of persons and companies, for a company', 'both', $company,
            qw/ CUSTOMERS_PERSONAL_ADITTIONALINFO_READ
                CUSTOMERS_BUSINESS_ADITTIONALINFO_READ RESOURCES_READ /);
permissions('of persons, for a company', 'personal', $company, $_,
            'RESOURCES_READ')
    for qw/ CUSTOMERS_PERSONAL_IDENTIFICATIONS_READ
            CUSTOMERS_PERSONAL_ADITTIONALINFO_READ /;
permissions('of companies, for a person', 'business', {}, $_, 'RESOURCES_READ')
    for qw/ CUSTOMERS_BUSINESS_IDENTIFICATIONS_READ
            CUSTOMERS_BUSINESS_ADITTIONALINFO_READ /;
permissions('RESOURCES_READ alone', 'combination', {}, 'RESOURCES_READ');
permissions('an optimised journey to more than balances', 'linked',
            { isLinked => JSON::PP::true },
            qw/ ACCOUNTS_READ ACCOUNTS_TRANSACTIONS_READ RESOURCES_READ /);

# each of the 13 groups, whole, and with each of its permissions left out

my $credit = join ' ', map {
    my $product = $_;
    map { "${product}_$_" } qw/ READ WARRANTIES_READ SCHEDULED_INSTALMENTS_READ
                                PAYMENTS_READ /
} qw/ LOANS FINANCINGS UNARRANGED_ACCOUNTS_OVERDRAFT INVOICE_FINANCINGS /;

my @groups = map { [ split ' ', "$_ RESOURCES_READ" ] }
    'CUSTOMERS_PERSONAL_IDENTIFICATIONS_READ',
    'CUSTOMERS_PERSONAL_ADITTIONALINFO_READ',
    'CUSTOMERS_BUSINESS_IDENTIFICATIONS_READ',
    'CUSTOMERS_BUSINESS_ADITTIONALINFO_READ',
    'ACCOUNTS_READ ACCOUNTS_BALANCES_READ',
    'ACCOUNTS_READ ACCOUNTS_OVERDRAFT_LIMITS_READ',
    'ACCOUNTS_READ ACCOUNTS_TRANSACTIONS_READ',
    'CREDIT_CARDS_ACCOUNTS_READ CREDIT_CARDS_ACCOUNTS_LIMITS_READ',
    'CREDIT_CARDS_ACCOUNTS_READ CREDIT_CARDS_ACCOUNTS_TRANSACTIONS_READ',
    'CREDIT_CARDS_ACCOUNTS_READ CREDIT_CARDS_ACCOUNTS_BILLS_READ'
        . ' CREDIT_CARDS_ACCOUNTS_BILLS_TRANSACTIONS_READ',
    $credit,
    'BANK_FIXED_INCOMES_READ CREDIT_FIXED_INCOMES_READ FUNDS_READ'
        . ' VARIABLE_INCOMES_READ TREASURE_TITLES_READ',
    'EXCHANGES_READ';

for my $i (0 .. $#groups) {
    my @group = @{ $groups[$i] };
    my $data = "@group" =~ /BUSINESS/ ? $company : {};
    my $name = 'group ' . ($i + 1);

    my $r = $o->call(POST => $post, json => consent_body(
                         %$data, permissions => \@group));
    is($r->{status}, 201, "$name: accepted") or diag($r->{body});

    for my $out (@group) {
        permissions("$name without $out", 'combination', $data,
                    grep { $_ ne $out } @group);
    }
}

{
    local $o->{port}{plain} = $few;

    is_said('no permission is left', [ 422,
            'SEM_PERMISSOES_FUNCIONAIS_RESTANTES' ], POST => $post,
            json => consent_body());
}


# --- and all is as before

is_deeply([ $o->worker_pids ], \@workers, 'the worker is the same');
is($o->call(POST => $post, json => consent_body())->{status}, 201,
   'and serves');
is((psql('SELECT count(*) FROM oof_consent'))[0][0], 14,
   'of all these nothing was written');
is((psql('SELECT count(*) FROM oof_event'))[0][0], 14, 'and no event');
unlike($o->log_text, qr/48847377765|12345678901|Bearer |eyJ/,
       'no document and no token in the log');
cmp_ok(scalar keys %kinds, '>', 20,
       scalar(keys %kinds) . ' kinds of bad input');

done_testing();


sub person {
    return { document => { identification => $_[0], rel => $_[1] // 'CPF' } };
}


sub permissions {
    my ($name, $said, $data, @list) = @_;

    is_said("permissions: $name", $said, POST => $post,
            json => consent_body(%$data, permissions => \@list));
}


# what is said: a name of %said, [ kind => member ], or [ status, code ]; id:
# "new" when the interaction id is not the caller's; api => 0: said before it
# is known which API was called; early: before the headers are known

sub is_said {
    my ($name, $said, $method, $path, %args) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $kinds{$name}++;

    my ($status, @error) = ref $said ? expected(@$said) : @{ $said{$said} };
    my $mine = new_uuid();
    my $id = delete $args{id} // 'mine';
    my $early = delete $args{early};
    my $api = delete $args{api} // 1;

    my @more = ref $args{headers} eq 'HASH' ? %{ $args{headers} }
                                            : @{ $args{headers} || [] };
    $args{headers} = [ $id eq 'mine' ? ('x-fapi-interaction-id' => $mine) : (),
                       @more ];

    my $r = $o->call($method => $path, %args);

    my @failed;
    my $error = $r->{json}{errors}[0] // {};
    my @got = @$error{qw/ code title detail /};
    my $h = $r->{headers};

    $#got = $#error;

    push @failed, "status $r->{status}, not $status" if $r->{status} != $status;
    push @failed, "is\n" . join("\n", map { $_ // 'undef' } @got) . "\nnot\n"
                  . join("\n", @error)
        if join("\n", map { $_ // '' } @got) ne join("\n", @error);
    push @failed, 'members: ' . join ' ', sort keys %{ $r->{json} || {} }
        if join(' ', sort keys %{ $r->{json} || {} }) ne 'errors meta';
    push @failed, 'not one error' if @{ $r->{json}{errors} || [] } != 1
                                     || keys %$error != 3;
    push @failed, 'meta' if ($r->{json}{meta}{requestDateTime} // '')
                            !~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/
                            || keys %{ $r->{json}{meta} } != 1;
    push @failed, 'Content-Type: ' . ($h->{'content-type'} // 'none')
        if ($h->{'content-type'} // '') ne 'application/json; charset=utf-8';
    push @failed, 'Date: ' . ($h->{date} // 'none')
        if ($h->{date} // '') !~ /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/;

    my $uuid = qr/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-
                   [0-9a-f]{12}$/x;
    my $echo = $h->{'x-fapi-interaction-id'} // 'none';

    push @failed, "interaction id $echo"
        if $id eq 'mine' && !$early ? $echo ne $mine : $echo !~ $uuid;
    push @failed, 'two interaction ids'
        if 1 != grep { $_->[0] eq 'x-fapi-interaction-id' } @{ $r->{list} };
    push @failed, 'x-v: ' . ($h->{'x-v'} // 'none')
        if $path =~ /^\Q$post\E/ && $api && !$early
           && ($h->{'x-v'} // '') ne '3.3.1';

    ok(!@failed, "$name: $status $error[0]")
        or diag(join "\n", @failed, $r->{body});
}


sub expected {
    my ($kind, $member) = @_;

    return ($kind, $member) if $kind =~ /^\d/;

    return (400, 'PARAMETRO_NAO_INFORMADO', 'Parâmetro não informado',
            "O campo $member é obrigatório e não foi informado.")
        if $kind eq 'missing';

    return (400, 'PARAMETRO_INVALIDO', 'Parâmetro inválido',
            "O campo $member $what{$kind}.");
}
