#!/usr/bin/perl

# Copyright (C) oof authors

# Two brands in one nginx, each a server{} with keys, database and issuer of
# its own; and a third that shares the database of the first.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;

my $consents = "$Test::Oof::Api/consents";
my $first = database_dsn();
my $second = Test::Oof::Postgres::database('second');

Test::Oof::Postgres::query($second, "INSERT INTO oof_client (brand, client_id,"
    . " organisation_id, software_id, name, created, updated) VALUES"
    . " ('azul', 'client-one', '$Test::Oof::Clients{one}{organisation_id}',"
    . " '$Test::Oof::Clients{one}{software_id}', 'One', now(), now())");
psql("INSERT INTO oof_client (brand, client_id, organisation_id, software_id,"
     . " name, created, updated) SELECT 'verde', client_id, organisation_id,"
     . " software_id, name, now(), now() FROM oof_client"
     . " WHERE client_id = 'client-one'");

my %port = (azul => free_port(), verde => free_port());
my $as_oof = $second =~ s/\buser=\S+/user=oof/r;

sub brand {
    my ($name, $database, $keys, $issuer) = @_;

    return <<"END";
    server {
        listen 127.0.0.1:$port{$name};
        server_name mtls-api.$name.oof.test;
        oof_brand           $name;
        oof_organisation_id 9f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f;
        oof_base_url        https://mtls-api.$name.oof.test;
        oof_database        $database;
        oof_keys            $keys;
        oof_issuer          $issuer;
        oof_issuing_ca      @{[ Test::Oof::pki('issuing.pem') ]};
@{[ Test::Oof::header_defaults() ]}
        location $Test::Oof::Api/ {
            oof_api consents v3;
        }
    }
END
}

my $o = Test::Oof->start(
    http => <<"END",
    oof_database second {
        connect "$as_oof";
    }

    oof_keys second {
        encrypt k1 @{[ Test::Oof::key_file('second-encrypt') ]};
        lookup  l1 @{[ Test::Oof::key_file('second-lookup') ]};
    }

    oof_issuer second {
        issuer   https://as.azul.oof.test;
        audience https://mtls-api.azul.oof.test;
        jwks     file:@{[ Test::Oof::jwks('stranger') ]};
    }
END
    servers => brand('azul', 'second', 'second', 'second')
               . brand('verde', 'main', 'main', 'main'));

my $azul = token(client => 'one', key => 'stranger', claims => {
    iss => 'https://as.azul.oof.test', aud => 'https://mtls-api.azul.oof.test'
});

sub ask {
    my ($port, $method, $path, $token, $body) = @_;

    local $o->{port}{brand} = $port;

    return $o->call($method, $path, client => 'one', via => 'brand',
                    headers => [ Authorization => "Bearer $token",
                                 'X-SSL-Client-Cert' => header_pem('one') ],
                    $body ? (json => $body) : ());
}


# each is served by its own

my $a = ask($port{azul}, POST => $consents, $azul, consent_body());
is($a->{status}, 201, 'azul: created');
like($a->{json}{data}{consentId}, qr/^urn:azul:/, 'azul: its namespace');
is($a->{json}{links}{self}, "https://mtls-api.azul.oof.test$consents/"
                            . $a->{json}{data}{consentId}, 'azul: its links');

my $b = $o->call(POST => $consents, client => 'one', json => consent_body());
is($b->{status}, 201, 'bank: created');
like($b->{json}{data}{consentId}, qr/^urn:bank:/, 'bank: its namespace');

my ($ua) = $a->{json}{data}{consentId} =~ /([^:]+)$/;
my ($ub) = $b->{json}{data}{consentId} =~ /([^:]+)$/;

sub rows {
    my ($dsn, $table, $key, $id) = @_;

    return Test::Oof::Postgres::query($dsn, "SELECT brand FROM $table"
                                            . " WHERE $key = '$id'");
}

is_deeply([ rows($second, 'oof_consent', 'consent_id', $ua) ], [ [ 'azul' ] ],
          'azul: in its database');
is_deeply([ rows($first, 'oof_consent', 'consent_id', $ua) ], [],
          'azul: not in the other');
is_deeply([ rows($second, 'oof_event', 'key', $ua) ], [ [ 'azul' ] ],
          'azul: its event');
is_deeply([ rows($first, 'oof_consent', 'consent_id', $ub) ], [ [ 'bank' ] ],
          'bank: in its database');
is_deeply([ rows($second, 'oof_consent', 'consent_id', $ub) ], [],
          'bank: not in the other');


# the same CPF has another look-up value under other keys

my ($ha) = Test::Oof::Postgres::query($second, "SELECT encode(cpf_hmac, 'hex')"
               . " FROM oof_consent WHERE consent_id = '$ua'");
my ($hb) = psql("SELECT encode(cpf_hmac, 'hex') FROM oof_consent"
                . " WHERE consent_id = '$ub'");
isnt($ha->[0], $hb->[0], 'look-up values differ');


# a token of one issuer is nothing to the other

is(ask($port{azul}, GET => "$consents/urn:azul:$ua", token())->{status}, 401,
   'azul: a token of the bank: 401');
is(ask($o->plain, GET => "$consents/urn:bank:$ub", $azul)->{status}, 401,
   'bank: a token of azul: 401');


# brands that share database and issuer do not see each other's consents

for my $method (qw/ GET DELETE /) {
    my $r = ask($port{verde}, $method => "$consents/urn:verde:$ub", token());
    is($r->{status}, 404, "verde: $method of a consent of the bank: 404");
}

my $v = ask($port{verde}, POST => $consents, token(), consent_body());
is($v->{status}, 201, 'verde: created');
my ($uv) = $v->{json}{data}{consentId} =~ /([^:]+)$/;
is_deeply([ rows($first, 'oof_consent', 'consent_id', $uv) ], [ [ 'verde' ] ],
          'verde: its brand in the shared database');
is($o->call(GET => "$consents/urn:bank:$uv", client => 'one')->{status}, 404,
   'bank: a consent of verde: 404');
is(ask($port{verde}, GET => "$consents/urn:verde:$uv", token())->{status}, 200,
   'verde: its own');


# equal names share lanes: three connections for each database

my ($n) = Test::Oof::Postgres::query($first, <<'END');
SELECT count(*) FILTER (WHERE datname = current_database()),
       count(*) FILTER (WHERE datname <> current_database())
  FROM pg_stat_activity
 WHERE usename = 'oof' AND datname LIKE 'oof_%brands%'
    OR usename = 'oof' AND datname LIKE 'oof_second%'
END
cmp_ok($n->[0], '<=', 4, 'lanes of the shared database');
cmp_ok($n->[1], '<=', 4, 'lanes of the other');


done_testing();
