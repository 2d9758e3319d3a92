#!/usr/bin/perl

# Copyright (C) oof authors

# The harness itself: nginx with TLS and HTTP/2, certificates, database,
# tokens, clean logs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;

my $o = Test::Oof->start(
    defaults => 0,
    locations => <<'END',
        location = /who {
            return 200 '{"who":"$ssl_client_s_dn","v":"$server_protocol"}';
        }
END
);

my $r = $o->call(GET => '/who', client => undef);
is($r->{status}, 200, 'plain: answered');
is($r->{json}{who}, '', 'plain: no certificate');

$r = $o->call(GET => '/who', via => 'tls', client => 'one', token => undef);
is($r->{status}, 200, 'TLS: answered');
like($r->{json}{who}, qr/CN=one\.oof\.test/, 'TLS: the certificate of one');

$r = $o->call(GET => '/who', via => 'tls', cert => 'two', token => undef,
              http2 => 1);
is($r->{status}, 200, 'HTTP/2: answered');
is($r->{json}{v}, 'HTTP/2.0', 'HTTP/2: it is');
like($r->{json}{who}, qr/CN=two\.oof\.test/, 'HTTP/2: the certificate of two');

my $c = $o->connect('tls', client => 'one');
for (1 .. 3) {
    $r = $c->request(GET => '/who', [ [ Host => 'mtls-api.oof.test' ] ]);
    is($r->{status}, 200, "kept connection: request $_");
}

my $old = ($o->worker_pids)[0];
$o->reload;
isnt(($o->worker_pids)[0], $old, 'reload: another worker');

is_deeply([ psql('SELECT 1, NULL') ], [ [ 1, undef ] ], 'a database');

my @parts = split /\./, token(scope => 'consents');
is(scalar @parts, 3, 'a token has three parts');
unlike(header_pem('one'), qr/[\s+\/=]/, 'the header is URL-encoded');
like(new_uuid(), qr/^[0-9a-f]{8}-[0-9a-f]{4}-4/, 'a UUID');

done_testing();
