#!/usr/bin/perl

# Copyright (C) oof authors

# Answers that are signed by nginx's threads, APIs that are closed on a date,
# what the directives of both refuse (spec 2.1, 2.2).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Time::HiRes qw/ sleep time /;

my $o = payments(http => "    oof_signing threads=signers;\n",
                 main => 'thread_pool signers threads=2 max_queue=8;',
                 four => 'oof_api_closed_from 2100-03-01;',
                 five => 'oof_deadline 5s;');


# --- threads: the same answers

my $r = pay($o, POST => '/consents', payment_consent());
my $uuid = consent_uuid($r);

is($r->{status}, 201, 'made');
ok($r->{verified}, 'made: signed');
is($r->{json}{aud}, $Test::Oof::Clients{one}{organisation_id}, 'made: aud');

$r = pay($o, GET => "/consents/urn:bank:$uuid");
is($r->{status}, 200, 'read');
ok($r->{verified}, 'read: signed');

$r = pay($o, POST => '/consents', {});
is($r->{status}, 422, 'refused');
ok($r->{verified}, 'refused: signed');

is_plain_error(pay($o, GET => "/consents/urn:bank:" . new_uuid()), 404,
               'NOT_FOUND', 'unknown: not signed');


# many at once: a queue that is full is 529, and nobody is left without

my @pids;
pipe my $in, my $out;

for (1 .. 8) {
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        srand $$;
        my %seen;
        for (1 .. 10) {
            my $a = pay($o, GET => "/consents/urn:bank:$uuid");
            $seen{$a->{status} == 200 && !$a->{verified} ? 'bad'
                                                          : $a->{status}}++;
        }
        syswrite $out, join(' ', %seen) . "\n";
        POSIX::_exit(0);
    }

    push @pids, $pid;
}

close $out;
my %seen;

while (<$in>) {
    my %some = split;
    $seen{$_} += $some{$_} for keys %some;
}

waitpid $_, 0 for @pids;

is(($seen{200} // 0) + ($seen{529} // 0), 80, 'all are answered')
    or diag(explain(\%seen));
ok($seen{200}, 'most by a signature');


# a client that goes while a thread works leaves nothing behind

for (1 .. 5) {
    my $c = $o->connect('plain');
    my ($headers) = $o->request_parts('plain', scope => 'payments');
    $c->write("GET $Pay5/consents/urn:bank:$uuid HTTP/1.1\r\n"
              . join('', map { "$_->[0]: $_->[1]\r\n" } @$headers) . "\r\n");
    $c->close;
}

is(pay($o, GET => "/consents/urn:bank:$uuid")->{status}, 200,
   'the next one is answered');


# --- closed from a date on, in Brasilia: 404 as if it had never been

is(pay($o, POST => '/consents', payment_consent(purpose => undef),
       version => 4)->{status}, 201, 'v4 is open');

my $start = 4107553200;          # 2100-03-01T03:00:00Z

$o->clock($start - int(time) - 20);
wait_for(sub {
    my $r = pay($o, GET => "/consents/urn:bank:$uuid");
    ($r->{json}{data}{status} // '') eq 'REJECTED';
}, 5, 'the clock');

like(pay($o, GET => '/consents/urn:bank:' . new_uuid(), version => 4)
         ->{json}{errors}[0]{title}, qr/^Consentimento /, 'before: served');

$o->clock($start - int(time) + 5);
wait_for(sub {
    pay($o, GET => '/consents/urn:bank:' . new_uuid(), version => 4)
        ->{json}{errors}[0]{title} !~ /^Consentimento /;
}, 5, 'the clock');

is_plain_error(pay($o, GET => '/consents/urn:bank:' . new_uuid(),
                   version => 4), 404, 'NOT_FOUND', 'after: closed');
is_plain_error(pay($o, DELETE => '/consents', {}, version => 4), 404,
               'NOT_FOUND', 'after: any method');
is(pay($o, POST => '/consents', payment_consent(), token => undef)->{status},
   401, 'v5 is open');

$o->clock(0);


# --- what the directives refuse

sub refused {
    my ($name, $text, %args) = @_;

    my $bad = payments(hold => 1, %args);
    my ($ok, $said) = $bad->test_config;

    ok(!$ok, "$name: refused");
    like($said, $text, "$name: why");
}

my $key = pki('signing.key');

refused('no keystore', qr/"oof_api payments v4" needs "oof_keystore"/,
        keystore => '');
refused('no key', qr/"oof_api payments v4" needs "oof_signing_key"/,
        signing => '', locations => '');
refused('a key twice', qr/has a key id that is there already/,
        signing => "oof_signing_key a $key;\noof_signing_key a $key;");
refused('no key in it', qr/no private key could be read/,
        signing => "oof_signing_key a " . pki('issuing.pem') . ';');
refused('no file', qr/nowhere/, signing => 'oof_signing_key a /nowhere;');
refused('a keystore that is none', qr/invalid URL/,
        keystore => 'ftp://127.0.0.1');
refused('a keystore with a slash', qr/must not end with/,
        keystore => 'http://127.0.0.1/');
refused('a refresh of none', qr/invalid "refresh"/,
        keystore => 'http://127.0.0.1/a refresh=0');
refused('a parameter of none', qr/invalid parameter "x=1"/,
        keystore => 'http://127.0.0.1/a x=1');
refused('a date of none', qr/must be a date/,
        four => 'oof_api_closed_from 2026-02-30;');
refused('signing', qr/must be "inline"/, http => "    oof_signing fast;\n");
refused('no thread pool', qr/unknown thread pool "nobody"/,
        http => "    oof_signing threads=nobody;\n");
refused('a memory that is too short', qr/must be 24 hours to 366 days/,
        http => "    oof_idempotency_keep 23h;\n");
refused('instruments', qr/invalid value "TED"/,
        five => 'oof_payment_instruments TED;');

done_testing();
