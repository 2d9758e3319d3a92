#!/usr/bin/perl

# Copyright (C) oof authors

# The statements of decisions by themselves: a unit that runs again, a row that
# another session holds, a snapshot that is older than the row's lock.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents;

my $dsn = database_dsn();
my @prepared = prepared();
my $rule = "'2026-01-01 00:10:00Z'";
my $n = 0;
my ($id, $event, $account, $card);

sub uuid { sprintf '01936000-0000-7000-9000-%012x', ++$n }

sub hmac { sprintf '%064x', $_[0] }


# --- the decision

sub decide_sql {
    my ($id, $event, %args) = @_;

    my $solo = $args{solo} ? '_solo' : '';
    my $status = $args{status} // 'AUTHORISED';
    my $resources = $args{resources} // '[]';
    my $people = $args{people} // '[]';

    return "EXECUTE consent_decide$solo('$id', 'bank', $rule, now(), '$event',"
           . " 'oof.consent.authorised', '{}', '$status', NULL, NULL, NULL,"
           . " NULL, true, false, '$resources', '$people', 'customer')";
}

sub decided_sql { "EXECUTE consent_decide_outcome('$_[0]', 'bank', $rule,"
                  . " '$_[1]')" }

sub consent {
    my $c = insert_consent();
    psql("UPDATE oof_consent SET creation = '2026-01-01Z', status_update ="
         . " '2026-01-01Z', authorise_until = '2026-01-01 01:00Z',"
         . " expiration = NULL WHERE consent_id = '$c'");
    return $c;
}

sub rows {
    return map { join '|', map { $_ // '' } @$_ }
        psql("SELECT c.status, c.version, (SELECT count(*) FROM oof_event WHERE"
             . ' key = c.consent_id), (SELECT count(*) FROM'
             . ' oof_consent_history h WHERE h.consent_id = c.consent_id),'
             . " (SELECT string_agg(s.status, ' ' ORDER BY resource_id) FROM"
             . ' oof_consent_resource s WHERE s.consent_id = c.consent_id)'
             . " FROM oof_consent c WHERE consent_id = '$_[0]'");
}

($id, $event, $account, $card) = (consent(), uuid(), uuid(), uuid());
my $shared = qq([{"r":"$account","t":"ACCOUNT","s":"AVAILABLE"}]);

is(unit(decide_sql($id, $event, resources => $shared),
        decided_sql($id, $event)), '1|AUTHORISED', 'decided');
my ($after) = rows($id);
like($after, qr/^AUTHORISED\|2\|1\|\d\|AVAILABLE$/, 'what is written');

is(unit(decide_sql($id, $event, resources => $shared),
        decided_sql($id, $event)), '1|AUTHORISED',
   'the unit again: the same outcome');
is((rows($id))[0], $after, 'the unit again: nothing is written twice');

$event = uuid();
is(unit(decide_sql($id, $event, status => 'REJECTED'),
        decided_sql($id, $event)), '4|AUTHORISED', 'another one: too late');
is((rows($id))[0], $after, 'another one: nothing is written');

$event = uuid();
is(unit(decide_sql(uuid(), $event), decided_sql(uuid(), $event)), '2|',
   'of an unknown consent');

# a row that is held: busy at once in a shared segment, waited for alone

my ($one, $two) = (session(), session());

($id, $event) = (consent(), uuid());
my $other = uuid();
$one->run("BEGIN;\n" . decide_sql($id, $other, status => 'REJECTED'));
is(unit(decide_sql($id, $event, resources => $shared),
        decided_sql($id, $event)), '-1|AWAITING_AUTHORISATION',
   'held: busy, and nothing is waited for');
$two->send("BEGIN;\n" . decide_sql($id, $event, solo => 1,
                                   resources => $shared));
blocked('held: alone it waits');
$one->run('COMMIT');
is(join(' ', (grep { /\|/ } $two->run(decided_sql($id, $event)))[0]
             =~ /^(\S+?\|\w*)/), '4|REJECTED',
   'and then sees what the other one did');
$two->run('COMMIT');
like((rows($id))[0], qr/^REJECTED\|2\|1\|\d\|$/, 'which is all there is');


# a host whose clock is a second behind that of the one that made the consent

($id, $event) = (consent(), uuid());
psql("UPDATE oof_consent SET creation = '2026-01-01 00:10:01Z' WHERE consent_id"
     . " = '$id'");
unit(decide_sql($id, $event), decided_sql($id, $event));
is(join(' ', map { "@$_" } psql('SELECT c.status_update = c.creation, h.at ='
       . ' c.creation FROM oof_consent c JOIN oof_consent_history h USING'
       . " (consent_id) WHERE consent_id = '$id' AND h.version = 2")), 't t',
   'no time goes back');


# --- people who must agree

my @who = map { hmac($_) } 1 .. 3;

sub approve_sql {
    my ($id, $event, $who, %args) = @_;

    my $solo = $args{solo} ? '_solo' : '';
    my $status = $args{status} // 'AUTHORISED';

    return "EXECUTE consent_approve$solo('$id', 'bank', $rule, now(),"
           . " '$event', 'oof.consent.resources', '{}', '[\"$who\"]', NULL,"
           . " '$status')";
}

sub approved_sql { "EXECUTE consent_approve_outcome('$_[0]', 'bank', $rule,"
                   . " '$_[1]', '[\"$_[2]\"]', NULL)" }

sub lock_sql { "EXECUTE consent_lock" . ($_[1] ? '_solo' : '')
               . "('$_[0]', 'bank')" }

sub waiting {
    my ($people) = @_;

    my ($id, $event) = (consent(), uuid());
    my $list = join ',', map { qq({"r":"$account","h":"$_","p":"00",)
                               . qq("s":"PENDING"}) } @who[0 .. $people - 1];

    my $pending = $shared =~ s/AVAIL\w+/PENDING_AUTHORISATION/r;

    unit(decide_sql($id, $event, resources => $pending, people => "[$list]"),
         decided_sql($id, $event));

    return $id;
}

$id = waiting(2);
$event = uuid();
is(unit(lock_sql($id), approve_sql($id, $event, $who[0]),
        approved_sql($id, $event, $who[0])), '1|AUTHORISED', 'one agrees');
like((rows($id))[0], qr/^AUTHORISED\|3\|2\|\d\|PENDING_AUTHORISATION$/,
     'the resource waits');
is(unit(lock_sql($id), approve_sql($id, $event, $who[0]),
        approved_sql($id, $event, $who[0])), '1|AUTHORISED',
   'the unit again: the same outcome');
is((rows($id))[0] =~ /^AUTHORISED\|3\|2/ ? 1 : 0, 1,
   'the unit again: nothing is written twice');
$event = uuid();
is(unit(lock_sql($id), approve_sql($id, $event, $who[0]),
        approved_sql($id, $event, $who[0])), '4|AUTHORISED',
   'who has said it');
is(unit(lock_sql($id), approve_sql($id, $event, $who[2]),
        approved_sql($id, $event, $who[2])), '4|AUTHORISED', 'who has no say');

# their times do not go back either

$id = waiting(2);
psql("UPDATE oof_consent_history SET at = '2026-01-01 00:10:01Z' WHERE"
     . " consent_id = '$id' AND version = 2");
$event = uuid();
unit(lock_sql($id), approve_sql($id, $event, $who[0]),
     approved_sql($id, $event, $who[0]));
is(join(' ', map { "@$_" } psql("SELECT h.at = '2026-01-01 00:10:01Z', e.time ="
       . ' h.at FROM oof_consent_history h JOIN oof_event e ON e.id ='
       . " h.event_id WHERE h.consent_id = '$id' AND h.version = 3")), 't t',
   'no time of an agreement goes back');

# A statement that waits for the row reads the other tables as they were before
# it waited: it must not write by that.

$id = waiting(2);
my ($first, $second) = (uuid(), uuid());
$one->run("BEGIN;\n" . approve_sql($id, $first, $who[0]));
$two->send("BEGIN;\n" . approve_sql($id, $second, $who[1], solo => 1));
blocked('the second waits in the statement itself');
$one->run('COMMIT');
is(join(' ', (grep { /\|/ } $two->run(approved_sql($id, $second, $who[1])))[0]
             =~ /^(\S+?\|\w*)/), '-1|AUTHORISED',
   'its snapshot is older than the lock: busy');
$two->run('COMMIT');
like((rows($id))[0], qr/^AUTHORISED\|3\|2\|\d\|PENDING_AUTHORISATION$/,
     'and it has written nothing');

# as the solo lane does it: the lock first

$id = waiting(2);
($first, $second) = (uuid(), uuid());
$one->run("BEGIN;\n" . lock_sql($id, 1) . ";\n"
          . approve_sql($id, $first, $who[0], solo => 1));
$two->send("BEGIN;\n" . lock_sql($id, 1) . ";\n"
           . approve_sql($id, $second, $who[1], solo => 1));
blocked('the second waits for the lock');
$one->run('COMMIT');
is(join(' ', (grep { /\|/ } $two->run(approved_sql($id, $second, $who[1])))[0]
             =~ /^(\S+?\|\w*)/), '1|AUTHORISED', 'then decides');
$two->run('COMMIT');
like((rows($id))[0], qr/^AUTHORISED\|4\|3\|\d\|AVAILABLE$/,
     'and all have agreed');


# --- the list that becomes ready

sub ready_sql { "EXECUTE consent_ready" . ($_[2] ? '_solo' : '')
                . "('$_[0]', 'bank', $rule, '$_[1]')" }

($id, $event) = (consent(), uuid());
is(unit(ready_sql($id, '[]')), '2', 'ready: of one that awaits');
unit(decide_sql($id, $event, resources => $shared), decided_sql($id, $event));
psql("UPDATE oof_consent SET resources_ready = false WHERE consent_id ="
     . " '$id'");
my $more = qq([{"r":"$card","t":"LOAN","s":"AVAILABLE"},)
           . qq({"r":"$account","t":"ACCOUNT","s":"UNAVAILABLE"}]);
$one->run("BEGIN;\nSELECT 1 FROM oof_consent WHERE consent_id = '$id' FOR"
          . ' UPDATE');
is(unit(ready_sql($id, $more)), '-1', 'ready: held');
$one->run('COMMIT');
is(unit(ready_sql($id, $more)), '1', 'ready');
is((rows($id))[0] =~ /AVAILABLE AVAILABLE$/ ? 1 : 0, 1,
   'ready: added, what was chosen stays');
is((psql("SELECT resources_ready FROM oof_consent WHERE consent_id = '$id'"))
   [0][0], 't', 'ready: it says so');
is(unit(ready_sql($id, $more)), '1', 'ready again');


# --- how a status may follow another: spec 1.11

my @statuses = qw/ AVAILABLE TEMPORARILY_UNAVAILABLE UNAVAILABLE
                   PENDING_AUTHORISATION /;
my %next = (
    AVAILABLE => [ qw/ AVAILABLE TEMPORARILY_UNAVAILABLE UNAVAILABLE
                       AVAILABLE / ],
    TEMPORARILY_UNAVAILABLE => [ qw/ AVAILABLE TEMPORARILY_UNAVAILABLE
                                     UNAVAILABLE TEMPORARILY_UNAVAILABLE / ],
    UNAVAILABLE => [ ('UNAVAILABLE') x 4 ],
    PENDING_AUTHORISATION => [ @statuses ],
);

for my $from (@statuses) {
    for my $to (0 .. 3) {
        is((psql("SELECT oof_resource_next('ACCOUNT', '$from',"
                 . " '$statuses[$to]')"))[0][0], $next{$from}[$to],
           "$from, told $statuses[$to]");
    }
}

for my $type (qw/ FUND VARIABLE_INCOME /) {
    is((psql("SELECT oof_resource_next('$type', 'UNAVAILABLE', 'AVAILABLE')"))
       [0][0], 'AVAILABLE', "a $type may come back");
}

done_testing();


# statements in one transaction, as a segment has them; the last one's row

sub unit {
    my (@sql) = @_;

    my $s = session();
    my @lines = $s->run("BEGIN;\n" . join(";\n", @sql) . ";\nCOMMIT");
    $s->close;

    my ($outcome) = grep { /^-?\d+(?:\||$)/ } reverse @lines;

    return join '|', (split /\|/, $outcome // 'nothing', -1)[0, 1]
        if ($outcome // '') =~ /\|/;
    return $outcome;
}


sub prepared {
    return Test::Oof::Postgres::statements(
        map { "$Test::Oof::Root/ngx_oof_consent/sql/$_.sql" }
            qw/ consent_decide consent_decide_outcome consent_lock
                consent_approve consent_approve_outcome consent_ready /);
}


sub session {
    my $s = Test::Oof::Postgres::session($dsn);

    $s->run("SET TIME ZONE 'UTC'");
    $s->run($_) for @prepared;

    return $s;
}


sub blocked {
    my ($name) = @_;

    wait_for(sub {
        (psql("SELECT count(*) FROM pg_stat_activity WHERE datname ="
              . " current_database() AND wait_event_type = 'Lock'"))[0][0];
    }, 5, $name);
    pass($name);
}
