#!/usr/bin/perl

# Copyright (C) oof authors

# What "nginx -t" says of the directives about certificates.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;

my $o = Test::Oof->start(hold => 1, issuing => 'ours.pem');
my $file = pki("ours-$$.pem");

$o->configure(issuing => "ours-$$.pem");
END { unlink $file if defined $file }

my $issuing = Test::Oof::slurp(pki('issuing.pem'));
my $foreign = Test::Oof::slurp(pki('foreign.pem'));

fine('two CAs', $issuing . $foreign);
fine('text around them', "the CAs\n$issuing\nand another\n$foreign\nend\n");

wrong('no such file', undef,
      qr/cannot open "[^"]+" of "oof_issuing_ca".*No such/);
wrong('an empty file', '', qr/cannot read certificate number 1 of "[^"]+"/);
wrong('no PEM', 'hello', qr/cannot read certificate number 1 .* PEM file/);
wrong('a broken second one', $issuing . ($foreign =~ s/(M)(.{20})/$1A$2/sr),
      qr/cannot read certificate number 2 /);
wrong('a second one cut short', $issuing . substr($foreign, 0, 400),
      qr/cannot read certificate number 2 /);
wrong('a leaf', $issuing . client_pem('one'),
      qr/certificate number 2 of "[^"]+" in "oof_issuing_ca" is not a CA's/);
wrong('a key', Test::Oof::slurp(client_key('one')),
      qr/cannot read certificate number 1/);

Test::Oof::spew($file, $issuing);

for (['10.0.0.300', qr/invalid address "10.0.0.300"/],
     ['10.0.0.0/40', qr/invalid address "10.0.0.0\/40"/])
{
    my ($address, $like) = @$_;

    $o->configure(server => "oof_client_certificate_from $address;");
    my ($good, $said) = $o->test_config;
    ok(!$good, "address $address: refused");
    like($said, $like, "address $address: it says why");
}

$o->configure(server => 'oof_client_certificate_from 10.0.0.1/8;');
my ($good, $said) = $o->test_config;
ok($good, 'low bits: accepted');
like($said, qr/low address bits of 10\.0\.0\.1\/8 are meaningless/,
     'low bits: it warns');

# resumed sessions are refused (spec 5.2): the mistake is told at the start

$o->configure(server => '');
($good, $said) = $o->test_config;
unlike($said, qr/resumed/, 'TLS as it is shipped: nothing to say');

my $bare = Test::Oof::tls_defaults() =~ s/^\s*include.*\n//mr;

for (['', 'ssl_session_tickets off'],
     ['ssl_session_tickets off; ssl_session_cache shared:x:1m;',
      'ssl_session_cache off'],
     ['ssl_session_tickets off;', undef],
     ['ssl_session_tickets off; ssl_session_cache off;', undef])
{
    my ($lines, $what) = @$_;
    my $name = $lines || 'nothing';

    $o->configure(tls_replace => "$bare\n$lines");
    ($good, $said) = $o->test_config;

    ok($good, "sessions, $name: accepted");
    is(() = $said =~ /\[warn\] TLS sessions can be resumed .*: set "([^"]*)"/g,
       $what ? 1 : 0, "sessions, $name: warnings");
    like($said, qr/: set "\Q$what\E"/, "sessions, $name: what to do") if $what;
}

done_testing();


sub write_file {
    my ($text) = @_;

    if (defined $text) {
        Test::Oof::spew($file, $text);

    } else {
        unlink $file;
    }
}


sub fine {
    my ($name, $text) = @_;

    write_file($text);
    my ($good, $said) = $o->test_config;
    ok($good, "$name: accepted") or diag($said);
}


sub wrong {
    my ($name, $text, $like) = @_;

    write_file($text);
    my ($good, $said) = $o->test_config;
    ok(!$good, "$name: refused");
    like($said, $like, "$name: it says why");
}
