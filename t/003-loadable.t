#!/usr/bin/perl

# Copyright (C) oof authors

# The modules loaded at the start: they serve, over reloads too.  They are
# there after "./build.sh build --dynamic", which "test --long" calls.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

my $objs;

BEGIN {
    $objs = ($ENV{OOF_VAR} || "$FindBin::Bin/../var") . '/build/dynamic';

    plan(skip_all => 'no loadable modules were built')
        if !-e "$objs/ngx_oof_module.so";

    $ENV{TEST_NGINX_BINARY} = "$objs/nginx";
}

use Test::Oof;

my $api = "$Test::Oof::Api/consents";

my $o = Test::Oof->start(workers => 2, main => <<"END");
load_module $objs/ngx_oof_module.so;
load_module $objs/ngx_oof_consent_module.so;
END

my $r = $o->call('POST', $api, json => consent_body());
is($r->{status}, 201, 'a consent is made');
schema_ok('consents-v3 POST /consents', $r);

my $id = decoded($r->{body})->{data}{consentId};

is($o->call('GET', "$api/$id", via => 'tls')->{status}, 200, 'over TLS');
is($o->call('GET', "$api/$id", via => 'tls', http2 => 1)->{status}, 200,
   'over HTTP/2');

$r = $o->call('POST', $api, body => 'x' x 70000);
is($r->{status}, 413, 'an error of nginx');
is(decoded($r->{body})->{errors}[0]{code}, 'PAYLOAD_TOO_LARGE',
   'in the regulated form: the filter is there');

$o->reload for 1 .. 3;

is($o->call('DELETE', "$api/$id", via => 'tls')->{status}, 204,
   'after reloads');
is($o->metric('oof_http_requests_total', operation => 'consent_create',
              code => 201), 1, 'counts stay over them');

done_testing();
