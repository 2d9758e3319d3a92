#!/usr/bin/perl

# Copyright (C) oof authors

# A request that is wrong in many ways is told the first of them, in the order
# of the regulation; and what becomes of a request when PostgreSQL is away.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents;
use Test::Oof::Echo;
use Test::Oof::Postgres;
use Time::HiRes qw/ sleep time /;

# the lanes go through a socket of ours, which can be taken away

my $dsn = database_dsn();
my ($real) = $dsn =~ /host=(\S+)/;
my ($port) = $dsn =~ /port=(\d+)/;
my $link = "$Test::Oof::Dir/pg";

$port ||= 5432;
mkdir $link or die $!;
plug();

sub plug { symlink "$real/.s.PGSQL.$port", "$link/.s.PGSQL.$port" or die $! }

sub unplug {
    unlink "$link/.s.PGSQL.$port" or die $!;
    psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
         . ' WHERE datname = current_database() AND pid <> pg_backend_pid()');
}

my $http = Test::Oof::http_defaults();
$http =~ s/host=\S+/host=$link/;

my $o = Test::Oof->start(
    defaults => 0,
    tls_replace => Test::Oof::tls_defaults(),
    http => $http,
    server => Test::Oof::server_defaults() . Test::Oof::header_defaults(),
    locations => Test::Oof::location_defaults() . <<'END',
        location /hasty/ {
            rewrite ^/hasty/(.*)$ /open-banking/consents/v3/$1 break;
            oof_deadline 300ms;
            oof_retry_after 7s;
            oof_api consents v3;
        }
END
);

$o->ready;

my $api = $Test::Oof::Api;
my %v3 = (version => '3.3.1');
my $r;

sub order {
    my ($what, $status, $code, %args) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $id = exists $args{id} ? delete $args{id} : $Id;
    my $own = delete $args{own};

    my $r = $o->call($args{method} // 'POST', $args{path} // "$api/consents",
                     body => '{}', %args,
                     headers => [ 'x-fapi-interaction-id' => $id,
                                  @{ $args{headers} || [] } ]);

    regulated($r, $status, $code, $what, id => $own ? undef : $id, %v3);

    return $r;
}

# each of them has everything wrong that the next one has right

my @all = (Accept => 'text/html', 'Content-Type' => 'text/plain');

order('no such path', 404, 'NOT_FOUND', client => undef, id => 'x', own => 1,
      path => "$api/nothing", headers => \@all);
order('no such method', 405, 'METHOD_NOT_ALLOWED', client => undef, id => 'x',
      own => 1, method => 'PUT', headers => \@all);
order('no certificate', 401, 'INVALID_CLIENT', cert => undef, token => undef,
      client => undef, id => 'x', own => 1, headers => \@all);
order('a foreign certificate', 401, 'INVALID_CLIENT', cert => 'foreign',
      token => undef, id => 'x', own => 1, headers => \@all);
order('no token', 401, 'UNAUTHORIZED', token => undef, id => 'x', own => 1,
      headers => \@all);
order('a token that is none', 401, 'UNAUTHORIZED', token => 'x', id => 'x',
      own => 1, headers => \@all);
order('a token of another certificate', 401, 'UNAUTHORIZED', id => 'x',
      own => 1, token => token(cert => 'two', scope => 'nothing'),
      headers => \@all);
order('a token of another grant', 401, 'UNAUTHORIZED', id => 'x', own => 1,
      token => token(scope => 'openid consent:urn:bank:1'),
      headers => \@all);
order('a token without the scope', 403, 'FORBIDDEN', id => 'x', own => 1,
      token => token(scope => 'payments',
                     claims => { client_id => 'stranger' }),
      headers => \@all);
order('a client that nobody knows', 401, 'INVALID_CLIENT', id => 'x',
      own => 1, token => token(claims => { client_id => 'stranger' }),
      headers => \@all);
order('a malformed interaction id', 400, 'BAD_REQUEST', id => 'x', own => 1,
      headers => \@all);
order('no interaction id', 400, 'BAD_REQUEST', id => undef, own => 1,
      headers => \@all);
order('another header', 400, 'BAD_REQUEST',
      headers => [ @all, 'x-fapi-auth-date' => 'today' ]);
order('nothing that is accepted', 406, 'NOT_ACCEPTABLE', headers => \@all);
order('a type that is none', 415, 'UNSUPPORTED_MEDIA_TYPE',
      headers => [ @all[2, 3] ]);
order('a charset', 406, 'NOT_ACCEPTABLE',
      headers => [ 'Content-Type' => 'application/json; charset=latin1' ]);
order('no body', 400, 'BAD_REQUEST', body => '');
order('no JSON', 400, 'BAD_REQUEST', body => '{');

# a body that comes while the client is looked up

my $c = $o->connect('plain');
my ($headers, $body) = $o->request_parts('plain', json => consent_body());
my $head = "POST $api/consents HTTP/1.1\r\n"
           . join('', map { "$_->[0]: $_->[1]\r\n" } @$headers)
           . 'Content-Length: ' . length($body) . "\r\n\r\n";

psql("UPDATE oof_client SET updated = now()");
sleep 1.1;

$c->write($head);
sleep 0.2;
$c->write(substr $body, 0, 10);
sleep 0.1;
$c->write(substr $body, 10);

$r = $c->response;
is($r->{status}, 201, 'a body that comes after the decision');

my $urn = $r->{json}{data}{consentId};
my $get = sub {
    return $o->call('GET', "$api/consents/$urn",
                    headers => [ 'x-fapi-interaction-id' => $Id ], @_);
};

is($get->()->{status}, 200, 'the consent is there');

# past the deadline: somebody else holds the row

my ($uuid) = $urn =~ /([0-9a-f-]{36})$/;
my $other = Test::Oof::Postgres::session($dsn);

$other->run("BEGIN; SELECT 1 FROM oof_consent WHERE consent_id = '$uuid'"
            . ' FOR UPDATE');

my $start = time;
$r = $o->call('DELETE', "/hasty/consents/$urn",
              headers => [ 'x-fapi-interaction-id' => $Id ]);
my $took = time - $start;

regulated($r, 504, 'GATEWAY_TIMEOUT', 'a row that is held', %v3);
cmp_ok($took, '>', 0.25, 'not before the deadline');
cmp_ok($took, '<', 0.9, 'nor long after');
is($get->()->{status}, 200, 'reads have gone on');

$other->run('COMMIT');
$other->close;

# PostgreSQL is away

unplug();
sleep 0.1;

for my $via ('plain', 'tls') {
    $start = time;
    $r = $get->(via => $via);
    regulated($r, 503, 'SERVICE_UNAVAILABLE', "PostgreSQL is away, $via",
              %v3);
    is($r->{headers}{'retry-after'}, 5, 'when to come again');
    cmp_ok(time - $start, '<', 0.5, 'said at once');
}

$r = $o->call('GET', "/hasty/consents/$urn",
              headers => [ 'x-fapi-interaction-id' => $Id ]);
is($r->{headers}{'retry-after'}, 7, 'as the location says');

regulated($o->call('POST', "$api/consents", json => consent_body(),
                   headers => [ 'x-fapi-interaction-id' => $Id ]),
          503, 'SERVICE_UNAVAILABLE', 'a write too', %v3);

is($o->get('/ready')->{status}, 503, 'not ready');
is($o->get('/live')->{status}, 200, 'but alive');

plug();

$start = time;
wait_for(sub { $get->()->{status} == 200 }, 5, 'service');
cmp_ok(time - $start, '<', 2, 'service again in two seconds');

done_testing();
