#!/usr/bin/perl

# Copyright (C) oof authors

# Consents are never limited by the minute or the month (spec 6.1, 6.4); active
# consents are counted, and raise the limit of class high.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents;
use Test::Oof::Limits;
use Time::HiRes qw/ sleep time /;

my $o = limited(workers => 2,
    http => 'oof_minute_limit 5; oof_month_limit 5;',
    locations => Test::Oof::location_defaults());

my $day = 86400 * (int(time / 86400) + 10);


# 600 in a row, as the conformance suite sends them

my $id = insert_consent(authorise_until => '2099-01-01T00:00:00Z');
my ($headers) = $o->request_parts('plain', client => 'one');
my $c = $o->connect('plain');
my (%got, %tags);

for (1 .. 600) {
    my $r = $c->request('GET', "$Test::Oof::Api/consents/urn:bank:$id",
                        $headers);
    $got{ $r->{status} }++;
}

is_deeply(\%got, { 200 => 600 }, '600 consecutive reads of a consent');

%got = ();
$got{ post($o, consent_body())->{status} }++ for 1 .. 20;
is_deeply(\%got, { 201 => 20 }, '20 new ones');

is(limited_total($o, $_), 0, "none refused: $_")
    for qw/ tps minute month full /;
is((psql('SELECT count(*) FROM oof_limit_month'))[0][0], 0,
   'and none counted');


# the count of active consents

psql('DELETE FROM oof_consent');

my ($one, $two) = map { $Test::Oof::Clients{$_}{organisation_id} }
                      qw/ one two /;
my @in_force = (status => 'AUTHORISED', expiration => '2099-01-01T00:00:00Z');

insert_consent(@in_force) for 1 .. 3;
insert_consent(status => 'AUTHORISED');
insert_consent(@in_force, organisation_id => $two);
insert_consent(@in_force, brand => 'second');
insert_consent(status => 'AUTHORISED', expiration => '2026-01-01T00:00:00Z');
insert_consent(authorise_until => '2099-01-01T00:00:00Z');
insert_consent(status => 'REJECTED', rejected_by => 'USER');

sub consents {
    return map { "@$_" } psql('SELECT brand, organisation_id, consents,'
                              . ' counting FROM oof_limit_consents'
                              . ' WHERE consents > 0 ORDER BY 1, 2');
}

my @before = consents();
at_minute($day);
wait_for(sub { consents() }, 10, 'a count');
is_deeply(\@before, [], 'not before an hour has passed');
is_deeply([ consents() ],
          [ sort "bank $one 4 0", "bank $two 1 0", "second $one 1 0" ],
          'those that are in force, by brand and organisation');

insert_consent(@in_force);
psql("UPDATE oof_consent SET status = 'REJECTED' WHERE organisation_id = '$two'");
sleep 3;
is((psql('SELECT sum(consents) FROM oof_limit_consents'))[0][0], 6,
   'not again within an hour');
at_minute($day + 3700);
wait_for(sub { (psql('SELECT sum(consents) FROM oof_limit_consents'))[0][0]
               == 6 && (consents())[0] =~ / 5 0$/ }, 10, 'the next count');
is_deeply([ consents() ], [ "bank $one 5 0", "second $one 1 0" ],
          'an hour later it is');


# more than a page of them, of which a restart loses nothing

psql("INSERT INTO oof_consent (consent_id, brand, client_id, organisation_id,"
     . " status, permissions, creation, status_update, authorise_until, stamp,"
     . " version, personal, cpf_hmac) SELECT gen_random_uuid(), 'bank', 'x',"
     . " '$two', 'AUTHORISED', 1, now(), now(), now(), now(), 1, '\\x00',"
     . " '\\x00' FROM generate_series(1, 45000)");

at_minute($day + 2 * 3600 + 800);
wait_for(sub { (psql('SELECT running FROM oof_limit_count'))[0][0] eq 't' },
         10, 'a count that is going on');
$o->stop;
$o->launch;
wait_for(sub { (psql('SELECT running FROM oof_limit_count'))[0][0] eq 'f' },
         15, 'its end');
is_deeply([ consents() ],
          [ sort "bank $one 5 0", "bank $two 45000 0", "second $one 1 0" ],
          'a count that was interrupted goes on');


# what they allow

my $high = '/limited/v1/minute/4';

psql("INSERT INTO oof_limit_consents VALUES ('bank', '$A', 1000001, 0),"
     . " ('bank', '$B', 1000000, 0), ('second', '$B', 3000000, 0)");
$o->reload;
sleep 1;
at_minute($day + 5 * 3600);
is(hits($o, 2510, $high, organisation => $B), '200 2500 429 10',
   'a million: 2,500');
at_minute($day + 6 * 3600);
is(hits($o, 5010, $high, organisation => $A, connections => 2),
   '200 5000 429 10', 'more than a million: 5,000');

done_testing();
