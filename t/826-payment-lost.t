#!/usr/bin/perl

# Copyright (C) oof authors

# Backends of PostgreSQL are killed while payment consents are made, repeated
# with their keys, and decided: nobody sees an error, a unit that runs again
# does not take its own jti or key for another's, each key has one consent
# (spec 2.3, 2.9).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Time::HiRes qw/ sleep time /;

use constant { CALLERS => 4, KILLS => 60 };

my $o = payments(workers => 2);
my $account = { ispb => '87654321', issuer => '0001', number => '94088392',
                accountType => 'CACC' };

is(pay($o, GET => '/consents/urn:bank:' . new_uuid(), client => $_)->{status},
   404, "$_ is known") for qw/ one two /;

my $stop = "$Test::Oof::Dir/stop";
my @callers;

sub caller_of {
    my ($i) = @_;

    srand $$;
    open my $f, '>', "$Test::Oof::Dir/caller-$i" or die "caller-$i: $!";

    while (!-f $stop) {
        my $key = new_uuid();
        my $body = payment_consent(amount => sprintf '%d.00',
                                             1 + int rand 1000);

        my $uuid;

        for (1 .. 2) {
            my $r = pay($o, POST => '/consents', $body, idempotency => $key);
            $uuid = consent_uuid($r);
            print $f "POST $r->{status} $key $uuid\n";
        }

        my $r = pay($o, POST => '/consents', payment_consent(amount =>
                    '5000.00'), idempotency => $key);
        print $f "other $r->{status} $key "
                 . ($r->{json}{errors}[0]{code} // '') . "\n";

        next if !$uuid;

        $r = journey($o, POST => $uuid, json => { data => {
                 decision => 'AUTHORISE', debtorAccount => $account,
                 customer => { cpf => '48847377765' } } });
        print $f "decide $r->{status} $key $uuid\n";
    }
}

for my $i (1 .. CALLERS) {
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        caller_of($i);
        POSIX::_exit(0);
    }

    push @callers, $pid;
}

my $s = Test::Oof::Postgres::session(database_dsn());
my $killed = 0;

for (1 .. KILLS) {
    sleep 0.1;
    $killed += grep { $_ eq 't' }
               $s->run('SELECT pg_terminate_backend(pid) FROM pg_stat_activity'
                       . ' WHERE datname = current_database()'
                       . ' AND pid <> pg_backend_pid()'
                       . " AND application_name <> 'psql'"
                       . ' ORDER BY random() LIMIT 1');
}

$s->close;
Test::Oof::spew($stop, '');
waitpid $_, 0 for @callers;

cmp_ok($killed, '>=', KILLS / 2, "$killed backends were killed");

my (%calls, @bad, %consents, %decided);

for my $i (1 .. CALLERS) {
    for (split /\n/, Test::Oof::slurp("$Test::Oof::Dir/caller-$i")) {
        my ($call, $status, $key, $what) = split / /;

        $calls{"$call $status"}++;

        push @bad, $_ if $call eq 'POST' && $status != 201
                         || $call eq 'other' && $status != 422
                         || $call eq 'decide' && $status != 200;
        $consents{$key}{$what} = 1 if $call eq 'POST';
        $decided{$what} = 1 if $call eq 'decide';
        push @bad, $_ if $call eq 'other' && $what ne 'ERRO_IDEMPOTENCIA';
    }
}

diag(join ', ', map { "$_: $calls{$_}" } sort keys %calls);

is_deeply(\@bad, [], 'every answer is the right one');
cmp_ok(scalar keys %consents, '>', 10, 'there was work');
is(scalar(grep { keys %{ $consents{$_} } != 1 } keys %consents), 0,
   'each key has one consent');
is((psql('SELECT count(*) FROM oof_payment_consent'))[0][0],
   scalar keys %consents, 'and no others are there');
is((psql('SELECT count(*) FROM oof_idempotency'))[0][0],
   scalar keys %consents, 'nor other keys');
is((psql("SELECT count(*) FROM oof_payment_consent WHERE status ="
         . " 'AUTHORISED' AND version = 2"))[0][0], scalar keys %decided,
   'each decision is there once');
is((psql('SELECT count(*) FROM oof_payment_consent c WHERE version <>'
         . ' (SELECT count(*) FROM oof_payment_consent_history h WHERE'
         . ' h.consent_id = c.consent_id) OR version <> (SELECT count(*) FROM'
         . ' oof_event e WHERE e.key = c.consent_id)'))[0][0], 0,
   'with its history and its events');

$o->allow(qr/terminating connection|was lost|server closed/);

done_testing();
