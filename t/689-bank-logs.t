#!/usr/bin/perl

# Copyright (C) oof authors

# Calls of the bank's side name people in queries and paths: no log does, not
# even where something goes wrong.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof;
use Test::Oof::Journey qw/ bank $Ana @Bakery /;
use Test::Oof::Bank;

my $file = "$Test::Oof::Dir/product.log";
my $o = bank_side(log_level => 'info', http => <<"END",
    include $Test::Oof::Root/conf/include/log.conf;
END
    management_server => "access_log $file oof;");

my $id = in_state($o, 'AUTHORISED');
my $own = '/consents/v1/consents/{consentId}';
my %json = ('Content-Type' => 'application/json');
my $cnpj = $Bakery[3];

# sealed for another row, and not sealed: whoever opens them fails

my $broken = in_state($o, 'AUTHORISED');
psql("UPDATE oof_consent SET personal = (SELECT personal FROM oof_consent WHERE"
     . " consent_id = '$id') WHERE consent_id = '$broken'");
psql('INSERT INTO oof_consent_metadata (consent_id, changed, version, brand,'
     . " personal) VALUES ('$id', now(), 1, 'bank', 'x')");

# method, path, words, status

my @calls = (
    [ GET => '/v1/consents', { query => "cpf=$Ana" }, 200 ],
    [ GET => '/v1/consents', { query => "cpf=$Ana", token => 'x.y.z' }, 401 ],
    [ GET => '/v1/consents', { query => "cnpj=$cnpj", scope => 'x' }, 403 ],
    [ GET => '/v1/consents', { query => "searchKey=$Ana%0a" }, 400 ],
    [ GET => '/consents/v2/active', { query => "cpf=$Ana&page-size=2" }, 500 ],
    [ POST => "$own/search-key/{searchKey}", { id => $id, key => $Ana }, 204 ],
    [ POST => "$own/search-key/{searchKey}", { id => $id, key => $Ana,
                                               token => 'x' }, 401 ],
    [ POST => "$own/search-key/{searchKey}", { id => $broken, key => $Ana },
      500 ],
    [ DELETE => "$own/search-keys", { id => $broken,
                                      query => "searchKeys=$Ana" }, 500 ],
    [ GET => "$own/meta-data", { id => $id, query => "cpf=$Ana" }, 500 ],
    [ POST => "$own/search-keys", { id => $id, query => "x=$Ana", body => '{',
                                    headers => \%json }, 400 ],
    [ PATCH => '/v1/webhook/toggle/{consentId}', { id => $id,
          query => "cpf=$Ana", body => '{', headers => \%json }, 400 ],
);

# what nginx refuses before it is looked at

my @refused = (
    [ POST => "$own/search-key/{searchKey}", { id => $id, key => $Ana,
          body => ' ' x 70_000, headers => \%json }, 413 ],
    [ PATCH => '/v1/webhook/toggle/{consentId}', { id => $id,
          query => "cpf=$Ana", body => ' ' x 70_000, headers => \%json }, 413 ],
);

for my $call (@calls, @refused) {
    my ($method, $path, $words, $status) = @$call;
    my $r = ask($o, $method, $path, %$words, name => "$method $path");

    is($r->{status}, $status, "$method $path: $status") or diag($r->{body});
}

is(bank($o, 'GET', "$Bank/v1/consents/$Ana/x?cpf=$Ana",
        scope => 'oob_consents:read')->{status}, 404, 'no such path');


# --- the error log tells the route and the consent, and nothing of a person

my $text;

wait_for(sub { ($text = $o->log_text) =~ m{webhook/toggle/\{consentId\}} }, 10,
         'the error log');
like($text, qr/too large body.*, request: "POST $Bank"/,
     'it tells of a body that is too large');
unlike($text, qr/$Ana|$cnpj/, 'the error log names nobody');

for my $line (qr{"GET $Bank/v1/consents"},
              qr{"POST $Bank\Q$own\E/search-key/\{searchKey\}"},
              qr{"GET $Bank\Q$own\E/meta-data", consent: "urn:bank:$id"},
              qr{"PATCH $Bank/v1/webhook/toggle/\{consentId\}"}) {
    like($text, qr/server: \S*, request: $line/, "it tells of $line");
}


# --- the product's own format

wait_for(sub { Test::Oof::slurp($file) =~ /"status":"404"/ }, 10, 'the log');

my @lines = map { JSON::PP::decode_json($_) }
            split /\n/, Test::Oof::slurp($file);

unlike(Test::Oof::slurp($file), qr/$Ana|$cnpj/, 'the access log names nobody');

for my $call (@calls) {
    my ($method, $path, undef, $status) = @$call;

    ok((grep { $_->{method} eq $method && $_->{path} eq "$Bank$path"
               && $_->{status} == $status } @lines),
       "it has $method $path: $status");
}

ok((grep { $_->{path} eq $Bank && $_->{status} == 404 } @lines),
   'what is no route is of the API');
ok((grep { $_->{path} eq "$Bank$own/search-key/{searchKey}"
           && $_->{consent_id} eq "urn:bank:$id" } @lines),
   'and which consent it was');

done_testing();
