#!/usr/bin/perl

# Copyright (C) oof authors

# What the bank keeps with a consent by the consent management API: search keys
# and the lists by them, metadata, the webhook's switch; and the operations of
# products that are not here.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents qw/ at history /;
use Test::Oof::Journey qw/ bank $Ana $Bruno $Carla $Davi @Bakery /;
use Test::Oof::Bank;

my $o = bank_side();
my $own = '/consents/v1/consents/{consentId}';
my ($key, $keys, $meta) = map { "$own/$_" } 'search-key/{searchKey}',
                              qw/ search-keys meta-data /;
my ($toggle, $status) = map { "/v1/webhook/$_/{consentId}" }
                        qw/ toggle status /;
my %json = ('Content-Type' => 'application/json');
my ($id, $r);

my @bad = (400, 'PARAMETRO_INVALIDO', 'Parâmetro inválido');
my @unset = (400, 'PARAMETRO_NAO_INFORMADO', 'Parâmetro não informado');
my @unknown = (404, 'NOT_FOUND', 'Consentimento não encontrado',
               'Não há consentimento com o consentId informado.');

my ($first, $second, $third) = map { backdated(in_state($o,
    'AWAITING_AUTHORISATION', cpf => $_->[0]), $_->[1]) }
    [ $Ana, 300 ], [ $Ana, 200 ], [ $Bruno, 100 ];
my %name = ($first => 'first', $second => 'second', $third => 'third');

sub done { $_[0]{status} . ' ' . $_[0]{body} }

sub add { ask($o, 'POST', $key, id => $_[0], key => enc($_[1]), @_[2 .. $#_]) }

sub drop { ask($o, 'DELETE', $key, id => $_[0], key => enc($_[1]),
               @_[2 .. $#_]) }

sub has {
    my $r = ask($o, 'GET', $key, id => $_[0], key => enc($_[1]), @_[2 .. $#_]);
    return $r->{status} == 200 ? $r->{json}{data}{exists} : said($r);
}

sub add_all { ask($o, 'POST', $keys, id => $_[0], json => $_[1],
                  @_[2 .. $#_]) }

sub by {
    my ($query, %args) = @_;

    return join ' ', map { $name{$_} // $_ } split / /,
                     listed($o, $query, %args) =~ s/^\d+ ?//r;
}


# --- search keys, one at a time

is(has($first, 'loja=17'), 0, 'a key that there is not');
is(done(add($first, 'loja=17')), '204 ', 'added');
is(has($first, 'loja=17'), 1, 'is there');
is(has($second, 'loja=17'), 0, 'in that consent alone');
is(has($first, 'Loja=17'), 0, 'and as it is written');
is(done(add($first, 'loja=17')), '204 ', 'twice is no matter');
is(done(add("urn:bank:$third", 'loja=17')), '204 ', 'by URN');
is(done(add($second, 'conta 123 é')), '204 ', 'a space and an accent');
is(has($second, 'conta 123 é'), 1, 'are part of it');

$r = ask($o, 'GET', $key, id => $first, key => 'loja%3D17');
is($r->{body}, '{"data":{"searchKey":"loja=17","exists":true}}',
   'the whole answer');


# --- lists by them

is(by('searchKey=loja%3D17'), 'third first', 'a list by a key');
is(by('searchKey=loja%3D17&orderType=ASC'), 'first third', 'in its order');
is(by('searchKeys=' . enc('loja=17,conta 123 é')), 'third second first',
   'by any of several');
is(by("searchKey=loja%3D17&cpf=$Ana"), 'first', 'with an owner');
is(by('searchKey=loja%3D17&status=REJECTED'), '', 'with a state');
is(by('searchKey=unknown'), '', 'by one that nothing has');
is(by('searchKey=loja%3D17', customer => $Bruno), 'third',
   'a customer\'s token sees that customer\'s');

# the owner as the bank identifies him

is(done(add($first, 'agencia=0001;conta=12345')), '204 ', 'agency and account');
is(by('consentOwner=' . enc('[{"key":"conta","value":"12345"},'
      . '{"key":"agencia","value":"0001"}]')), 'first', 'by the owner');
is(by('consentOwner=' . enc(qq([{"key":"cpf","value":"$Ana"},)
      . '{"key":"agencia","value":"0001"},{"key":"conta","value":"12345"}]')),
   'first', 'and his CPF');
is(by('consentOwner=' . enc(qq([{"key":"cpf","value":"$Bruno"},)
      . '{"key":"agencia","value":"0001"},{"key":"conta","value":"12345"}]')),
   '', 'of another CPF');
is(by('consentOwner=' . enc('[{"key":"agencia","value":"0001"}]')), '',
   'half of it is another');


# --- many at once

is(done(add_all($second, [ 'a', 'b', 'a', 'c' ])), '204 ', 'several');

sub which {
    my $r = ask($o, 'GET', $keys, id => $_[0], query => $_[1]);
    return said($r) if $r->{status} != 200;
    return join ' ', map { "$_->{searchKey}=" . ($_->{exists} ? 1 : 0) }
                     @{ $r->{json}{data} };
}

is(which($second, 'searchKeys=a&searchKeys=x&searchKeys=c'), 'a=1 x=0 c=1',
   'each of them is told of');
is(which($second, 'searchKeys=c,a&other=1&searchKeys=x'), 'c=1 a=1 x=0',
   'with commas too');
$r = ask($o, 'GET', $keys, id => $second, query => 'searchKeys=b');
is($r->{body}, '{"data":[{"searchKey":"b","exists":true}]}',
   'the whole answer of several');

is(done(ask($o, 'DELETE', $keys, id => $second,
            query => 'searchKeys=a&searchKeys=x,c')), '204 ',
   'several are taken away');
is(which($second, 'searchKeys=a,b,c'), 'a=0 b=1 c=0', 'those alone');
is(done(drop($second, 'b')), '204 ', 'one is taken away');
is(done(drop($second, 'b')), '204 ', 'twice is no matter');
is(has($second, 'b'), 0, 'it is gone');
is(by('searchKey=b'), '', 'from the lists too');

# up to a thousand

psql('INSERT INTO oof_consent_search_key (consent_id, creation, brand,'
     . " key_hmac) SELECT consent_id, creation, brand, decode(lpad(to_hex(n),"
     . " 64, '0'), 'hex') FROM oof_consent, generate_series(1, 998) n WHERE"
     . " consent_id = '$third'");
is(done(add($third, 'the last one')), '204 ', 'as many as there may be');
refused_as(add($third, 'one more'), 422, 'LIMITE_EXCEDIDO', 'Limite excedido',
           'O consentimento teria chaves de busca demais.', 'one more');
is(done(add($third, 'the last one')), '204 ', 'one that it has already');
is(has($third, 'one more'), 0, 'one more: nothing is written');

# a key is bytes that are looked up, and are told to nobody

my $rows = join ' ', map { "@$_" }
    psql("SELECT encode(key_hmac, 'escape'), brand FROM"
         . ' oof_consent_search_key');
unlike($rows, qr/loja|conta|agencia/, 'nothing of a key is in the database');
is(scalar(history($first)), 1, 'they are no change of the consent');


# --- metadata

sub put { ask($o, 'PUT', $meta, id => $_[0], json => { data => $_[1] },
              @_[2 .. $#_]) }

sub patch { ask($o, 'PATCH', $meta, id => $_[0], json => { data => $_[1] },
                @_[2 .. $#_]) }

sub meta {
    my $r = ask($o, 'GET', $meta, id => $_[0], @_[1 .. $#_]);
    return $r->{status} == 200 ? $r->{json}{data} : said($r);
}

my @none = (404, 'NOT_FOUND', 'Metadados não encontrados',
            'O consentimento não tem metadados.');

refused_as(ask($o, 'GET', $meta, id => $first), @none, 'none yet');
is(done(put($first, '{"a": 1, "b":{"c":"é","d":[1,2]}}')), '204 ', 'put');
is(meta($first), '{"a": 1, "b":{"c":"é","d":[1,2]}}', 'as it was put');
is(ask($o, 'GET', $meta, id => $first)->{body} =~ /^\{"data":"[^}]/ ? 1 : 0, 1,
   'the answer is the text alone');
is(meta($second), '404 NOT_FOUND', 'of that consent alone');
is(done(put($first, '{"x":"y"}')), '204 ', 'put again');
is(meta($first), '{"x":"y"}', 'replaces');

is(done(patch($first, '{"a":{"b":1,"c":2},"n":1.10}')), '204 ', 'patch');
is(meta($first), '{"x":"y","a":{"b":1,"c":2},"n":1.1}', 'merges');
is(done(patch($first, '{"x":null,"a":{"b":null,"d":[1]},"z":"q"}')), '204 ',
   'patch again');
is(meta($first), '{"a":{"c":2,"d":[1]},"n":1.1,"z":"q"}',
   'null takes away, objects merge, others replace');
is(done(patch($first, '{"a":1}')), '204 ', 'an object by a number');
is(done(patch($first, '{"z":{"new":{"deep":null,"er":true}}}')), '204 ',
   'a word by an object');
is(meta($first), '{"a":1,"n":1.1,"z":{"new":{"er":true}}}', 'as RFC 7396');

is(done(ask($o, 'DELETE', $meta, id => $first)), '204 ', 'delete');
refused_as(ask($o, 'GET', $meta, id => $first), @none, 'there is none again');
is(done(ask($o, 'DELETE', $meta, id => $first)), '204 ', 'delete again');
is((psql('SELECT length(personal) FROM oof_consent_metadata WHERE'
         . " consent_id = '$first'"))[0][0], 0, 'nothing of it is left');
is(done(patch($first, '{"a":1}')), '204 ', 'patch where there is none');
is(meta($first), '{"a":1}', 'makes it');
is(done(patch($second, '{}')), '204 ', 'patch of nothing, of nothing');
is(meta($second), '{}', 'is empty, but there');

unlike(join(' ', map { "@$_" }
            psql("SELECT encode(personal, 'escape') FROM"
                 . ' oof_consent_metadata')), qr/"[abnxz]":|null/,
       'metadata is sealed');

# it does not grow for ever

my $text = '{"k":"' . 'x' x 40000 . '"}';
is(done(put($first, $text)), '204 ', 'a large one');
refused_as(patch($first, '{"l":"' . 'x' x 30000 . '"}'), 422,
           'LIMITE_EXCEDIDO', 'Limite excedido',
           'O consentimento teria metadados demais.', 'too much of it');
is(meta($first), $text, 'too much of it: nothing is written');
is(put($first, '{"k":"' . 'x' x 70000 . '"}')->{status}, 413,
   'more than a body may have');

# changes at the same time: none is lost

is(done(put($first, '{}')), '204 ', 'empty');

my @pids = map {
    my $n = $_;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my $r = bank($o, 'PATCH', $Bank . ($meta =~ s/\{.*?\}/$first/r),
                     scope => $Write,
                     json => { data => qq({"n$n":$n}) });
        POSIX::_exit($r->{status} == 204 ? 0 : $r->{status} == 503 ? 2 : 1);
    }
    $pid;
} 1 .. 8;
my %ends;
waitpid($_, 0), $ends{ $? >> 8 }++ for @pids;
is($ends{1} // 0, 0, 'at the same time: each has an answer that it may have');
is(scalar(() = meta($first) =~ /"n\d"/g), $ends{0} // 0,
   'at the same time: what was answered with 204 is there');

for my $case (
    [ {}, @unset, 'O campo data é obrigatório e não foi informado.' ],
    [ { data => {} }, @bad, 'O campo data não tem o tipo esperado.' ],
    map { [ { data => $_ }, @bad, 'O campo data não é um objeto JSON em'
            . ' texto.' ] }
        '', 'x', '[]', '1', '{"a":1,"a":2}', '{"a":1} x', '{"a":"\u0000"}',
        '{"a":' x 20 . '1' . '}' x 20
) {
    my ($body, @want) = @$case;

    for (qw/ PUT PATCH /) {
        refused_as(ask($o, $_, $meta, id => $first, json => $body), @want,
                   "$_: $want[3]");
    }
}


# --- the webhook's switch

sub active {
    my $r = ask($o, 'GET', $status, id => $_[0], @_[1 .. $#_]);
    return $r->{status} == 200 ? $r->{body} : said($r);
}

sub turn { ask($o, 'PATCH', $toggle, id => $_[0], json => { active => $_[1]
               ? JSON::PP::true() : JSON::PP::false() }, @_[2 .. $#_]) }

is(active($first), '{"active":false}', 'off unless it is said');
is(done(turn($first, 1)), '204 ', 'on');
is(active($first), '{"active":true}', 'is on');
is(active($second), '{"active":false}', 'of that consent alone');
is(done(turn($first, 1)), '204 ', 'on again');
is(done(turn($first, 0)), '204 ', 'off');
is(active($first), '{"active":false}', 'is off');

refused_as(ask($o, 'PATCH', $toggle, id => $first, json => {}), @unset,
           'O campo active é obrigatório e não foi informado.', 'no active');
refused_as(ask($o, 'PATCH', $toggle, id => $first, json => { active => $_ }),
           @bad, 'O campo active não tem o tipo esperado.', "active \"$_\"")
    for 'true', 1;


# --- what is refused of all of them

my @calls = (
    [ POST => $key, { key => 'k' } ], [ GET => $key, { key => 'k' } ],
    [ DELETE => $key, { key => 'k' } ],
    [ POST => $keys, { json => [ 'k' ] } ],
    [ GET => $keys, { query => 'searchKeys=k' } ],
    [ DELETE => $keys, { query => 'searchKeys=k' } ],
    [ PUT => $meta, { json => { data => '{}' } } ],
    [ PATCH => $meta, { json => { data => '{}' } } ],
    [ GET => $meta, {} ], [ DELETE => $meta, {} ],
    [ PATCH => $toggle, { json => { active => JSON::PP::true() } } ],
    [ GET => $status, {} ],
);

my $joint = in_state($o, 'AUTHORISED', cpf => $Carla);

for my $case (@calls) {
    my ($method, $path, $more) = @$case;
    my $name = "$method $path";
    my $call = sub { my ($id, %args) = @_;
                     ask($o, $method, $path, id => $id, %$more, %args) };
    my $write = $method ne 'GET';

    refused_as($call->(new_uuid()), @unknown, "$name: unknown");
    is(said($call->('x')), '400 PARAMETRO_INVALIDO', "$name: no id");
    is(said($call->($first, scope => $write ? 'oob_consents:read' : $Write)),
       '403 FORBIDDEN', "$name: another scope");
    is($call->($first, token => undef)->{status}, 401, "$name: no token");
    refused_as($call->($first, customer => $Bruno), @unknown,
               "$name: another customer");
    like($call->($first, customer => $Ana)->{status}, qr/^20[04]$/,
         "$name: that customer");

    my $other = $call->($joint, customer => $Davi);
    $write ? is(said($other), '403 FORBIDDEN', "$name: who must agree")
           : unlike($other->{status}, qr/^403$/, "$name: who must agree");

    psql("UPDATE oof_consent SET brand = 'second' WHERE consent_id ="
         . " '$first'");
    refused_as($call->($first, headers => { 'X-Brand-ID' => 'second' }),
               @unknown, "$name: another brand's");
    psql("UPDATE oof_consent SET brand = 'bank' WHERE consent_id = '$first'");
}

for my $case (@calls[3, 6, 7, 10]) {
    my ($method, $path) = @$case;

    is(said(ask($o, $method, $path, id => $first, body => $_, name => 'JSON',
                headers => \%json)), '400 BAD_REQUEST',
       "$method $path: bad JSON") for '', '{', "{\"a\":\"\0\"}", '"x"', 'x';
    is(ask($o, $method, $path, id => $first, body => 'x', name => 'type',
           headers => { 'Content-Type' => 'text/plain' })->{status}, 415,
       "$method $path: another media type");
}

for my $long ('x' x 256, 'a,b', "a\x07b") {
    refused_as(add($first, $long), @bad,
               'O parâmetro searchKey não tem o formato exigido.',
               'searchKey ' . substr $long, 0, 5);
}

my $array = 'Corpo da requisição inválido';
refused_as(ask($o, 'POST', $keys, id => $first, body => $_, name => $_,
               headers => \%json), 400, 'BAD_REQUEST', $array,
           'O corpo da requisição não é um array JSON válido.', "body $_")
    for '{}', '["a"],"b":[1]', '["a"]}', 'null';

for my $case ([ [], 'O corpo da requisição não tem o tamanho permitido.' ],
              [ [ 1 .. 101 ],
                'O corpo da requisição não tem o tamanho permitido.' ],
              [ [ 'a', 1 ],
                'Uma chave de busca não tem o tipo esperado.' ],
              map { [ [ 'a', $_ ],
                      'Uma chave de busca não tem o formato exigido.' ] }
                  '', 'a,b', 'x' x 256, "a\nb") {
    refused_as(add_all($first, $case->[0]), @bad, $case->[1], 'an array');
}
is(has($first, 'a'), 0, 'a bad one among them: none is added');

for my $method (qw/ GET DELETE /) {
    refused_as(ask($o, $method, $keys, id => $first, query => $_), @unset,
               'O parâmetro searchKeys é obrigatório e não foi informado.',
               "$method: none") for undef, 'searchkeys=a';
    refused_as(ask($o, $method, $keys, id => $first, query => "searchKeys=$_"),
               @bad, 'O parâmetro searchKeys não tem o formato exigido.',
               "$method: bad") for '', 'a,,b', 'x' x 256,
                                   join ',', 1 .. 101;
}


# --- another session holds the row

for my $call (sub { add($first, 'held') }, sub { drop($first, 'held') },
              sub { put($first, '{"held":1}') }, sub { turn($first, 1) }) {
    my $lock = Test::Oof::Postgres::session(database_dsn());
    $lock->run("BEGIN; SELECT 1 FROM oof_consent WHERE consent_id = '$first'"
               . ' FOR UPDATE');
    $lock->send('SELECT pg_sleep(0.2); COMMIT');
    is(done($call->()), '204 ', 'a held row is waited for');
}
is(meta($first), '{"held":1}', 'and written');


# --- operations of products that are not here: the text's error, whatever
# they are asked

my @absent = (404, 'NOT_FOUND', 'Recurso não encontrado', 'Esta instalação'
              . ' não tem o produto a que a operação se refere.');

for my $case ([ PATCH => '/automatic-payments/v1/recurring-consents/'
                         . '{recurringConsentId}' ],
              [ PATCH => '/enrollments/v1/enrollments/{enrollmentId}' ],
              [ PATCH => '/enrollments/v1/enrollments/{enrollmentId}/edit' ],
              [ PATCH => '/v1/portabilities/{portabilityId}/status' ]) {
    my ($method, $path) = @$case;
    my %args = (id => $first);

    $args{json} = {} if $method ne 'GET';

    refused_as(ask($o, $method, $path, %args), @absent, "$method $path");
    is(said(ask($o, $method, $path, %args, scope => 'oof_journey')),
       '403 FORBIDDEN', "$method $path: another scope");
}

unlike($o->log_text, qr/\b(?:$Ana|$Bruno|$Carla)\b/,
       'nothing personal in a log');

done_testing();
