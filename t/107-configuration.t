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
