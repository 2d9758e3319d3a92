#!/usr/bin/perl

# Copyright (C) oof authors

# The trusted header: from whom it is believed, that nothing passes it on, and
# its cache.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::UNIX;
use Test::More;
use Test::Oof;

my $path = "$Test::Oof::Api/consents/urn:bank:" . new_uuid();
my $name = 'X-SSL-Client-Cert';
my ($far, $realip, $small, $none, $optional, $no_ca)
    = map { free_port() } 1 .. 6;
my $unix = "$Test::Oof::Dir/s";

my $echo = <<'END';
        location /echo {
            default_type application/json;
            set $cert '"cert":"$http_x_ssl_client_cert"';
            set $other '"other":"$http_x_other","cookie":"$http_cookie"';
            return 200 '{$cert,$other,"host":"$host"}';
        }
END

my $proxy = <<"END";
        location /proxy {
            proxy_pass http://127.0.0.1:$none/echo;
            proxy_set_header Host \$host;
        }
        location /error {
            error_page 404 = \@proxied;
            return 404;
        }
        location \@proxied {
            rewrite ^ /echo break;
            proxy_pass http://127.0.0.1:$none;
        }
        location /auth {
            auth_request /proxy;
            return 200 "fine\\n";
        }
        location /inner {
            try_files /nothing /proxy;
        }
END

my $server = server_defaults();
my $api = Test::Oof::location_defaults();

my $foreign = <<"END";
        location /foreign/ {
            oof_issuing_ca @{[ pki('foreign.pem') ]};
            rewrite ^/foreign(/.*) \$1 break;
            oof_api consents v3;
        }
END

my $o = Test::Oof->start(
    locations => $api . $proxy . $foreign,
    servers => <<"END",

    # what a proxied application sees

    server {
        listen 127.0.0.1:$none;
        oof_client_certificate_header X-None;
        $echo
    }

    # the header is believed from elsewhere only

    server {
        listen 127.0.0.1:$far;
        $server
        oof_client_certificate_from 10.0.0.0/8 ::1;
        $api
        $proxy
    }

    # realip and what it says do not count

    server {
        listen 127.0.0.1:$realip;
        $server
        set_real_ip_from 127.0.0.1;
        real_ip_header X-Forwarded-For;
        oof_client_certificate_from 10.0.0.0/8;
        $api
        location /believed/ {
            oof_client_certificate_from 127.0.0.1;
            rewrite ^/believed(/.*) \$1 break;
            oof_api consents v3;
        }
    }

    # a cache of two, and one of none

    server {
        listen 127.0.0.1:$small;
        $server
        oof_certificate_cache 2;
        $api
        location /none/ {
            oof_certificate_cache 0;
            rewrite ^/none(/.*) \$1 break;
            oof_api consents v3;
        }
    }

    # a client need not show a certificate, but without one nothing is served

    server {
        listen 127.0.0.1:$optional ssl;
        $server
        ssl_certificate        @{[ pki('leaf-server.pem') ]};
        ssl_certificate_key    @{[ pki('leaf-server.key') ]};
        ssl_session_cache      off;
        ssl_session_tickets    off;
        ssl_verify_client      optional;
        ssl_verify_depth       4;
        ssl_client_certificate @{[ pki('trusted.pem') ]};
        $api
    }

    server {
        listen 127.0.0.1:$no_ca ssl;
        $server
        ssl_certificate        @{[ pki('leaf-server.pem') ]};
        ssl_certificate_key    @{[ pki('leaf-server.key') ]};
        ssl_session_cache      off;
        ssl_session_tickets    off;
        ssl_verify_client      optional_no_ca;
        ssl_verify_depth       4;
        ssl_client_certificate @{[ pki('trusted.pem') ]};
        $api
    }

    server {
        listen unix:$unix;
        $server
        oof_client_certificate_from unix:;
        $api
    }
END
);

# believed, and from where not

is(result('plain'), '401 UNAUTHORIZED', 'from a listed address: believed');
is(ignored('address', $far), '401 INVALID_CLIENT',
   'from another address: ignored');
is(result('tls', cert => undef, headers => { $name => header_pem('one') }),
   '401 INVALID_CLIENT', 'over TLS: the header is no certificate');
is(ignored('tls', 'tls', cert => 'two', headers => {
       $name => header_pem('foreign') }), '401 UNAUTHORIZED',
   'over TLS: the certificate of the connection counts');

{
    local $o->{port}{tls} = $optional;

    is(ignored('tls', 'tls', cert => undef, headers => {
           $name => header_pem('one') }), '401 INVALID_CLIENT',
       'TLS, optional: the header is no certificate');
    is(result('tls', cert => undef), '401 INVALID_CLIENT',
       'TLS, optional: none is refused');
    is(result('tls', cert => 'one'), '401 UNAUTHORIZED',
       'TLS, optional: one is accepted');
    is(result('tls', cert => 'other'), '401 INVALID_CLIENT',
       'TLS, optional: an unknown CA is refused');
}

{
    local $o->{port}{tls} = $no_ca;
    my $before = total('unverified');

    is(result('tls', cert => 'one'), '401 UNAUTHORIZED',
       'TLS, optional_no_ca: one is accepted');
    is(result('tls', cert => 'other'), '401 INVALID_CLIENT',
       'TLS, optional_no_ca: an unknown CA is refused');
    is(total('unverified') - $before, 1, 'TLS, optional_no_ca: counted');
}

is(ignored('address', $realip, headers => {
       $name => header_pem('one'), 'X-Forwarded-For' => '10.1.2.3' }),
   '401 INVALID_CLIENT', 'realip does not make an address believed');
is(result($realip, path => "/believed$path", headers => {
       $name => header_pem('one'), 'X-Forwarded-For' => '192.0.2.1' }),
   '401 UNAUTHORIZED', 'nor one unbelieved');
is(ignored('repeated', 'plain', headers => [
       $name => header_pem('one'), $name => header_pem('one') ]),
   '401 INVALID_CLIENT', 'twice: ignored');

my $s = IO::Socket::UNIX->new(Peer => $unix) or die "$unix: $!";
print $s "GET $path HTTP/1.1\r\nHost: x\r\nConnection: close\r\n$name: "
         . header_pem('one') . "\r\n\r\n";
like(do { local $/; <$s> }, qr/"UNAUTHORIZED"/, 'over a unix socket');

# what the value may be

is(result('plain', headers => { lc $name => header_pem('one') }),
   '401 UNAUTHORIZED', 'the name in lower case');

my $pem = client_pem('one');
is(result('plain', headers => { $name => header_pem(\$pem) =~ s/%2B/+/gr
                                         =~ s/%2F/\//gr =~ s/%3D/=/gr }),
   '401 UNAUTHORIZED', '"+", "/" and "=" may stand as they are');

my $text = "a text before it\n$pem" . client_pem('foreign');
is(result('plain', headers => { $name => header_pem(\$text) }),
   '401 UNAUTHORIZED', 'the first certificate of a text counts');

my $before = total('unreadable');
my $n = 0;
my $broken = $pem =~ s/(M)(.{20})/$1A$2/sr;
my $encrypted = "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
                . "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
                . ($pem =~ /-----\n(.*)/s)[0];
my $key = Test::Oof::slurp(client_key('one'));

for (['no certificate', 'something else'], ['a broken one', $broken],
     ['cut short', substr $pem, 0, 600], ['an encrypted one', $encrypted],
     ['a private key', $key], ['one byte', '-'], ['NUL bytes', "\0" x 40],
     ['no more than its first line', "-----BEGIN CERTIFICATE-----\n"])
{
    my ($what, $value) = @$_;

    is(result('plain', headers => { $name => header_pem(\$value) }),
       '401 INVALID_CLIENT', "$what: refused");
    $n++;
}

is(total('unreadable') - $before, $n, 'counted as unreadable');

for (['a lonely percent', '%'], ['a bad escape', header_pem('one') . '%zz'],
     ['raw bytes', "\xff\xfe\x01"])
{
    my ($what, $value) = @$_;

    like(result('plain', headers => { $name => $value }),
         qr/^401 (?:INVALID_CLIENT|UNAUTHORIZED)$|^400 /,
         "$what: an answer");
}

is(result('plain', headers => { $name => '' }), '401 INVALID_CLIENT',
   'empty: refused');

# never passed on, believed or not

for (['believed', 'plain'], ['not believed', $far]) {
    my ($what, $via) = @$_;

    for my $way (qw( /proxy /error /inner )) {
        my $r = call($via, path => $way, headers => {
            $name => header_pem('one'), 'X-Other' => 'kept',
            Cookie => 'a=b' });

        is_deeply($r->{json}, { cert => '', other => 'kept', cookie => 'a=b',
                                host => $way eq '/error' ? "127.0.0.1"
                                        : 'mtls-api.oof.test' },
                  "$what, $way: the application does not see it");
    }

    is(call($via, path => '/auth')->{status}, 200, "$what: in a subrequest");
}

my $r = call('tls', path => '/proxy', headers => {
    $name => header_pem('one'), 'X-Other' => 'kept' });
is($r->{json}{cert}, '', 'over TLS: the application does not see it');
is($r->{json}{other}, 'kept', 'over TLS: but all else');

$r = $o->call(GET => '/proxy', via => 'tls', http2 => 1, headers => {
    $name => header_pem('one'), 'X-Other' => 'kept' });
is($r->{json}{cert}, '', 'over HTTP/2: the application does not see it');
is($r->{json}{other}, 'kept', 'over HTTP/2: but all else');

# many headers: more than one part of the list

my @many = map { ("X-Many-$_" => $_) } 1 .. 60;
$r = call('plain', path => '/proxy', headers => [
    @many[0 .. 79], $name => header_pem('one'), @many[80 .. 119],
    'X-Other' => 'kept' ]);
is($r->{json}{cert}, '', 'among many headers: taken out');
is($r->{json}{other}, 'kept', 'among many headers: the others stay');

# the cache: bounded, by value, the judgement by list

for my $round (1 .. 3) {
    for my $cert (qw/ one two bmp old t61 /) {
        is(result($small, cert => $cert), '401 UNAUTHORIZED',
           "small cache, round $round: $cert");
        is(result($small, cert => $cert, path => "/none$path"),
           '401 UNAUTHORIZED', "no cache, round $round: $cert");
    }
    is(result($small, cert => 'foreign'), '401 INVALID_CLIENT',
       "small cache, round $round: foreign");
}

is($o->metric('oof_certificates_cached'), 2,
       'the small cache has made room');

# what one list of issuing CAs says is not taken for another's word

my $kept = $o->connect('tls', cert => 'one');
my @headers = ([ Host => 'mtls-api.oof.test' ],
               [ 'x-fapi-interaction-id' => new_uuid() ]);

for (1 .. 2) {
    for (['', 'UNAUTHORIZED'], ['/foreign', 'INVALID_CLIENT']) {
        my ($where, $code) = @$_;

        is($kept->request(GET => "$where$path", \@headers)
                ->{json}{errors}[0]{code}, $code,
           "TLS, one connection, $where: $code");
        is(result('plain', path => "$where$path"), "401 $code",
           "header, $where: $code");
    }
}

# one that runs out while it is in the cache

client_cert('short', end => 2);
is(result('plain', cert => 'short'), '401 UNAUTHORIZED', 'valid for 2 s');
wait_for(sub { result('plain', cert => 'short') eq '401 INVALID_CLIENT' }, 5,
         'the end of its validity');
ok(total('expired') > 0, 'then refused as expired');

done_testing();


sub call {
    my ($via, %args) = @_;

    my $port = $via =~ /^\d+$/ ? $via : undef;
    local $o->{port}{plain} = $port if defined $port;

    return $o->call(GET => delete $args{path} // $path, token => undef, %args,
                    via => defined $port ? 'plain' : $via);
}


sub result {
    my $r = call(@_);

    return "$r->{status} " . ($r->{json}{errors}[0]{code} // 'none');
}


# a call whose header is ignored, for one reason and once

sub ignored {
    my ($reason, @args) = @_;

    my $metric = 'oof_certificate_header_ignored_total';
    my $before = $o->metric($metric, reason => $reason);
    my $all = $o->metric($metric);
    my $result = result(@args);

    is($o->metric($metric, reason => $reason) - $before, 1,
       "ignored: $reason");
    is($o->metric($metric) - $all, 1, 'and once');

    return $result;
}


sub total {
    $o->metric('oof_certificates_refused_total', reason => $_[0]);
}
