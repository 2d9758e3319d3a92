#!/usr/bin/perl

# Copyright (C) oof authors

# The schema as ./build.sh migrate makes it: what the run-time role may do and
# may not, twice is as good as once, partitions of the event log by day and how
# they are kept ahead.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX qw/ strftime /;
use Test::More;
use Test::Oof;
use Time::HiRes qw/ sleep time /;

my $role = "oof_role_$$";
my $owner = Test::Oof::Postgres::database('schema', empty => 1);
my $admin = $owner =~ s/dbname=\S+/dbname=postgres/r;
my $as_role = $owner =~ s/user=\S+/user=$role/r;


sub owner { Test::Oof::Postgres::query($owner, @_) }


# what PostgreSQL said, or an empty text

sub refused {
    my ($sql) = @_;

    return eval { Test::Oof::Postgres::query($as_role, $sql); 1 } ? '' : $@;
}

sub migrate {
    local $ENV{OOF_ROLE} = $role;
    my $rc = Test::Oof::Postgres::open2_in(\my $out, '',
                 "$Test::Oof::Root/build/migrate", $owner);
    return ($rc, $out);
}


my ($rc, $out) = migrate();
isnt($rc, 0, 'without the role nothing is migrated');
like($out, qr/the run-time role \S+ does not exist/, 'and it says why');

Test::Oof::Postgres::query($admin, "CREATE ROLE $role LOGIN");

($rc, $out) = migrate();
is($rc, 0, 'the schema is made') or diag($out);
($rc, $out) = migrate();
is($rc, 0, 'and again') or diag($out);


# the role

my @tables = map { $_->[0] } owner(
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    . " AND relkind IN ('r', 'p') AND relname LIKE 'oof_%'"
    . " AND relname !~ '_20\\d{6}\$' ORDER BY 1");

cmp_ok(scalar @tables, '>', 7, 'there are tables');

for my $table (@tables) {
    like(refused("TRUNCATE $table"), qr/permission denied/,
         "no TRUNCATE of $table");
    like(refused("DROP TABLE $table"), qr/must be owner/, "no DROP of $table");
    like(refused("ALTER TABLE $table ADD COLUMN x int"), qr/must be owner/,
         "no ALTER of $table");
}

like(refused('CREATE TABLE oof_x (a int)'), qr/permission denied/,
     'no CREATE TABLE');
like(refused('CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$'),
     qr/permission denied/, 'no CREATE FUNCTION');
like(refused("DELETE FROM $_"), qr/permission denied/, "no DELETE of $_")
    for qw/ oof_consent oof_consent_history oof_event oof_lease oof_clock
            oof_key_usage /;
like(refused("UPDATE $_ SET version = 2"), qr/permission denied/,
     "no UPDATE of $_, which is append-only")
    for qw/ oof_consent_history oof_event /;
like(refused('SELECT * FROM oof_migration'), qr/permission denied/,
     'the list of migrations is not its business');
like(refused("SELECT oof_event_bound(date '2026-01-01')"),
     qr/permission denied/, 'nor is what serves the owner alone');
is(refused('SELECT * FROM oof_event_partitions(14, 3)'), '',
   'partitions it may have made');

is_deeply([ owner("SELECT p.proname, p.proconfig::text FROM pg_proc p"
                  . " WHERE p.prosecdef"
                  . " AND p.pronamespace = 'public'::regnamespace"
                  . " AND NOT array_to_string(p.proconfig, ' ')"
                  . " ~ 'search_path=public, pg_temp'") ],
          [], 'each function with its owner\'s rights has a search_path');

# a function that obeys its caller's would be a way to the owner's rights

is(refused(<<'END'), '', 'a temporary table is no way around it');
CREATE TEMPORARY TABLE pg_inherits (inhrelid oid, inhparent oid);
CREATE TEMPORARY TABLE oof_event (id uuid);
SET search_path = pg_temp, public;
SELECT days_left FROM public.oof_event_partitions(14, 3);
END


# partitions

sub day { strftime('%Y%m%d', gmtime(time + 86400 * $_[0])) }

sub partitions {
    my ($ahead, $most) = @_;

    my ($row) = Test::Oof::Postgres::query($as_role,
        "SELECT days_left, made, astray FROM oof_event_partitions($ahead,"
        . " $most)");

    return join ' ', @$row;
}

sub exists_day { (owner("SELECT to_regclass('oof_event_" . day($_[0])
                        . "') IS NOT NULL"))[0][0] eq 't' }

my @all = owner("SELECT c.relname FROM pg_inherits i JOIN pg_class c"
                . " ON c.oid = i.inhrelid"
                . " WHERE i.inhparent = 'oof_event'::regclass ORDER BY 1");
is_deeply([ map { $_->[0] } @all ],
          [ sort 'oof_event_default', map { 'oof_event_' . day($_) } -1 .. 14 ],
          'a partition for yesterday, today and each of 14 days');

is(partitions(14, 3), '14 0 f', 'nothing to do');
is(partitions(17, 2), '16 2 f', 'as many as were asked for');
is(partitions(17, 2), '17 1 f', 'then the rest');
is(partitions(-5, 3), '0 0 f', 'no nonsense backwards');
is(partitions(100000, 0), '17 0 f', 'nor forwards');

# a row goes where its id says: to the millisecond

my $ms = int(time / 86400 + 2) * 86400_000;

for ([ $ms - 1, 1, 'ffff' ], [ $ms, 2, '0000' ]) {
    my ($at, $day, $rest) = @$_;
    my $id = sprintf('%012x', $at) . "7${rest}8${rest}fffffffff0";
    $id = substr($id, 0, 8) . '-' . substr($id, 8, 4) . '-'
          . substr($id, 12, 4) . '-' . substr($id, 16, 4) . '-'
          . substr($id . '000000000000', 20, 12);

    owner("INSERT INTO oof_event (id, key, time, stamp, version, brand, type,"
          . " data) VALUES ('$id', '$id', now(), now(), 1, 'b', 't', '{}')");
    is((owner("SELECT tableoid::regclass FROM oof_event WHERE id = '$id'"))
           [0][0], 'oof_event_' . day($day), "the id of $at ms is of its day");
}

# a gap is filled, and days left are those before the gap

owner('DROP TABLE oof_event_' . day(5));
is(partitions(17, 0), '4 0 f', 'a gap is seen');
is(partitions(17, 3), '17 1 f', 'and filled');

# astray

my $far = sprintf '%08x-%04x-7000-8000-000000000000',
                  map { $_ >> 16, $_ & 0xffff } int((time + 86400 * 20) * 1000);

owner("INSERT INTO oof_event (id, key, time, stamp, version, brand, type,"
      . " data) VALUES ('$far', '$far', now(), now(), 1, 'b', 't', '{}')");
is(partitions(17, 3), '17 0 t', 'a row without a partition is told');
is(partitions(21, 9), '19 3 t', 'its day gets none, its neighbours do');
ok(!exists_day(20) && exists_day(21), 'as that day cannot');
owner("DELETE FROM oof_event WHERE id = '$far'");
is(partitions(21, 9), '21 1 f', 'until it has gone');

# yesterday is made, and is no gap

owner('DROP TABLE oof_event_' . day(-1));
is(partitions(21, 0), '21 0 f', 'days left are those from today on');
is(partitions(21, 3), '21 1 f', 'yesterday is for clocks that are behind');

# a lock is waited for half a second in all, and writers do not wait for it

owner('DROP TABLE oof_event_' . day(3));

my $reader = Test::Oof::Postgres::session($owner);
$reader->run('BEGIN; SELECT count(*) FROM oof_event_default');

my $start = time;
is(partitions(14, 3), '2 0 f', 'who reads the log for long is not disturbed');
cmp_ok(time - $start, '<', 1, 'nor waited for, by more than half a second');

my $call = Test::Oof::Postgres::session($as_role);
$call->send('SELECT * FROM oof_event_partitions(14, 3)');
my $longest = 0;

for (1 .. 10) {
    my $t = time;
    owner("INSERT INTO oof_event (id, key, time, stamp, version, brand, type,"
          . " data) SELECT overlay(gen_random_uuid()::text PLACING"
          . " left(oof_event_bound(current_date + 1)::text, 13) FROM 1"
          . " FOR 13)::uuid, gen_random_uuid(), now(), now(), 1, 'b', 't',"
          . " '{}'");
    $t = time - $t;
    $longest = $t if $longest < $t;
}

$call->run('SELECT 1');
cmp_ok($longest, '<', 0.5, 'writers do not wait for it');
$reader->run('COMMIT');
is(partitions(14, 3), '14 1 f', 'made as soon as it may be');
$_->close for $reader, $call;

Test::Oof::Postgres::drop();
Test::Oof::Postgres::query($admin, "DROP ROLE $role");

done_testing();
