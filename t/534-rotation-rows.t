#!/usr/bin/perl

# Copyright (C) oof authors

# A rotation of keys and rows that are in its way: held by another session,
# refused by the database, written by a process of the old configuration; other
# keys than those it was begun with; what its directive takes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof;
use Test::Oof::Consents qw/ lane /;
use Test::Oof::Journey qw/ bank new_consent $Ana /;
use Time::HiRes qw/ sleep /;


# --- the directive

my $conf = Test::Oof->start(hold => 1);

for (
    [ 'rows=0', qr/has rows that are not 1 to 2000/ ],
    [ 'rows=2001', qr/has rows that are not 1 to 2000/ ],
    [ 'pause=61s', qr/has a pause that is not a time up to 60s/ ],
    [ 'pause=x', qr/has a pause that is not a time up to 60s/ ],
    [ 'speed=9', qr/takes "rows=N" and "pause=TIME", not "speed=9"/ ],
    [ 'rows=5 rows=6', qr/takes "rows=N" and "pause=TIME", not "rows=6"/ ],
    [ 'rows=5; oof_rotation rows=6', qr/is duplicate/ ],
) {
    my ($words, $why) = @$_;

    $conf->configure(http => "oof_rotation $words;");
    my ($ok, $said) = $conf->test_config;
    ok(!$ok, "$words: refused");
    like($said, $why, "$words: why");
}

$conf->allow(qr/\[emerg\]/);


# --- rows

my $o = Test::Oof::Journey::journey(core => undef, leases => 1,
    http => "oof_rotation rows=16 pause=5ms;\n");

$o->allow(qr/cannot be written/, qr/statement "rotate_consent_write"/,
          qr/are under no key of/, qr/waits: here other keys come first/);

my @ids = map { new_consent($o) =~ s/^urn:bank://r } 1 .. 40;

sub keys_are {
    my ($text) = @_;

    my $file = "$o->{dir}/nginx.conf";
    my $old = Test::Oof::slurp($file, 1);

    $old =~ s/oof_keys main \{.*?\}/oof_keys main { $text }/s;
    Test::Oof::spew($file, $old);
    $o->reload;
}

my %file = map { $_ => Test::Oof::key_file($_) }
           qw/ encrypt lookup encrypt2 lookup2 /;

sub rotation {
    my ($method, %args) = @_;

    return bank($o, $method, '/oof/v1/rotation', scope => 'oof_admin',
                %args)->{json}{data};
}

sub state { rotation('GET')->{state} }

sub begin { rotation('POST', json => { data => {} }) }

sub consents {
    return (grep { $_->{table} eq 'oof_consent' }
                 @{ rotation('GET')->{tables} })[0];
}

sub under {
    return join ' ', map { "$_->[0]=$_->[1]" } psql(
        "SELECT convert_from(substr(personal, 3, get_byte(personal, 1)),"
        . " 'UTF8'), count(*) FROM oof_consent GROUP BY 1 ORDER BY 1");
}

keys_are("encrypt k2 $file{encrypt2}; encrypt k1 $file{encrypt};"
         . " lookup l2 $file{lookup2}; lookup l1 $file{lookup};");

# one is held by another session, one is refused

psql("ALTER TABLE oof_consent ADD CONSTRAINT stubborn CHECK (consent_id <>"
     . " '$ids[20]') NOT VALID");
my $holder = lane();
$holder->run("BEGIN;\nSELECT 1 FROM oof_consent WHERE consent_id = '$ids[5]'"
             . ' FOR UPDATE');

begin();
wait_for(sub { rotation('GET')->{pass} > 2 }, 15, 'passes');
is(under(), 'k1=2 k2=38', 'all but the two are written');
is(state(), 'running', 'it goes on while one is held');

$holder->run('COMMIT');
$holder->close;
wait_for(sub { state() eq 'done' }, 20, 'the end');
is(under(), 'k1=1 k2=39', 'the one that was held is written');
is(consents()->{unreadable}, 1, 'the one that is refused is told of');
like($o->log_text, qr/\[error\].*a row of "oof_consent" of brand \S+ cannot be/,
     'in the log too');
like($o->log_text, qr/\[error\].* 1 rows of brand \S+ are under no key of/,
     'and at the end');

# as a process of the old configuration would write

psql('ALTER TABLE oof_consent DROP CONSTRAINT stubborn');
is(begin()->{state}, 'running', 'once more');
wait_for(sub { state() eq 'done' }, 20, 'the end');
is(under(), 'k2=40', 'then all are written');

my $r = bank($o, GET => "/oof/v1/authorisations/urn:bank:$ids[20]");
is($r->{status}, 200, 'and are read');


# --- other keys come first

keys_are("encrypt k1 $file{encrypt}; encrypt k2 $file{encrypt2};"
         . " lookup l1 $file{lookup}; lookup l2 $file{lookup2};");
psql("UPDATE oof_rotation SET state = 'running', pass = 1");
wait_for(sub { $o->log_text =~ /waits: here other keys come first/ }, 15,
         'a word');
is(under(), 'k2=40', 'nothing is written under keys that nobody asked for');

# who says so now, means these

begin();
wait_for(sub { state() eq 'done' }, 20, 'the end');
is(under(), 'k1=40', 'back again');

done_testing();
