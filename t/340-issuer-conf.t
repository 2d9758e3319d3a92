#!/usr/bin/perl

# Copyright (C) oof authors

# What "nginx -t" says of an oof_issuer block.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;

my $dir = $Test::Oof::Dir;
my $o = Test::Oof->start(defaults => 0, hold => 1);

$o->allow(qr/\[emerg\]/);

Test::Oof::spew("$dir/secret", "abc\n");
Test::Oof::spew("$dir/empty", "\n");
Test::Oof::spew("$dir/long", 'x' x 5000);
Test::Oof::spew("$dir/html", '<html>');
Test::Oof::spew("$dir/none.jwks", '{"keys":[]}');
Test::Oof::spew("$dir/big.jwks", '{"keys":[]}' . ' ' x 1_100_000);

my $jwks = 'file:' . Test::Oof::jwks();
my $is = 'issuer https://as; audience a;';
my $keys = "$is jwks $jwks;";
my $asks = "$is introspection https://127.0.0.1/i;"
           . " introspection_client bank $dir/secret;";


sub conf {
    my ($text) = @_;

    $o->configure(http => $text =~ /oof_issuer/ ? $text
                                                : "oof_issuer a { $text }");
    return $o->test_config;
}


sub refused {
    my ($name, $text, $why) = @_;

    my ($good, $said) = conf($text);

    ok(!$good, "$name: refused");
    like($said, $why, "$name: the reason");
    unlike($said, qr/\babc\b/, "$name: no secret");
}


sub fine {
    my ($name, $text, $warning) = @_;

    my ($good, $said) = conf($text);

    ok($good, "$name: fine") or diag($said);

    if ($warning) {
        like($said, $warning, "$name: but warned");

    } else {
        unlike($said, qr/\[warn\]/, "$name: without a warning");
    }
}


refused('nothing', '', qr/"oof_issuer a" needs "issuer URL;"/);
refused('no issuer', "audience a; jwks $jwks;", qr/needs "issuer URL;"/);
refused('no audience', "issuer a; jwks $jwks;", qr/needs "audience VALUE;"/);
refused('no keys', $is, qr/needs "jwks URL;" or "introspection URL;"/);
refused('both', "$asks jwks $jwks;", qr/keep the one by which/);
refused('no client', "$is introspection http://127.0.0.1/;",
        qr/needs "introspection_client ID FILE;"/);
refused('client without introspection',
        "$keys introspection_client bank $dir/secret;",
        qr/options of "introspection" without it/);
refused('cache of introspection without it', "$keys introspection_cache 5s;",
        qr/options of "introspection" without it/);
refused('algorithm without keys', "$asks algorithm PS256;",
        qr/options of "jwks" without it/);
refused('refresh without keys', "$asks jwks_refresh 5s;",
        qr/options of "jwks" without it/);
refused('an unknown option', "$keys colour red;",
        qr/unknown option "colour" in "oof_issuer a"/);
refused('too few', "$keys skew;",
        qr/invalid number of arguments of "skew" in "oof_issuer a"/);
refused('too many', "$keys skew 1s 2s;", qr/invalid number of arguments/);
refused('twice', "$keys jwks $jwks;", qr/"jwks" in "oof_issuer a" is dup/);
refused('issuer twice', "$keys issuer b;", qr/is duplicate/);
refused('the same name twice', "oof_issuer a { $keys } oof_issuer a { $keys }",
        qr/"oof_issuer" directive of this name exists already/);
refused('another algorithm', "$keys algorithm HS256;",
        qr/must be PS256, RS256 or ES256/);
refused('algorithm none', "$keys algorithm none;", qr/must be PS256/);
refused('bound maybe', "$keys bound maybe;", qr/must be "on" or "off"/);
refused('skew too long', "$keys skew 1h;", qr/at most 5m/);
refused('cache too long', "$asks introspection_cache 61s;",
        qr/at most 60s: a token may be revoked/);
refused('a cache of words', "$keys cache many;", qr/a number of 0 to 1000000/);
refused('a cache too large', "$keys cache 1000001;", qr/a number of 0 to/);
refused('refresh too often', "$keys jwks_refresh 500ms;", qr/1s to 24h/);
refused('refresh too seldom', "$keys jwks_refresh 25h;", qr/1s to 24h/);
refused('an empty audience', "$keys audience '';", qr/must not be empty/);
refused('an empty claim', "$keys grant_claim '';", qr/must not be empty/);

refused('keys of ftp', "$is jwks ftp://a/b;",
        qr/must begin with "https:\/\/", "http:\/\/" or "file:"/);
refused('keys without a host', "$is jwks https://;", qr/invalid URL/);
refused('keys with a user', "$is jwks https://u:p\@127.0.0.1/;",
        qr/have no user in it/);
refused('a port too large', "$is jwks https://127.0.0.1:70000/;",
        qr/invalid URL/);
refused('a file that is not there', "$is jwks file:$dir/no.jwks;",
        qr/no.jwks" failed \(2: No such file/);
refused('a folder', "$is jwks file:$dir;", qr/cannot be read/);
refused('no set', "$is jwks file:$dir/html;", qr/html" is not a key set/);
refused('a set too large', "$is jwks file:$dir/big.jwks;",
        qr/longer than 1048576 bytes/);
refused('a secret that is not there', "$is introspection http://127.0.0.1/;"
        . " introspection_client b $dir/no;", qr/no" failed \(2: /);
refused('an empty secret', "$is introspection http://127.0.0.1/;"
        . " introspection_client b $dir/empty;", qr/a file with its secret/);
refused('a secret too long', "$is introspection http://127.0.0.1/;"
        . " introspection_client b $dir/long;", qr/longer than 4096 bytes/);
refused('a ca that is none', "$keys ca $dir/html;", qr/nothing in PEM form/);
refused('a ca that is not there', "$keys ca $dir/no.pem;", qr/failed \(2: /);
refused('one set, two trusts',
        "oof_issuer a { $is jwks https://127.0.0.1/;"
        . ' ca ' . pki('root.pem') . "; } oof_issuer b { $is"
        . ' jwks https://127.0.0.1/; }', qr/used with two "ca" files/);

fine('keys of a file', $keys);
fine('keys of https', "$is jwks https://127.0.0.1/jwks;");
fine('keys of http, here', "$is jwks http://127.0.0.1:80/jwks;");
fine('IPv6', "$is jwks https://[::1]:8443/jwks;");
fine('keys of http, elsewhere', "$is jwks http://192.0.2.1/jwks;",
     qr/is not https: who is on the way can make tokens of his own/);
fine('no key in the set', "$is jwks file:$dir/none.jwks;",
     qr/no key of ".*none.jwks" can verify a signature/);
fine('introspection', $asks);
fine('all options of keys', "$keys algorithm ES256; bound off; skew 0s;"
     . ' cache 0; grant_claim gty; audience b c; jwks_refresh 24h; ca '
     . pki('root.pem') . ';');
fine('all options of introspection', "$asks introspection_cache 0s; bound on;"
     . ' cache 1000000;');
fine('an unknown name with a resolver', 'resolver 127.0.0.1:5353; oof_issuer'
     . " a { $is jwks https://no-such-host.invalid/jwks; }");

# the bank's side asks for no certificate to which a token could be bound

for (['', 0], ['bound on;', 0], ['bound off;', 1]) {
    my ($bound, $right) = @$_;
    my $name = 'the bank\'s side, ' . ($bound || 'by default');

    my $side = Test::Oof->start(
        hold => 1, http => "oof_issuer bank { $keys $bound }",
        management_server =>
            Test::Oof::server_defaults() =~ s/(oof_issuer\s+)main/$1bank/r
            . 'location /oof/v1/ { oof_api management v1; }');

    $side->allow(qr/\[emerg\]/);

    my ($good, $said) = $side->test_config;

    is($good ? 1 : 0, $right, $name) or diag($said);
    like($said, qr/\[emerg\] "oof_api management v1" refuses every token of/,
         "$name: the reason") if !$right;
    like($said, qr/"oof_issuer bank \{ \}".*: set "bound off" there/,
         "$name: what to do") if !$right;
}

done_testing();
