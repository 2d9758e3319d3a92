#!/usr/bin/perl

# Copyright (C) oof authors

# The statements of consents by themselves: a unit that runs again, rows that
# another session holds, what time ends, and plans.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;

my $dsn = database_dsn();
my @prepared = prepared();

my $consent = '01936000-0000-7000-8000-0000000000c1';
my $org = $Test::Oof::Clients{one}{organisation_id};
my $n = 0;


# --- a new consent

my $created = uuid();

is(create($consent, $created), 1, 'create: outcome');
is_deeply(tables(), [ 1, 1, 1 ], 'create: a consent, its history, its event');

my @rows = rows();

is(create($consent, $created), 1, 'create again: the same outcome');
is_deeply([ rows() ], \@rows, 'create again: nothing is written');

# a run that is still being committed is waited for

my $other = '01936000-0000-7000-8000-0000000000c2';
my $event = uuid();
my ($one, $two) = (session(), session());

$one->run("BEGIN;\n" . create_sql($other, $event));
$two->send(create_sql($other, $event));
blocked('create twice at once: the second waits');
$one->run('COMMIT');
is(($two->run('SELECT 0'))[0], 1, 'create twice at once: the same outcome');
is_deeply(tables(), [ 2, 2, 2 ], 'create twice at once: written once');

# and one that is rolled back has not happened

$event = uuid();
$one->run("BEGIN;\n" . create_sql('01936000-0000-7000-8000-0000000000c3',
                                  $event));
$two->send(create_sql('01936000-0000-7000-8000-0000000000c3', $event));
blocked('create after a failure: the second waits');
$one->run('ROLLBACK');
is(($two->run('SELECT 0'))[0], 1, 'create after a failure: outcome');
is_deeply(tables(), [ 3, 3, 3 ], 'create after a failure: written');


# --- its end

is(delete_consent(uuid(), uuid()), 2, 'delete: unknown');
is(delete_consent($consent, uuid(), brand => 'other'), 2,
   'delete: of another brand');
is(delete_consent($consent, uuid(), client => 'client-two'), 3,
   'delete: of another client');
is_deeply(tables(), [ 3, 3, 3 ], 'delete: refusals write nothing');

my $deleted = uuid();

is(delete_consent($consent, $deleted), 1, 'delete: outcome');
is_deeply(state_of($consent),
          [ 'REJECTED', 'USER', 'CUSTOMER_MANUALLY_REJECTED', 2,
            '2026-01-01 00:10:00+00' ],
          'delete: an unauthorised one was rejected');
is_deeply([ history($consent) ],
          [ [ 1, '2026-01-01 00:00:00+00', 'AWAITING_AUTHORISATION', undef,
              undef, 'client', $created ],
            [ 2, '2026-01-01 00:10:00+00', 'REJECTED', 'USER',
              'CUSTOMER_MANUALLY_REJECTED', 'client', $deleted ] ],
          'delete: history');

@rows = rows();

is(delete_consent($consent, $deleted), 1, 'delete again: the same outcome');
is(delete_consent($consent, uuid()), 4, 'another delete: it is over');
is_deeply([ rows() ], \@rows, 'neither writes');

my @events = events("key = '$consent'");
is(scalar @events, 2, 'two events');
is($events[1]{version}, 2, 'the version of the second');
is($events[1]{data}{was}, 'awaiting', 'its data is of the status before');
cmp_ok($events[1]{stamp}, 'gt', $events[0]{stamp}, 'their order');


# the data of the status that is found under the lock

psql("UPDATE oof_consent SET status = 'AUTHORISED', version = 2"
     . " WHERE consent_id = '$other'");
$event = uuid();
is(delete_consent($other, $event), 1, 'delete of an authorised one');
is_deeply(state_of($other),
          [ 'REJECTED', 'USER', 'CUSTOMER_MANUALLY_REVOKED', 3,
            '2026-01-01 00:10:00+00' ],
          'it was revoked');
is((events("id = '$event'"))[0]{data}{was}, 'authorised',
   'its data is of that status');

# times do not go back, whatever host's clock was ahead

my $ahead = '01936000-0000-7000-8000-0000000000df';
create($ahead, uuid());
psql("UPDATE oof_consent SET status_update = '2026-01-01 00:10:01Z'"
     . " WHERE consent_id = '$ahead'");
$event = uuid();
is(delete_consent($ahead, $event), 1, 'delete in an earlier second');
is(state_of($ahead)->[4], '2026-01-01 00:10:01+00', 'is in that second too');
is_deeply([ psql('SELECT h."at" = c.status_update, e."time" ='
                 . ' c.status_update FROM oof_consent c JOIN'
                 . ' oof_consent_history h USING (consent_id, version) JOIN'
                 . " oof_event e ON e.id = h.event_id WHERE e.id = '$event'") ],
          [ [ 't', 't' ] ], 'in history and event');


# --- stamps: a host whose clock is behind cannot bring events out of order

$consent = '01936000-0000-7000-8000-0000000000c4';
create($consent, uuid(), real => '2026-01-01 00:00:05Z');
$event = uuid();
delete_consent($consent, $event, real => '2026-01-01 00:00:01Z');
is((utc("SELECT stamp FROM oof_event WHERE id = '$event'"))[0][0],
   '2026-01-01 00:00:05.000001+00', 'a stamp is after the one before');
is((utc("SELECT stamp FROM oof_consent WHERE consent_id = '$consent'"))[0][0],
   '2026-01-01 00:00:05.000001+00', 'and the row remembers it');


# --- a row that another session holds

$consent = '01936000-0000-7000-8000-0000000000c5';
create($consent, uuid());

my ($mine, $theirs) = (uuid(), uuid());
my $before = tables();

$one->run("BEGIN;\n" . join ";\n", delete_sql($consent, $mine));

is(delete_consent($consent, $mine), -1, 'its own run holds it: busy');
is(delete_consent($consent, $theirs), -1, 'another holds it: busy');
is_deeply(tables(), $before, 'busy writes nothing');

$two->send("BEGIN;\n" . join(";\n", delete_sql($consent, $mine, solo => 1))
           . ";\nCOMMIT");
blocked('the solo lane waits');
my $three = session();
$three->send("BEGIN;\n" . join(";\n", delete_sql($consent, $theirs, solo => 1))
             . ";\nCOMMIT");
blocked('and the next', 2);
$one->run('COMMIT');

is(($two->run('SELECT 0'))[0], 1,
   'a run that waited for an earlier one of the same unit: its outcome');
is(($three->run('SELECT 0'))[0], 4, 'a run that waited for another: over');
is_deeply(tables(), [ $before->[0], $before->[1] + 1, $before->[2] + 1 ],
          'one end was written');

# the holder gives up

$consent = '01936000-0000-7000-8000-0000000000c6';
create($consent, uuid());
$one->run("BEGIN;\n" . join ";\n", delete_sql($consent, uuid()));
$event = uuid();
$two->send("BEGIN;\n" . join(";\n", delete_sql($consent, $event, solo => 1))
           . ";\nCOMMIT");
blocked('the solo lane waits');
$one->run('ROLLBACK');
is(($two->run('SELECT 0'))[0], 1, 'the holder gives up: ended');
is(state_of($consent)->[3], 2, 'once');

# the holder authorises: what counts is the status under the lock

$consent = '01936000-0000-7000-8000-0000000000c7';
create($consent, uuid());
$one->run("BEGIN;\nUPDATE oof_consent SET status = 'AUTHORISED', version = 2,"
          . " stamp = '2027-01-01Z' WHERE consent_id = '$consent'");
$event = uuid();
$two->send("BEGIN;\n" . join(";\n", delete_sql($consent, $event, solo => 1))
           . ";\nCOMMIT");
blocked('the solo lane waits');
$one->run('COMMIT');
is(($two->run('SELECT 0'))[0], 1, 'the holder authorises: ended');
is_deeply(state_of($consent),
          [ 'REJECTED', 'USER', 'CUSTOMER_MANUALLY_REVOKED', 3,
            '2026-01-01 00:10:00+00' ],
          'as an authorised one');
is((events("id = '$event'"))[0]{data}{was}, 'authorised', 'and told so');
is((utc("SELECT stamp FROM oof_event WHERE id = '$event'"))[0][0],
   '2027-01-01 00:00:00.000001+00', 'after what the holder told');


# --- what time ends

$consent = '01936000-0000-7000-8000-0000000000c8';
create($consent, uuid());

is_deeply(effective('00:59:59'), [ 'AWAITING_AUTHORISATION',
                                   '2026-01-01 00:00:00+00', undef, undef ],
          'a second before it is due');
is_deeply(effective('01:00:00'), [ 'REJECTED', '2026-01-01 01:00:00+00',
                                   'ASPSP', 'CONSENT_EXPIRED' ],
          'not authorised in time: from its due instant on');
is_deeply(effective('05:00:00'), [ 'REJECTED', '2026-01-01 01:00:00+00',
                                   'ASPSP', 'CONSENT_EXPIRED' ],
          'it happened at that instant');

@rows = rows();
is(delete_consent($consent, uuid(), now => '2026-01-01 01:00:00Z'), 4,
   'delete when time has ended it: it is over');
is_deeply([ rows() ], \@rows, 'and nothing is written');

psql("UPDATE oof_consent SET status = 'AUTHORISED',"
     . " status_update = '2026-01-01 00:30:00Z' WHERE consent_id = '$consent'");
is_deeply(effective('05:00:00'), [ 'AUTHORISED', '2026-01-01 00:30:00+00',
                                   undef, undef ],
          'authorised for an indefinite term: never');

psql("UPDATE oof_consent SET expiration = '2026-01-01 04:00:00Z'"
     . " WHERE consent_id = '$consent'");
is_deeply(effective('03:59:59'), [ 'AUTHORISED', '2026-01-01 00:30:00+00',
                                   undef, undef ],
          'authorised, before its expiration');
is_deeply(effective('04:00:00'), [ 'REJECTED', '2026-01-01 04:00:00+00',
                                   'ASPSP', 'CONSENT_MAX_DATE_REACHED' ],
          'authorised, from its expiration on');
is(delete_consent($consent, uuid(), now => '2026-01-01 04:00:00Z'), 4,
   'delete after its expiration: it is over');
is(delete_consent($consent, uuid(), now => '2026-01-01 03:59:59Z'), 1,
   'delete before it');
is_deeply(effective('05:00:00'), [ 'REJECTED', '2026-01-01 03:59:59+00',
                                   'USER', 'CUSTOMER_MANUALLY_REVOKED' ],
          'what is rejected stays as it was rejected');


# --- plans: as a lane has them, on tables of some size

psql(<<'END');
INSERT INTO oof_consent (consent_id, brand, client_id, organisation_id, status,
                         creation, status_update, permissions, authorise_until,
                         version, stamp, personal, cpf_hmac)
     SELECT gen_random_uuid(), 'bank', 'client-one', gen_random_uuid(),
            'AWAITING_AUTHORISATION', now(), now(), 1, now(), 1, now(),
            repeat('x', 100)::bytea, sha256(i::text::bytea)
       FROM generate_series(1, 20000) AS i;
INSERT INTO oof_consent_history (consent_id, version, "at", status, actor,
                                 event_id)
     SELECT consent_id, 1, now(), status, 'client', gen_random_uuid()
       FROM oof_consent ON CONFLICT DO NOTHING;
INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
     SELECT gen_random_uuid(), 't', 'bank', gen_random_uuid(), 1, now(), now(),
            '{}' FROM generate_series(1, 20000);
ANALYZE
END

my %plans = (
    get => "consent_get('$consent', 'bank', now())",
    create => create_sql($consent, uuid()) =~ s/^EXECUTE //r,
    map({ my $i = $_;
          my $sql = (delete_sql($consent, uuid()))[$i];
          ("delete $i" => $sql =~ s/^EXECUTE //r) } 0, 1),
    'delete solo' =>
        (delete_sql($consent, uuid(), solo => 1))[0] =~ s/^EXECUTE //r,
);

for my $name (sort keys %plans) {
    my $plan = join "\n",
                    $one->run("SET plan_cache_mode = force_generic_plan;\n"
                              . "EXPLAIN EXECUTE $plans{$name}");

    like($plan, qr/cost=/, "$name has a plan");
    unlike($plan, qr/Seq Scan|Function Scan|Sort|Hash|Bitmap/,
           "$name: index scans and nothing dear")
        or diag($plan);
}

$_->close for $one, $two, $three;

done_testing();


# --- the statements as the lanes prepare them

sub prepared {
    return Test::Oof::Postgres::statements(
        glob "$Test::Oof::Root/ngx_oof_consent/sql/*.sql");
}


sub session {
    my $s = Test::Oof::Postgres::session($dsn);

    $s->run("SET TIME ZONE 'UTC'");
    $s->run($_) for @prepared;

    return $s;
}


sub run_alone {
    my (@sql) = @_;

    my $s = session();
    my @lines = $s->run("BEGIN;\n" . join(";\n", @sql) . ";\nCOMMIT");

    $s->close;

    return $lines[-1];
}


sub uuid { sprintf '01936000-0000-7000-8000-%012x', 0xe000 + $n++ }


sub create_sql {
    my ($id, $event, %args) = @_;

    my $real = $args{real} // '2026-01-01 00:00:00Z';

    return "EXECUTE consent_create('$id', 'bank', 'client-one', '$org',"
           . " '2026-01-01 00:00:00Z', NULL, 536870915, NULL,"
           . " '2026-01-01 01:00:00Z', '$real', repeat('x', 60)::bytea,"
           . " sha256('cpf'), NULL, '$event', 'oof.consent.created', '{}')";
}


sub create { run_alone(create_sql(@_)) }


sub delete_sql {
    my ($id, $event, %args) = @_;

    my $now = $args{now} // '2026-01-01 00:10:00Z';
    my $real = $args{real} // '2026-01-01 00:10:00Z';
    my $brand = $args{brand} // 'bank';
    my $client = $args{client} // 'client-one';
    my $solo = $args{solo} ? '_solo' : '';

    return ("EXECUTE consent_delete$solo('$id', '$brand', '$client', '$now',"
            . " '$real', '$event', 'oof.consent.rejected',"
            . " '{\"was\":\"awaiting\"}', '{\"was\":\"authorised\"}')",
            "EXECUTE consent_delete_outcome('$id', '$brand', '$client',"
            . " '$now', '$event')");
}


sub delete_consent { run_alone(delete_sql(@_)) }


sub tables {
    return [ map { (psql("SELECT count(*) FROM $_"))[0][0] }
                 qw/ oof_consent oof_consent_history oof_event / ];
}


sub rows {
    return map { "@$_" } psql('SELECT consent_id, status, version, stamp,'
                              . ' status_update FROM oof_consent ORDER BY 1'),
                         psql('SELECT consent_id, version, event_id FROM'
                              . ' oof_consent_history ORDER BY 1, 2'),
                         psql('SELECT id, version FROM oof_event ORDER BY 1');
}


sub state_of {
    my ($id) = @_;

    return (utc("SELECT status, rejected_by, reason_code,"
                 . " version, status_update FROM oof_consent"
                 . " WHERE consent_id = '$id'"))[0];
}


sub history {
    my ($id) = @_;

    return utc("SELECT version, \"at\", status,"
                . " rejected_by, reason_code, actor, event_id"
                . " FROM oof_consent_history WHERE consent_id = '$id'"
                . " ORDER BY version");
}


sub effective {
    my ($time) = @_;

    return (utc("SELECT e.status, e.status_update,"
                 . " e.rejected_by, e.reason_code FROM oof_consent c,"
                 . " oof_consent_effective(c, '2026-01-01 ${time}Z') e"
                 . " WHERE c.consent_id = '$consent'"))[0];
}


sub utc { psql("SET TIME ZONE 'UTC';", @_) }


# so many sessions of this database wait for a lock

sub blocked {
    my ($name, $count) = @_;

    $count //= 1;

    wait_for(sub {
        (psql("SELECT count(*) FROM pg_stat_activity WHERE datname ="
              . " current_database() AND wait_event_type = 'Lock'"))[0][0]
            == $count;
    }, 5, $name);
    pass($name);
}
