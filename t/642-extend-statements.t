#!/usr/bin/perl

# Copyright (C) oof authors

# The statements of renewals by themselves: a unit that runs again, rows that
# another session holds, and plans (spec 1.7, 1.8).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents qw/ :DEFAULT lane blocked /;

my $n = 0;
my $now = '2026-01-01 00:10:00Z';
my ($one, $two, $three) = map { lane() } 1 .. 3;


# --- once, however often it runs

for my $end ('2026-03-01 00:00:00Z', undef) {
    my $name = $end ? 'an end' : 'no end';
    my $id = consent();
    my $event = uuid();

    is(extend($id, $event, end => $end), 1, "$name: outcome");
    is_deeply(written($id), [ 3, 1, 1, 1 ], "$name: written");

    my @rows = rows($id);

    is(extend($id, $event, end => $end), 1, "$name, again: the same outcome");
    is_deeply([ rows($id) ], \@rows, "$name, again: nothing is written");

    # whatever has become of it since

    psql("UPDATE oof_consent SET status = 'REJECTED', version = 4"
         . " WHERE consent_id = '$id'");
    @rows = rows($id);
    is(extend($id, $event, end => $end), 1, "$name, again, too late");
    is_deeply([ rows($id) ], \@rows, "$name, again, too late: nothing");
    is(extend($id, uuid(), end => $end), 5, "$name, another: it is over");
}


# --- what is refused under the lock, and writes nothing

for my $case ([ 'the same end', {}, 7, end => '2026-02-01 00:00:00Z' ],
              [ 'an earlier end', {}, 7, end => '2026-01-31 23:59:59Z' ],
              [ 'one that cannot be', {}, 7, wrong => 'true' ],
              [ 'an end for what has none', { expiration => undef }, 7 ],
              [ 'several must agree', { multiple => 'true' }, 6 ],
              [ 'not authorised', { status => 'AWAITING_AUTHORISATION' }, 4 ],
              [ 'not authorised in time',
                { status => 'AWAITING_AUTHORISATION',
                  authorise_until => '2026-01-01 00:10:00Z' }, 5 ],
              [ 'at its end', { expiration => '2026-01-01 00:10:00Z' }, 5 ],
              [ 'over', { status => 'REJECTED' }, 5 ],
              [ "another client's", {}, 3, client => 'client-two' ],
              [ "another brand's", {}, 2, brand => 'second' ])
{
    my ($name, $with, $outcome, %args) = @$case;
    my $id = consent(%$with);
    my @rows = rows($id);

    is(extend($id, uuid(), %args), $outcome, "$name: outcome");
    is_deeply([ rows($id) ], \@rows, "$name: nothing is written");
}

is(extend('01936000-0000-7000-8000-ffffffffffff', uuid()), 2, 'unknown');
is(extend(consent(expiration => undef), uuid(), end => undef), 1,
   'no end, as before');
is(extend(consent(expiration => '2026-01-01 00:10:01Z'), uuid()), 1,
   'a second before its end');


# --- stamps go on from the one before

my $id = consent(stamp => '2027-01-01 00:00:00Z');
my $event = uuid();
extend($id, $event);
is((psql("SELECT stamp AT TIME ZONE 'UTC' FROM oof_event WHERE id = '$event'"))
       [0][0], '2027-01-01 00:00:00.000001', 'a stamp is after the one before');


# --- times do not go back either, whatever host's clock was ahead

for my $case ([ 'authorised', status_update => '2026-01-01 00:10:01Z' ],
              [ 'renewed' ])
{
    my ($name, %with) = @$case;
    my $id = consent(%with);

    psql("INSERT INTO oof_consent_extension (consent_id, version, event_id,"
         . " \"at\", personal) VALUES ('$id', 2, '" . uuid() . "',"
         . " '2026-01-01 00:10:01Z', '\\x00')") if !%with;

    $event = uuid();
    is(extend($id, $event), 1, "$name in a later second: renewed");
    is_deeply([ psql('SELECT x."at" = h."at", x."at" = e."time", x."at" AT TIME'
                     . " ZONE 'UTC' FROM oof_consent_extension x,"
                     . ' oof_consent_history h, oof_event e WHERE x.event_id ='
                     . " '$event' AND h.event_id = '$event' AND e.id ="
                     . " '$event'") ],
              [ [ 't', 't', '2026-01-01 00:10:01' ] ],
              "$name in a later second: in that second too");
}


# --- a row that another session holds

for my $case ([ 'the holder gives up', undef, 1 ],
              [ 'the holder ends it', "status = 'REJECTED'", 5 ],
              [ 'the holder extends it further',
                "expiration = '2027-01-01 00:00:00Z'", 7 ],
              [ 'the holder extends it as far',
                "expiration = '2026-03-01 00:00:00Z'", 7 ],
              [ 'the holder extends it a little',
                "expiration = '2026-02-02 00:00:00Z'", 1 ],
              [ 'the holder takes away its end', 'expiration = NULL', 7 ],
              [ 'the holder asks others too', 'multiple = true', 6 ])
{
    my ($name, $set, $outcome) = @$case;
    my $id = consent();
    my $event = uuid();
    my @rows = rows($id);

    $one->run("BEGIN;\nUPDATE oof_consent SET version = 3"
              . ($set ? ", $set" : '') . " WHERE consent_id = '$id'");

    is(extend($id, $event), -1, "$name: busy");
    is_deeply([ rows($id) ], \@rows, "$name: busy writes nothing");

    $two->send("BEGIN;\n" . join(";\n", extend_sql($id, $event, solo => 1))
               . ";\nCOMMIT");
    blocked("$name: the solo lane waits");
    $one->run($set ? 'COMMIT' : 'ROLLBACK');

    is(($two->run('SELECT 0'))[-2], $outcome, "$name: outcome");
    is_deeply(written($id),
              [ ($set ? 3 : 2) + ($outcome == 1), ($outcome == 1 ? 1 : 0) x 3 ],
              "$name: written");
}

# an earlier run of the unit holds it

$id = consent(expiration => undef);
$event = uuid();
$one->run("BEGIN;\n" . join ";\n", extend_sql($id, $event, end => undef));
is(extend($id, $event, end => undef), -1, 'its own run holds it: busy');
$two->send("BEGIN;\n" . join(";\n", extend_sql($id, $event, end => undef,
                                               solo => 1)) . ";\nCOMMIT");
blocked('its own run holds it: the solo lane waits');
$one->run('COMMIT');
is(($two->run('SELECT 0'))[-2], 1, 'its own run was committed: its outcome');
is_deeply(written($id), [ 3, 1, 1, 1 ], 'and written once');


# --- plans

psql(<<'END');
INSERT INTO oof_consent (consent_id, brand, client_id, organisation_id, status,
                         creation, status_update, permissions, authorise_until,
                         version, stamp, personal, cpf_hmac, expiration)
     SELECT gen_random_uuid(), 'bank', 'client-one', gen_random_uuid(),
            'AUTHORISED', now(), now(), 1, now(), 1, now(),
            repeat('x', 100)::bytea, sha256(i::text::bytea), now()
       FROM generate_series(1, 20000) AS i;
INSERT INTO oof_consent_extension (consent_id, version, event_id, "at",
                                   personal)
     SELECT consent_id, v, gen_random_uuid(), now(), '\x00'
       FROM (SELECT consent_id FROM oof_consent LIMIT 5000) c,
            generate_series(1, 4) v;
INSERT INTO oof_consent_extension (consent_id, version, event_id, "at",
                                   personal)
     SELECT (SELECT max(consent_id::text)::uuid FROM oof_consent), v,
            gen_random_uuid(), now(), '\x00' FROM generate_series(5, 2000) v;
INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
     SELECT gen_random_uuid(), 't', 'bank', gen_random_uuid(), 1, now(), now(),
            '{}' FROM generate_series(1, 20000);
ANALYZE
END

my ($lock, $extend, $outcome) = extend_sql($id, uuid());
my (undef, $solo) = extend_sql($id, uuid(), solo => 1);

for my $case ([ 'look', "consent_parties('$id', 'bank', now())" ],
              [ 'lock', $lock ], [ 'extend', $extend ],
              [ 'extend solo', $solo ],
              [ 'outcome', $outcome ],
              [ 'list', "consent_extensions('$id', 'bank', 0, 25)",
                qr/Sort|Bitmap/ ])
{
    my ($name, $sql, $may) = @$case;

    $sql =~ s/^EXECUTE //;

    my $plan = join "\n", $one->run("SET plan_cache_mode = force_generic_plan;"
                                    . "\nEXPLAIN EXECUTE $sql");

    like($plan, qr/cost=/, "$name has a plan");
    $plan =~ s/$may//g if $may;
    unlike($plan, qr/Seq Scan|Function Scan|Sort|Hash|Bitmap/,
           "$name: index scans and nothing dear") or diag($plan);
}

$_->close for $one, $two, $three;

done_testing();


sub uuid { sprintf '01936000-0000-7000-8000-%012x', 0xe000 + $n++ }


sub consent {
    my (%with) = @_;

    return insert_consent(status => 'AUTHORISED', version => 2,
                          creation => '2026-01-01 00:00:00Z',
                          status_update => '2026-01-01 00:05:00Z',
                          stamp => '2026-01-01 00:05:00Z',
                          authorise_until => '2026-01-01 01:00:00Z',
                          expiration => '2026-02-01 00:00:00Z', %with);
}


sub extend_sql {
    my ($id, $event, %args) = @_;

    my $end = exists $args{end} ? $args{end} : '2026-03-01 00:00:00Z';
    my $whose = sprintf "'%s', '%s', '%s'", $id, $args{brand} // 'bank',
                        $args{client} // 'client-one';

    $end = defined $end ? "'$end'" : 'NULL';
    $end .= ', ' . ($args{wrong} // 'false');

    my $solo = $args{solo} ? '_solo' : '';
    my $lock = $whose =~ s/, [^,]*$//r;

    return ("EXECUTE consent_lock$solo($lock)",
            "EXECUTE consent_extend$solo($whose, '$now',"
            . " '2026-01-01 00:10:00.5Z', $end, '\\x00',"
            . " '$event', 'oof.consent.extended', '{}')",
            "EXECUTE consent_extend_outcome($whose, '$now', $end, '$event')");
}


sub extend {
    return ($three->run("BEGIN;\n" . join(";\n", extend_sql(@_))
                        . ";\nCOMMIT"))[-1];
}


# the version, and how many rows tell of changes

sub written {
    my ($id) = @_;

    my ($row) = psql("SELECT version FROM oof_consent WHERE consent_id ="
                     . " '$id'");

    return [ $row->[0],
             map { 0 + (psql("SELECT count(*) FROM $_"))[0][0] }
                 "oof_consent_history WHERE consent_id = '$id'",
                 "oof_consent_extension WHERE consent_id = '$id'",
                 "oof_event WHERE key = '$id'" ];
}


sub rows {
    my ($id) = @_;

    return psql("SELECT *, xmin FROM oof_consent WHERE consent_id = '$id'"),
           @{ written($id) };
}
