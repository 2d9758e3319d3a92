#!/usr/bin/perl

# Copyright (C) oof authors

# What "nginx -t" says of values that cannot work.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;

my $dir = $Test::Oof::Dir;

sub said {
    my ($name, $fine, $pattern, %args) = @_;

    my $o = Test::Oof->start(hold => 1, %args);
    my ($ok, $out) = $o->test_config;

    is($ok ? 1 : 0, $fine, $name);
    like($out, $pattern, "$name: what is said");
}

said("$_ 0", 0, qr/\[emerg\] "$_" directive must not be 0/, http => "$_ 0;")
    for qw/ oof_deadline oof_retry_after oof_body_size /;

for my $block (qw/ oof_database oof_keys oof_issuer /) {
    my $words = qr/\[emerg\] the name in "$block NAME \{ \}" must have 1 to 64/;

    said("$block: a name with a quote", 0, $words, http => "$block 'a\"b' { }");
    said("$block: a long name", 0, $words, http => "$block @{[ 'x' x 65 ]} { }");
    said("$block: no name", 0, $words, http => "$block '' { }");
}

# the bank's side may be reached without TLS, and its links say so

said("oof_base_url $_", 0,
     qr{\[emerg\] "oof_base_url" directive must begin with "https://" or "http},
     http => "oof_base_url $_;")
    for qw{ ftp://bank.test https:// bank.test };

said('oof_base_url: third parties want TLS', 0,
     qr{\[emerg\] "oof_api consents v3" needs an "oof_base_url" that begins},
     locations => <<"END");
        location $Test::Oof::Api/ {
            oof_api      consents v3;
            oof_base_url http://bank.test;
        }
END

said("oof_base_url: of the bank's side", 1, qr/test is successful/,
     http => <<"END", management_server => <<'END');
        oof_issuer inner {
            issuer   https://inner.test;
            audience inner;
            jwks     file:@{[ Test::Oof::jwks() ]};
            bound    off;
        }
END
        oof_brand    bank;
        oof_database main;
        oof_keys     main;
        oof_issuer   inner;
        oof_base_url http://10.0.0.1:8080;
        location /open-banking/oob-consents/ { oof_api consent-management v1; }
END

my %pem = (
    'not base64' => "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----",
    'no certificate' => "-----BEGIN CERTIFICATE-----\nAAAA\n"
                        . '-----END CERTIFICATE-----',
    'one good, one cut' => Test::Oof::slurp(pki('root.pem'))
                           . "-----BEGIN CERTIFICATE-----\nMIIB\n",
);

for (sort keys %pem) {
    Test::Oof::spew("$dir/bad.pem", "$pem{$_}\n");
    said("ca: $_", 0, qr/\[emerg\] "\S+bad\.pem" is damaged/, http => <<END);
        oof_issuer other {
            issuer   https://other.test;
            audience https://bank.test;
            ca       $dir/bad.pem;
            jwks     https://127.0.0.1/jwks;
        }
END
}

said('ca: a good one', 1, qr/test is successful/, http => <<END);
        oof_issuer other {
            issuer   https://other.test;
            audience https://bank.test;
            ca       @{[ pki('root.pem') ]};
            jwks     https://127.0.0.1/jwks;
        }
END

done_testing();
