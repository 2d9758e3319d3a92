#!/usr/bin/perl

# Copyright (C) oof authors

# The drills of docs/operations.md.  A dump is restored into another database,
# migrated, and served from; a standby is promoted when its primary has died,
# and nginx, which knows both, goes on without being told.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use File::Path qw/ make_path remove_tree /;
use Test::More;
use Test::Oof;
use Test::Oof::Bank;
use Test::Oof::Consents qw/ end_consent extend_consent get_consent renewal
                            at /;
use Test::Oof::Journey qw/ authorised $Ana /;
use Time::HiRes qw/ time sleep /;

my $cluster = Test::Oof::Postgres::own();
my $first = "$cluster->{dir}/s";
my $second = "$cluster->{dir}/s2";
my $consents = "$Test::Oof::Api/consents";


# --- back up

my $o = bank_side(leases => 1);
my ($kept) = authorised($o, expirationDateTime => at(86400 * 90));
$kept = $kept->{id} if ref $kept eq 'HASH';

tool('pg_dump', '-Fc', '-f', "$first/dump", database_dsn());
my $late = $o->call(POST => $consents, json => consent_body());
is($late->{status}, 201, 'a consent after the backup');

# --- and restore

my $restored = Test::Oof::Postgres::database('restored', empty => 1);
tool('pg_restore', '--exit-on-error', '-d', $restored, "$first/dump");

my $rc = do {
    local $ENV{OOF_ROLE} = 'oof';
    Test::Oof::Postgres::open2_in(\my $out, '',
        "$Test::Oof::Root/build/migrate", $restored);
};
is($rc, 0, 'migrations find all that they have done');

served_from($restored);

my $r = get_consent($o, $kept);
is($r->{status}, 200, 'restored: a consent is read') or diag($r->{body});
is($r->{json}{data}{status}, 'AUTHORISED', 'as it was');
like(listed($o, "cpf=$Ana"), qr/\Q@{[ $kept =~ s{.*:}{}r ]}/,
     'restored: it is found by CPF, with the same keys');
is(get_consent($o, $late->{json}{data}{consentId})->{status}, 404,
   'what came after the backup is not there');
is(extend_consent($o, $kept, renewal(loggedUser => { document => {
       identification => $Ana, rel => 'CPF' } },
       expirationDateTime => at(86400 * 200)))->{status}, 201,
   'restored: it is renewed');
is($o->call(POST => $consents, json => consent_body())->{status}, 201,
   'restored: a new one');
is(end_consent($o, $kept)->{status}, 204, 'restored: it is revoked');
wait_for(sub { Test::Oof::Postgres::query($restored,
    "SELECT 1 FROM oof_lease WHERE name = 'sweeper' AND until > now()") }, 20,
         'leases');
pass('restored: its leases are held');


# --- fail over

tool('pg_basebackup', '-d', "host=$first port=5432 user=postgres", '-D',
     "$second/data", '-R', '-X', 'stream', '-c', 'fast');
Test::Oof::spew("$second/more", "unix_socket_directories = '$second'\n"
                                . "log_min_messages = warning\n");
system("cat $second/more >> $second/data/postgresql.conf");
tool('pg_ctl', '-D', "$second/data", '-l', "$second/log", '-w', '-s', 'start');

my $name = database_dsn() =~ s/.*dbname=(\S+).*/$1/r;
my $both = "host=$first,$second port=5432,5432 dbname=$name user=postgres";
$o->allow(qr/database|lane|connection|server closed|terminat|lease/);
served_from($both, 'connect_timeout 1s;');

$r = $o->call(POST => $consents, json => consent_body());
is($r->{status}, 201, 'two hosts: the primary is found');
my $one = $r->{json}{data}{consentId};
wait_for(sub { Test::Oof::Postgres::query(
    "host=$second port=5432 dbname=$name user=postgres",
    'SELECT 1 FROM oof_consent WHERE consent_id = '
    . "'@{[ $one =~ s{.*:}{}r ]}'") }, 20, 'the standby');

$cluster->end('KILL');
$r = $o->call(POST => $consents, json => consent_body());
is($r->{status}, 503, 'no primary: 503');
cmp_ok($r->{headers}{'retry-after'} // 0, '>', 0, 'with Retry-After');

tool('pg_ctl', '-D', "$second/data", '-w', '-s', 'promote');
my $promoted = time;
wait_for(sub { $o->call(POST => $consents, json => consent_body())->{status}
               == 201 }, 20, 'service');
pass(sprintf 'promoted: served after %.1f s', time - $promoted);
ok(wait_for(sub { get_consent($o, $one)->{status} == 200 }, 20, 'readers'),
   'what was replicated is there');
is($o->call(GET => "$consents/$one", token => token())->{json}{data}{status},
   'AWAITING_AUTHORISATION', 'as it was');

$o->stop;
tool('pg_ctl', '-D', "$second/data", '-m', 'immediate', '-w', '-s', 'stop');
remove_tree($second);

done_testing();


# the same nginx with another connection string

sub served_from {
    my ($conninfo, $more) = @_;

    my $file = "$o->{dir}/nginx.conf";
    my $text = Test::Oof::slurp($file);

    $more //= '';
    $text =~ s/connect "[^"]*";/connect "$conninfo"; $more/ or die $text;

    $o->stop;
    Test::Oof::spew($file, $text);
    $o->launch;
}

# a program of PostgreSQL, as its user

sub tool {
    my ($name, @args) = @_;

    if (!-d $second) {
        make_path($second);
        chown +(getpwnam('postgres'))[2, 3], $second if $< == 0;
    }

    Test::Oof::Postgres::as_postgres(Test::Oof::Postgres::program($name),
                                     @args);
}
