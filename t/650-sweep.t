#!/usr/bin/perl

# Copyright (C) oof authors

# The sweeper: what time ends is written down at its due instant, soon after it,
# once, with history and event (spec 1.5; 7, 23).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents;
use Time::HiRes qw/ sleep time /;

my $one = $Test::Oof::Clients{one};
my $second = Test::Oof::server_defaults()
             =~ s/oof_brand\s+\w+;/oof_brand Second; oof_urn_namespace ns2;/r;
my $port = free_port();

my $o = Test::Oof->start(workers => 2, leases => 1, servers => <<"END");
    server {
        listen 127.0.0.1:$port;
        server_name mtls-api.oof.test;
$second
        location $Test::Oof::Api/ { oof_api consents v3; }
    }
END

wait_for(sub { ($o->metric('oof_lease_held', lease => 'sweeper') // 0) == 1 },
         10, 'the lease');
wait_for(sub { defined $o->metric('oof_consents_due') }, 10, 'the first look');
is($o->metric('oof_consents_due'), 0, 'nothing is due');
is($o->metric('oof_consents_due_age_seconds'), 0, 'for no time');


# --- each way in which time ends a consent, and what it does not end

my $due = at(4);
my $far = at(86400);

my %ids = (
    waits => insert_consent(authorise_until => $due, expiration => $far),
    term => insert_consent(status => 'AUTHORISED', authorise_until => at(-60),
                           expiration => $due, version => 7,
                           stamp => at(3600)),
    brand => insert_consent(brand => 'Second', authorise_until => $due),
    other => insert_consent(brand => 'ThirdOne', authorise_until => $due,
                            client_id => 'a "client" \\'),
    past => insert_consent(authorise_until => '2026-01-01T10:00:00Z'),
    # not these
    later => insert_consent(authorise_until => at(3600)),
    endless => insert_consent(status => 'AUTHORISED',
                              authorise_until => at(-60)),
    dead => insert_consent(status => 'REJECTED', rejected_by => 'USER',
                           reason_code => 'CUSTOMER_MANUALLY_REJECTED',
                           authorise_until => at(-60)),
);

my @kept = kept();

is(get_consent($o, "urn:bank:$ids{waits}")->{json}{data}{status},
   'AWAITING_AUTHORISATION', 'alive before it is due');

wait_for(sub { events("key = '$ids{past}'") }, 10, 'what was due before');
sleep 0.05 while time < time_of($due) + 0.01;
my %before = map { $_ => get_consent($o, "urn:bank:$ids{$_}")->{json}{data} }
                 qw/ waits term /;

wait_for(sub { (psql("SELECT count(*) FROM oof_event WHERE \"time\" = '$due'"))
                   [0][0] == 4 }, 10, 'what is due');
within(1, "\"time\" = '$due'", 'what is due');

ended('not authorised in time', 'waits', $due, 'AWAITING_AUTHORISATION',
      'CONSENT_EXPIRED', 1, 'urn:bank');
ended('its term is over', 'term', $due, 'AUTHORISED',
      'CONSENT_MAX_DATE_REACHED', 7, 'urn:bank');
ended("another brand's", 'brand', $due, 'AWAITING_AUTHORISATION',
      'CONSENT_EXPIRED', 1, 'urn:ns2');
ended("of a brand that is not served here", 'other', $due,
      'AWAITING_AUTHORISATION', 'CONSENT_EXPIRED', 1, 'urn:thirdone',
      'a "client" \\');
ended('due long ago', 'past', '2026-01-01T10:00:00Z', 'AWAITING_AUTHORISATION',
      'CONSENT_EXPIRED', 1, 'urn:bank');

is_deeply([ kept() ], \@kept, 'all others stay as they are');
is((psql("SELECT c.stamp > date_trunc('second', now()) + interval '3500s' FROM"
         . " oof_consent c WHERE consent_id = '$ids{term}'"))[0][0], 't',
   'stamps go on from a clock that was ahead');

# a GET says the same before the sweep and after it (spec 7, 23)

for (qw/ waits term /) {
    is_deeply(get_consent($o, "urn:bank:$ids{$_}")->{json}{data}, $before{$_},
              "GET of $_: as before the sweep");
    is($before{$_}{statusUpdateDateTime}, $due, "GET of $_: since then");
}

is(end_consent($o, "urn:bank:$ids{waits}")->{json}{errors}[0]{code},
   'CONSENTIMENTO_EM_STATUS_REJEITADO', 'DELETE: it is over');

cmp_ok($o->metric('oof_consents_swept_total'), '==', 5, 'counted');
cmp_ok($o->metric('oof_consent_sweep_seconds_count'), '>=', 1, 'and timed');


# --- one that is made to be due soon, when nothing was known to be due

my $soon = insert_consent(authorise_until => at(1));
wait_for(sub { events("key = '$soon'") }, 10, 'one that is due soon');
within(1, "key = '$soon'", 'a new one that is due soon');


# --- fewer than 1,000 that are due at once: each within a second

$due = at(3);
psql("INSERT INTO oof_consent (consent_id, brand, client_id, organisation_id,"
     . ' status, creation, status_update, permissions, authorise_until,'
     . ' version, stamp, personal, cpf_hmac)'
     . " SELECT gen_random_uuid(), 'bank', 'client-one',"
     . " '$one->{organisation_id}', 'AWAITING_AUTHORISATION', now(), now(), 1,"
     . " '$due', 1, now(), '\\x00', sha256(i::text::bytea)"
     . ' FROM generate_series(1, 999) i');
wait_for(sub { (psql("SELECT count(*) FROM oof_event WHERE \"time\" = '$due'"))
                   [0][0] == 999 }, 10, '999 that are due at once');
within(1, "\"time\" = '$due'", '999 that are due at once');


# --- rows that another session holds are left, and ended when they are free

$due = at(2);
my ($held, $free) = map { insert_consent(authorise_until => $due) } 0 .. 1;
my $s = Test::Oof::Postgres::session(database_dsn());
$s->run("BEGIN;\nSELECT 1 FROM oof_consent WHERE consent_id = '$held'"
        . ' FOR UPDATE');
wait_for(sub { events("key = '$free'") }, 10, 'the free one');
within(1, "key = '$free'", 'one is held: the other does not wait');
is(scalar events("key = '$held'"), 0, 'the one that is held is left');
wait_for(sub { $o->metric('oof_consents_due') == 1
               && $o->metric('oof_consents_due_age_seconds') >= 1 }, 10,
         'the metrics that tell of it');
pass('and is told of');
$s->run("UPDATE oof_consent SET status = 'AUTHORISED', version = 2,"
        . " expiration = '$far' WHERE consent_id = '$held';\nCOMMIT");
wait_for(sub { $o->metric('oof_consents_due') == 0 }, 10, 'it to be free');
is(row($held)->{status}, 'AUTHORISED',
   'what was saved meanwhile is not ended');
is(scalar events("key = '$held'"), 0, 'not at all');

$s->run("BEGIN;\nUPDATE oof_consent SET expiration = now() - interval '1 s'"
        . " WHERE consent_id = '$held'");
sleep 0.3;
$s->run('COMMIT');
wait_for(sub { events("key = '$held'") }, 10, 'it to be ended');
is(row($held)->{reason_code}, 'CONSENT_MAX_DATE_REACHED', 'then it is');
$s->close;


# --- the test clock: a move is seen at once, and the due instant stays

my $uuid = uuid_of(post($o, consent_body()));
my ($until) = (psql('SELECT ' . iso('authorise_until') . ' FROM oof_consent'
                    . " WHERE consent_id = '$uuid'"))[0][0];

$o->clock(3700);
wait_for(sub { row($uuid)->{version} == 2 }, 10, 'the clock to move');
is_deeply([ @{ row($uuid) }{qw/ status status_update reason_code version /} ],
          [ 'REJECTED', $until, 'CONSENT_EXPIRED', 2 ],
          'the clock is moved: it is ended, at its instant');
is_deeply([ map { $_->[1] } history($uuid) ]->[1], $until, 'history: then too');
wait_for(sub { events("key = '$ids{later}'") }, 10, 'the rest');

# back again: what is written stays, and what is new lives by the clock again

$o->clock(0);
sleep 1.5;
my $alive = uuid_of(post($o, consent_body()));
sleep 0.7;
is(row($alive)->{status}, 'AWAITING_AUTHORISATION',
   'the clock is back: a new one is not ended');


# --- a lease that is given back: the metrics of who held it go with it

$o->stop;
is((psql("SELECT holder = '' FROM oof_lease WHERE name = 'sweeper'"))[0][0],
   't', 'the lease is given back');

done_testing();


sub kept {
    return psql('SELECT * FROM oof_consent WHERE consent_id IN ('
                . join(', ', map { "'$ids{$_}'" } qw/ later endless dead /)
                . ') ORDER BY 1');
}


sub iso { Test::Oof::Consents::iso($_[0]) }


sub time_of {
    return (psql("SELECT extract(epoch FROM timestamptz '$_[0]')"))[0][0];
}


# each was written at most so many seconds after its due instant

sub within {
    my ($seconds, $where, $name) = @_;

    my ($took) = (psql("SELECT max(('x' || substr(replace(id::text, '-', ''),"
                       . " 1, 12))::bit(48)::bigint / 1000.0 -"
                       . ' extract(epoch FROM "time")) FROM oof_event'
                       . " WHERE $where"))[0][0];

    cmp_ok($took, '<', $seconds, sprintf '%s: ended after %.2f s', $name,
                                         $took);
    cmp_ok($took, '>=', 0, "$name: and not before");
}


sub ended {
    my ($name, $id, $at, $previous, $code, $version, $space, $client) = @_;

    my $uuid = $ids{$id};
    my $row = row($uuid);

    is_deeply([ @$row{qw/ status status_update rejected_by reason_code
                          reason_info due version / } ],
              [ 'REJECTED', $at, 'ASPSP', $code, undef, undef, $version + 1 ],
              "$name: the row");
    is_deeply([ history($uuid) ],
              [ [ $version + 1, $at, 'REJECTED', 'ASPSP', $code, 'time' ] ],
              "$name: its history");

    my ($e, @more) = events("key = '$uuid'");

    is_deeply(\@more, [], "$name: one event");
    is_deeply([ @$e{qw/ type brand version data /} ],
              [ 'oof.consent.rejected', $row->{brand}, $version + 1,
                { consentId => "$space:$uuid",
                  clientId => $client // $one->{client_id},
                  organisationId => $one->{organisation_id},
                  status => 'REJECTED', previousStatus => $previous,
                  rejection => { rejectedBy => 'ASPSP',
                                 reason => { code => $code } } } ],
              "$name: what it tells");
    like($e->{id}, qr/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}
                      -[0-9a-f]{12}$/x, "$name: its id");
    is((psql('SELECT h.event_id = e.id AND c.stamp = e.stamp AND'
             . ' e."time" = c.status_update AND h."at" = c.status_update'
             . ' FROM oof_event e, oof_consent_history h, oof_consent c'
             . ' WHERE e.key = c.consent_id'
             . " AND h.consent_id = c.consent_id AND e.key = '$uuid'"))[0][0],
       't', "$name: all three agree");
}
