#!/usr/bin/perl

# Copyright (C) oof authors

# Behind a WAF: Debian's nginx with ModSecurity and the core rule set ends mutual
# TLS, as conf/recipes/waf.conf has it, and gives the certificate on.  What third
# parties really send passes, attacks do not, and nobody can forge the headers
# that it sets.  Then the PROXY protocol, as a balancer of TCP has it.  Only
# with "build.sh test --long", which installs the packages.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Cwd qw/ abs_path /;
use File::Path qw/ make_path /;
use IO::Socket::INET;
use IO::Socket::SSL;
use Test::More;
use Test::Oof;
use Time::HiRes qw/ time /;

my $module = '/usr/lib/nginx/modules/ngx_http_modsecurity_module.so';
my $rules = '/usr/share/modsecurity-crs/rules';

plan(skip_all => 'only with test --long') if !$ENV{OOF_MEASURE};
plan(skip_all => 'no nginx of Debian with ModSecurity here')
    if !-e $module || !-d $rules || !-x '/usr/sbin/nginx';

my $root = abs_path("$FindBin::Bin/..");
my $waf = "$Test::Oof::Dir/waf";
my %port = map { $_ => free_port() } qw/ waf proxied /;
my $api = $Test::Oof::Api;

make_path("$waf/logs");

my $tls = Test::Oof::tls_defaults();
my $o = Test::Oof->start(
    http => <<"END", servers => <<"END2");
    oof_request_start_header  X-Request-Start-Time;
    log_format  behind  '\$remote_addr \$proxy_protocol_addr \$oof_started';
    access_log  logs/behind.log behind;
END
    server {
        listen 127.0.0.1:$port{proxied} ssl proxy_protocol;
        server_name mtls-api.oof.test;
        set_real_ip_from 127.0.0.1;
        real_ip_header   proxy_protocol;
@{[ Test::Oof::server_defaults() ]}
$tls
@{[ Test::Oof::location_defaults() ]}
    }
END2

start_waf('waf-rules.conf');


# --- what third parties send

my $r = through(POST => "$api/consents", json => consent_body());
is($r->{status}, 201, 'a consent') or diag($r->{body});
my $id = $r->{json}{data}{consentId};
is($r->{headers}{'x-v'}, '3.3.1', 'with the headers of an answer')
    or diag(explain($r->{headers}));

is(through(GET => "$api/consents/$id")->{status}, 200, 'is read');

my %sent = (
    'a browser as user agent' => { headers => {
        'x-fapi-customer-user-agent' =>
            'Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36'
            . ' (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36;'
            . ' (select * from x)' } },
    'a long token' => { headers => {
        Authorization => 'Bearer ' . ('eyJhbGciOiJQUzI1NiJ9.' x 200) } },
    'the customer\'s address' => { headers => {
        'x-fapi-customer-ip-address' => '2001:db8::17' } },
    'a date of authentication' => { headers => {
        'x-fapi-auth-date' => 'Tue, 24 Nov 2026 10:00:00 GMT' } },
);

for my $name (sort keys %sent) {
    my $r = through(GET => "$api/consents/$id", %{ $sent{$name} });
    ok($r->{json}, "passes: $name") or diag("$r->{status} $r->{body}");
}

$r = through(DELETE => "$api/consents/$id");
is($r->{status}, 204, 'DELETE passes');

$r = through(PATCH => '/open-banking/payments/v4/pix/payments/x',
             body => 'eyJ.eyJ.sig',
             headers => { 'Content-Type' => 'application/jwt' });
is($r->{status}, 405, 'PATCH of a JWT passes; no such API is here');
ok($r->{json}, '… says oof') or diag($r->{body});


# --- attacks

for my $attack ("$api/consents?a=1%27%20OR%20%271%27=%271%27--",
                "$api/consents?a=%3Cscript%3Ealert(1)%3C/script%3E",
                "$api/consents?file=../../../../etc/passwd",
                "$api/consents?a=;cat%20/etc/passwd")
{
    my $r = through(GET => $attack);
    is("$r->{status} " . ($r->{json} ? 'oof' : 'waf'), '403 waf',
       "stopped: $attack");
}

$r = through(POST => "$api/consents", json => { data => {
    loggedUser => { document => { identification =>
        "1' UNION SELECT password FROM users--", rel => 'CPF' } } } });
is($r->{status}, 403, 'stopped: SQL in a member of JSON');


# --- the headers are the WAF's own

$r = through(GET => "$api/consents/$id", cert => 'one', headers => {
    'X-SSL-Client-Cert' => Test::Oof::header_pem('two'),
    Authorization => 'Bearer ' . token(client => 'two', cert => 'two',
                                       scope => 'consents') });
is("$r->{status} " . ($r->{json}{errors}[0]{code} // ''), '401 UNAUTHORIZED',
   'a forged certificate is overwritten: the token is not of this one');

$r = through(GET => "$api/consents/$id", cert => undef);
is("$r->{status} " . ($r->{json}{errors}[0]{code} // ''),
   '401 INVALID_CLIENT', 'none is none');
$r = through(GET => "$api/consents/$id", cert => 'foreign');
is("$r->{status} " . ($r->{json}{errors}[0]{code} // ''),
   '401 INVALID_CLIENT', 'an issuer that is not accepted');


# --- without the exclusions of the recipe the rule set refuses these

stop_waf();
{
    my $text = Test::Oof::slurp("$root/conf/recipes/waf-rules.conf");
    $text =~ s/^SecAction "id:9002.*\n//mg;
    Test::Oof::spew("$waf/plain-rules.conf", $text);
}
start_waf("$waf/plain-rules.conf");

my %needed = (
    'PATCH' => [ PATCH => '/open-banking/payments/v4/pix/payments/x',
                 body => 'eyJ.eyJ.sig',
                 headers => { 'Content-Type' => 'application/jwt' } ],
    'DELETE' => [ DELETE => "$api/consents/$id" ],
    'a JWT' => [ POST => '/open-banking/payments/v4/consents',
                 body => 'eyJ.eyJ.sig',
                 headers => { 'Content-Type' => 'application/jwt' } ],
);

for my $name (sort keys %needed) {
    my $r = through(@{ $needed{$name} });
    is("$r->{status} " . ($r->{json} ? 'oof' : 'waf'), '403 waf',
       "needed: an exclusion for $name");
}

stop_waf();


# --- a balancer of TCP with the PROXY protocol: TLS ends here

my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port{proxied}") or die $!;
print $s "PROXY TCP4 203.0.113.7 127.0.0.1 40000 443\r\n";
IO::Socket::SSL->start_SSL($s, SSL_ca_file => pki('root.pem'),
    SSL_hostname => 'mtls-api.oof.test', SSL_verifycn_name =>
    'mtls-api.oof.test', SSL_cert_file => client_cert('one'),
    SSL_key_file => Test::Oof::client_key('one'))
    or die IO::Socket::SSL::errstr();
print $s "GET $api/consents/$id HTTP/1.1\r\nHost: mtls-api.oof.test\r\n"
         . "x-fapi-interaction-id: @{[ new_uuid() ]}\r\n"
         . "Connection: close\r\n\r\n";
my $answer = do { local $/; <$s> };
like($answer, qr/^HTTP\/1\.1 401 /, 'PROXY protocol: an answer');
like($answer, qr/"UNAUTHORIZED"/, 'PROXY protocol: the certificate is taken');

wait_for(sub { log_lines() =~ /^203\.0\.113\.7 203/m }, 10, 'the log');
pass('PROXY protocol: the address of the caller');

done_testing();


sub start_waf {
    my ($file) = @_;

    my $conf = Test::Oof::slurp("$root/conf/recipes/waf.conf");
    my $settings = $tls =~ s/^ *include.*\n//r;

    $file = "$root/conf/recipes/$file" if $file !~ m{^/};

    $conf =~ s/OOF\.BANK\.EXAMPLE:8081/127.0.0.1:$o->{port}{plain}/;
    $conf =~ s/listen       443 ssl http2;/listen 127.0.0.1:$port{waf} ssl http2;/;
    $conf =~ s/MTLS-API\.BANK\.EXAMPLE/mtls-api.oof.test/;
    $conf =~ s/^ +ssl_certificate .*?ssl_crl[^\n]*\n/$settings/ms;
    $conf =~ s{/etc/oof/conf/recipes/waf-rules.conf}{$file};

    Test::Oof::spew("$waf/nginx.conf", <<"END");
load_module $module;
user root;
worker_processes 1;
daemon on;
pid $waf/nginx.pid;
error_log $waf/logs/error.log notice;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path $waf/body;
    proxy_temp_path $waf/proxy;
    fastcgi_temp_path $waf/f;
    uwsgi_temp_path $waf/u;
    scgi_temp_path $waf/s;
$conf
}
END

    my $out = `/usr/sbin/nginx -e $waf/logs/error.log -p $waf -c $waf/nginx.conf 2>&1`;
    is($?, 0, 'the WAF starts') or die $out;
    wait_for(sub { -s "$waf/nginx.pid" }, 5, 'the WAF');
}

sub stop_waf {
    my ($pid) = Test::Oof::slurp("$waf/nginx.pid") =~ /(\d+)/ or return;
    kill QUIT => $pid;
    wait_for(sub { !-e "$waf/nginx.pid" }, 10, 'the WAF to end');
}

sub through {
    my ($method, $path, %args) = @_;

    my ($headers, $body) = $o->request_parts('tls', %args);
    my $c = Test::Oof::Client->new($port{waf}, $o->tls_args(%args))
        or return { status => 0, body => $Test::Oof::Client::error };

    return $c->request($method, $path, $headers, $body);
}

sub log_lines { Test::Oof::slurp("$o->{dir}/logs/behind.log", 1) }

END { stop_waf() if defined $waf && -e "$waf/nginx.pid" }
