#!/usr/bin/perl

# Copyright (C) oof authors

# Many consents that are due at once, two nginx on one database, and a kill -9
# of the one that sweeps: each is ended once, no row is locked for long, and
# requests go on as before (spec 1.5; 7, 23).  50,000 of them; 1,000,000, and
# figures that are judged, only with "build.sh test --long".

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents;
use Time::HiRes qw/ sleep time /;

my $measure = $ENV{OOF_MEASURE};
my $many = $measure ? 1_000_000 : 50_000;
my $org = $Test::Oof::Clients{one}{organisation_id};

$Test::Oof::Client::timeout = 60;


# half of them were not authorised in time, of the others the term is over

psql(<<"END");
CREATE TABLE stop ();
INSERT INTO oof_consent (consent_id, brand, client_id, organisation_id, status,
                         creation, status_update, permissions, authorise_until,
                         expiration, version, stamp, personal, cpf_hmac)
     SELECT gen_random_uuid(), 'bank', 'client-one', '$org',
            CASE i % 2 WHEN 0 THEN 'AUTHORISED'
                       ELSE 'AWAITING_AUTHORISATION' END,
            t.due - interval '60 minutes', t.due - interval '60 minutes', 1,
            t.due, t.due, 1, t.due, repeat('x', 120)::bytea,
            sha256(i::text::bytea)
       FROM generate_series(1, $many) i,
            LATERAL (SELECT timestamptz '2026-01-01 10:00:00Z'
                            + (i / 50) * interval '1 second' AS due) t;
CHECKPOINT;
END

# who serves requests takes no part

my $front = Test::Oof->start(leases => 0,
                             http => 'keepalive_requests 1000000;');
my $uuid = uuid_of(post($front, consent_body()));
latency(0.5);
my $quiet = latency(2);
my $watch = Test::Oof::Postgres::session(database_dsn());

END { kill 'TERM', $watch->{pid} if $watch && $watch->{pid} }

$watch->send(<<'SQL');
DO $$
DECLARE
    seen timestamptz;
    began timestamptz;
    age float8;
    most float8 := 0;
    n int := 0;
    slow int := 0;
BEGIN
    WHILE (SELECT count(*) = 0 FROM pg_attribute WHERE attrelid =
               'stop'::regclass AND attname = 'now') LOOP
        PERFORM pg_stat_clear_snapshot();
        SELECT max(xact_start), max(extract(epoch FROM clock_timestamp()
                                                       - xact_start)) * 1000
          INTO began, age
          FROM pg_stat_activity
         WHERE datname = current_database()
               AND pid <> pg_backend_pid()
               AND state LIKE '%active%' AND query LIKE 'WITH held%';
        IF began <> seen OR seen IS NULL AND began IS NOT NULL THEN
            n := n + 1;
        END IF;
        IF age > 100 AND most <= 100 OR age > 100 AND began <> seen THEN
            slow := slow + 1;
        END IF;
        seen := coalesce(began, seen);
        most := greatest(most, age);
        PERFORM pg_sleep(0.003);
    END LOOP;
    PERFORM set_config('oof.seen', concat_ws(' ', most, n, slow), false);
END
$$
SQL

# the last of them are held by somebody until the kill, so that some are left

my $kept = 2_000;
my $holder = Test::Oof::Postgres::session(database_dsn());
$holder->run("BEGIN;\nSELECT count(*) FROM (SELECT FROM oof_consent WHERE due"
             . " < '2027-01-01Z' ORDER BY due DESC LIMIT $kept FOR UPDATE) AS"
             . ' c');

my @o = map { Test::Oof->start(leases => 1) } 0 .. 1;
my $start = time;

wait_for(sub { swept() > $many / 20 }, 60, 'the first');
my $busy = latency($measure ? 10 : 1);

wait_for(sub { swept() > $many / 3 }, 600, 'a third');


# the one that sweeps is killed in the middle of it

my ($first) = grep { held($_) } @o;
my ($other) = grep { $_ != $first } @o;
ok(!held($other), 'one of two sweeps');
is($other->metric('oof_consents_swept_total'), 0, 'the other does not');
is($other->metric('oof_consents_due'), undef, 'and tells of no backlog');
cmp_ok($first->metric('oof_consents_due'), '>', 1000, 'who sweeps does');
cmp_ok($first->metric('oof_consents_due_age_seconds'), '>', 3600,
       'and how long it has been there');
my @took = batches($first);

$other->allow(qr/exited on signal 9/);
kill 'KILL', $first->pid, $first->worker_pids;
delete $first->{started};

# what it had sent is done or undone; then the lease says who may

wait_for(sub { (psql('SELECT count(*) FROM pg_stat_activity WHERE datname ='
                     . " current_database() AND query LIKE 'WITH held%' AND"
                     . " pid <> pg_backend_pid() AND state <> 'idle'"))[0][0]
               == 0 }, 10, 'its last batch');
$holder->run('COMMIT');
$holder->close;

my ($epoch, undef, $left) = @{ lease() };
my %left = ($left => 1);
while (1) {
    my ($now, $valid, $due) = @{ lease() };
    last if $now != $epoch || $valid ne 't';
    $left{$due} = 1;
    sleep 0.1;
}
is_deeply([ keys %left ], [ $left ], 'nobody sweeps until the lease ends');
cmp_ok($left, '>', $kept, 'some are left');

my $done = $many - ($left - 1);
wait_for(sub { held($other) }, 20, 'the other to hold the lease');
wait_for(sub { $done + swept() == $many }, 1200, 'all');
my $took = time - $start;
wait_for(sub { $other->metric('oof_consents_due') == 0 }, 10, 'the metrics');
push @took, batches($other);

psql('ALTER TABLE stop ADD COLUMN now int');
my ($line) = $watch->run("SELECT current_setting('oof.seen')");
my ($age, $seen, $slow) = split ' ', $line;
$watch->close;


# each once

is_deeply([ psql('SELECT count(*), count(DISTINCT consent_id), min(version),'
                 . ' max(version) FROM oof_consent_history'
                 . " WHERE actor = 'time'") ],
          [ [ $many, $many, 2, 2 ] ], 'each is ended once');
is_deeply([ psql('SELECT count(*), count(DISTINCT key), min(version),'
                 . ' max(version) FROM oof_event'
                 . " WHERE type = 'oof.consent.rejected'") ],
          [ [ $many, $many, 2, 2 ] ], 'and told once');
is((psql('SELECT count(*) FROM oof_consent c JOIN oof_consent_history h ON'
         . ' h.consent_id = c.consent_id AND h.version = c.version JOIN'
         . ' oof_event e ON e.id = h.event_id AND e.key = c.consent_id'
         . " WHERE c.status = 'REJECTED' AND c.rejected_by = 'ASPSP'"
         . ' AND c.status_update = c.authorise_until AND h."at" ='
         . ' c.status_update AND e."time" = c.status_update AND e.stamp ='
         . ' c.stamp AND c.reason_code = CASE WHEN e.data LIKE'
         . " '%\"previousStatus\":\"AUTHORISED\"%' THEN"
         . " 'CONSENT_MAX_DATE_REACHED' ELSE 'CONSENT_EXPIRED' END"))[0][0],
   $many, 'all three agree, at the due instant');
is(due(), 1, 'but the one that is alive');


# without holding anybody up

my ($n, $brief, $seconds) = (0, 0, 0);

for (@took) {
    $n += $_->[0];
    $brief += $_->[1];
    $seconds += $_->[2];
}

diag(sprintf '%d in %.0f s with a kill, %d batches of %.1f ms, %d of them over'
             . ' 100 ms; longest transaction seen %.0f ms, %d of %d over'
             . ' 100 ms; GET before %.1f/%.1f ms, then %.1f/%.1f ms (median,'
             . ' 95 %%)',
             $many, $took, $n, 1000 * $seconds / $n, $n - $brief, $age, $slow,
             $seen, @$quiet, @$busy);

cmp_ok($n, '>=', ($many - $kept) / 512, 'in batches');

# where many share the processors, what one waits for them is theirs

if ($measure) {
    cmp_ok($seen, '>', 20, 'batches were watched');
    cmp_ok($age, '<', 100, 'no row is locked for more than 100 ms');
    cmp_ok($busy->[0], '<', $quiet->[0] * 2 + 1, 'requests go on as before');
    cmp_ok($busy->[1], '<', $quiet->[1] * 2 + 5, 'and nearly all of them');
}

done_testing();


sub held { $_[0]->metric('oof_lease_held', lease => 'sweeper') // 0 }


# what has been ended by those who live, and what is due or will be

sub swept {
    my $n = 0;
    $n += $_->metric('oof_consents_swept_total') for grep { $_->{started} } @o;
    return $n;
}


sub due {
    return (psql('SELECT count(*) FROM oof_consent WHERE due IS NOT NULL'))
               [0][0];
}


# the lease's epoch, whether it has not ended, and what is due, at one instant

sub lease {
    return (psql('SELECT l.epoch, l.until > clock_timestamp(), (SELECT'
                 . ' count(*) FROM oof_consent WHERE due IS NOT NULL) FROM'
                 . " oof_lease l WHERE l.name = 'sweeper'"))[0];
}


# its batches, those of less than 100 ms, and the seconds of all

sub batches {
    my ($of) = @_;

    my $text = $of->get('/metrics')->{body};

    return [ map { $text =~ /^oof_consent_sweep_seconds_$_ (\S+)$/m }
                 'count\{[^}]*\}', 'bucket\{[^}]*le="0\.1"\}',
                 'sum\{[^}]*\}' ];
}


# the median and the 95th percentile of GETs for so many seconds, in ms

sub latency {
    my ($seconds) = @_;

    my ($headers) = $front->request_parts('plain');
    my $c = $front->connect('plain');
    my $end = time + $seconds;
    my @took;

    while (time < $end) {
        my $start = time;
        my $r = $c->request('GET', "$Consents/urn:bank:$uuid", $headers);
        push @took, (time - $start) * 1000;
        die "GET: $r->{status}" if $r->{status} != 200;
        sleep 0.002;
    }

    @took = sort { $a <=> $b } @took;

    return [ @took[@took / 2, @took * 0.95] ];
}
