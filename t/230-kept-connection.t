#!/usr/bin/perl

# Copyright (C) oof authors

# A certificate that runs out is refused on a connection that is kept, and a
# reload with other issuing CAs judges anew.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;

my $path = "$Test::Oof::Api/consents/urn:bank:" . new_uuid();
my @headers = ([ Host => 'mtls-api.oof.test' ],
               [ 'x-fapi-interaction-id' => new_uuid() ]);

my $o = Test::Oof->start;

client_cert('short', end => 3);

my $kept = $o->connect('tls', cert => 'short') or die 'no connection';
my $other = $o->connect('tls', cert => 'one') or die 'no connection';

is(said($kept), '401 UNAUTHORIZED', 'valid: accepted');
is(said($kept), '401 UNAUTHORIZED', 'valid: accepted again');

wait_for(sub { said($kept) eq '401 INVALID_CLIENT' }, 6, 'its end');
pass('expired: refused on the kept connection');

my $r = $kept->request(GET => $path, \@headers);
is($r->{json}{errors}[0]{detail}, 'Certificado de cliente vencido.',
   'expired: it says so');
cmp_ok($o->metric('oof_certificates_refused_total', reason => 'expired'), '>',
       1, 'expired: counted');
is(said($other), '401 UNAUTHORIZED', 'another connection goes on');

is($o->call(GET => $path, via => 'tls', cert => 'short', token => undef)
     ->{json}{errors}[0]{code}, 'INVALID_CLIENT', 'and on a new connection');

# an issuing CA that ends before the certificate does

my $ca = Test::Oof::short_ca(4);
client_cert('under', issuer => $ca);
my $optional = free_port();

$o->configure(issuing => "$ca.pem", servers => <<"END");
    server {
        listen 127.0.0.1:$optional ssl;
        @{[ server_defaults(issuing => "$ca.pem") ]}
        ssl_certificate        @{[ pki('leaf-server.pem') ]};
        ssl_certificate_key    @{[ pki('leaf-server.key') ]};
        ssl_verify_client      on;
        ssl_verify_depth       4;
        ssl_client_certificate @{[ pki('trusted.pem') ]};
        @{[ Test::Oof::location_defaults() ]}
    }
END
$o->reload;

{
    local $o->{port}{tls} = $optional;
    $kept = $o->connect('tls', cert => 'under');
}

is(said($kept), '401 UNAUTHORIZED', 'its CA is valid: accepted');
is(code(cert => 'under'), 'UNAUTHORIZED', 'in the header too');
wait_for(sub { said($kept) eq '401 INVALID_CLIENT' }, 6, 'its end');
pass('its CA has ended: refused on the kept connection');
is(code(cert => 'under'), 'INVALID_CLIENT', 'in the header too');

# other issuing CAs

$o->configure(issuing => 'foreign.pem', servers => '');
$o->reload;

is(code(via => 'tls', cert => 'one'), 'INVALID_CLIENT',
   'reload: the old issuer is refused');
is(code(via => 'tls', cert => 'foreign'), 'UNAUTHORIZED',
   'reload: the new issuer is accepted');
is(code(cert => 'foreign'), 'UNAUTHORIZED', 'reload: in the header too');

done_testing();


sub said {
    my ($c) = @_;

    my $r = $c->request(GET => $path, \@headers);

    return "$r->{status} " . ($r->{json}{errors}[0]{code} // 'none');
}


sub code {
    my $r = $o->call(GET => $path, token => undef, @_);

    return $r->{json}{errors}[0]{code} // "none, $r->{status}";
}
