#!/usr/bin/perl

# Copyright (C) oof authors

# Backends of PostgreSQL are killed while consents are made and ended: nobody
# sees an error, nothing is lost, nothing is there twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents;
use Time::HiRes qw/ sleep time /;

use constant { CALLERS => 4, KILLS => 60 };

my $o = Test::Oof->start(workers => 2);

my $stop = "$Test::Oof::Dir/stop";
my @callers;

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
    sleep 0.05;
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

my (%calls, @bad, %created, %ended);

for my $i (1 .. CALLERS) {
    for (split /\n/, Test::Oof::slurp("$Test::Oof::Dir/caller-$i")) {
        my ($method, $status, $uuid) = split / /;

        $calls{"$method $status"}++;
        push @bad, $_ if !$status || $status >= 500;
        $created{$uuid} = 1 if $method eq 'POST' && $status == 201;
        $ended{$uuid}++ if $method eq 'DELETE' && $status == 204;
    }
}

diag(join ', ', map { "$_: $calls{$_}" } sort keys %calls);

is_deeply(\@bad, [], 'no error');
is_deeply([ sort keys %calls ],
          [ 'AGAIN 422', 'DELETE 204', 'GET 200', 'POST 201' ],
          'each call had the answer of its own doing');

my %rows = map { $_->[0] => $_->[1] }
               psql('SELECT consent_id, status FROM oof_consent');

is_deeply([ grep { !$rows{$_} } keys %created ], [], 'nothing is lost');
is_deeply([ grep { !$created{$_} } keys %rows ], [], 'nothing is there twice');
is_deeply([ grep { $ended{$_} != 1 || $rows{$_} ne 'REJECTED' } keys %ended ],
          [], 'each was ended once');

is_deeply([ psql(<<'END') ], [], 'history and events are those of the rows');
SELECT c.consent_id, c.version, h.n, e.n
  FROM oof_consent c
  LEFT JOIN (SELECT consent_id, count(*) AS n, max(version) AS v
               FROM oof_consent_history GROUP BY 1) AS h USING (consent_id)
  LEFT JOIN (SELECT key, count(*) AS n, count(DISTINCT version) AS v
               FROM oof_event GROUP BY 1) AS e ON e.key = c.consent_id
 WHERE h.n IS DISTINCT FROM c.version OR h.v <> c.version
       OR e.n IS DISTINCT FROM c.version OR e.v <> c.version
END

done_testing();


sub caller_of {
    my ($i) = @_;

    open my $log, '>', "$Test::Oof::Dir/caller-$i" or die $!;

    my ($headers, $body) = $o->request_parts('plain',
        json => consent_body(expirationDateTime => undef));
    my $c = $o->connect('plain');

    my $call = sub {
        my $r = $c->request(@_);

        # nginx ends a connection after so many requests

        $c = $o->connect('plain')
            if ($r->{headers}{connection} // '') eq 'close';

        return $r;
    };

    until (-e $stop) {
        my $r = $call->('POST', $Consents, $headers, $body);
        my $uuid = uuid_of($r);

        print $log "POST $r->{status} $uuid\n";
        next if $r->{status} != 201;

        for (qw/ GET DELETE AGAIN /) {
            my $method = $_ eq 'AGAIN' ? 'DELETE' : $_;

            $r = $call->($method, "$Consents/urn:bank:$uuid", $headers);
            print $log "$_ $r->{status} $uuid\n";
        }
    }

    close $log;
}
