#!/usr/bin/perl

# Copyright (C) oof authors

# The statements of the sweeper by themselves: who may, in which epoch, batches,
# a run that comes twice, and plans (spec 1.5; 7, 23).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents qw/ :DEFAULT lane blocked /;

my ($one, $two, $three) = map { lane() } 1 .. 3;
my $now = '2026-01-01 12:00:00Z';

psql("INSERT INTO oof_lease (name, holder, epoch, until) VALUES"
     . " ('sweeper', 'me', 7, now() + interval '5s')");

my @ids = map { insert_consent(authorise_until =>
                               sprintf('2026-01-01 10:%02d:00Z', $_)) } 0 .. 9;
my $later = insert_consent(authorise_until => '2026-01-01 12:00:01Z');


# --- batches, the oldest first, in the epoch of the lease

is_deeply([ look() ], [ '2026-01-01 10:00:00', 10 ], 'what is due');
is_deeply([ look(most => 4) ], [ '2026-01-01 10:00:00', 4 ],
          'is counted up to a bound');
is_deeply([ sweep(epoch => 6) ], [ 0, 'f', 0, '' ], 'an older epoch: nothing');
is_deeply([ sweep(epoch => 8) ], [ 0, 'f', 0, '' ], 'a newer one: nothing');
is_deeply([ sweep(name => 'other') ], [ 0, 'f', 0, '' ],
          'another lease: nothing');
is(ended(), 0, 'nothing is written');

is_deeply([ sweep(most => 3) ], [ 0, 't', 3, '2026-01-01 10:02:00' ],
          'a batch of three');
is_deeply([ map { row($_)->{status} } @ids[0 .. 3] ],
          [ ('REJECTED') x 3, 'AWAITING_AUTHORISATION' ], 'the oldest three');
is_deeply([ sweep(from => '2026-01-01 10:08:00Z') ],
          [ 0, 't', 2, '2026-01-01 10:09:00' ], 'from an instant on');
is_deeply([ sweep(most => 3) ], [ 0, 't', 3, '2026-01-01 10:05:00' ],
          'the same again is another batch');
is_deeply([ sweep() ], [ 0, 't', 2, '2026-01-01 10:07:00' ], 'the rest');
is_deeply([ sweep() ], [ 0, 't', 0, '' ], 'no more');
is_deeply([ look() ], [ '2026-01-01 12:00:01', 0 ], 'and what is next');
is(ended(), 10, 'each is written once');
is(row($later)->{version}, 1, 'what is not due stays');


# --- a row that another session holds is left to it, whatever comes of it

my ($held, $free) = map { insert_consent(authorise_until =>
                                         "2026-01-01 11:00:0${_}Z") } 0 .. 1;
$one->run("BEGIN;\nUPDATE oof_consent SET status = 'AUTHORISED', version = 2"
          . " WHERE consent_id = '$held'");
is_deeply([ sweep() ], [ 0, 't', 1, '2026-01-01 11:00:01' ],
          'one is held: the other is ended');
$one->run('COMMIT');
is_deeply([ sweep() ], [ 0, 't', 0, '' ], 'it is due no more: nothing');
is(row($held)->{status}, 'AUTHORISED', 'it is as the other session left it');


# --- who takes the lease over waits for a batch that is under way, and what
# comes after it is void

my $last = insert_consent(authorise_until => '2026-01-01 11:30:00Z');

$one->run("BEGIN;\n" . sweep_sql());
$two->send("UPDATE oof_lease SET holder = 'you', epoch = 8 WHERE name ="
           . " 'sweeper'");
blocked('who takes it over waits for the batch');
$one->run('COMMIT');
$two->run('SELECT 0');
is(row($last)->{status}, 'REJECTED', 'which was ended');
$last = insert_consent(authorise_until => '2026-01-01 11:30:01Z');
is_deeply([ sweep() ], [ 0, 'f', 0, '' ], 'the old holder ends nothing more');
is_deeply([ sweep(epoch => 8) ], [ 0, 't', 1, '2026-01-01 11:30:01' ],
          'the new one does');

# the other way round: who has just lost it waits, and finds out

$last = insert_consent(authorise_until => '2026-01-01 11:30:02Z');
$two->run("BEGIN;\nUPDATE oof_lease SET epoch = 9 WHERE name = 'sweeper'");
$one->send(sweep_sql(epoch => 8));
blocked('the old holder waits for who takes it over');
$two->run('COMMIT');
is(($one->run('SELECT 0'))[0], '0|f|0|', 'and ends nothing');
is(row($last)->{version}, 1, 'nothing at all');


# --- names of brands

is_deeply([ sweep(epoch => 9, names => '{"other":"x","bank":"ns-1"}') ],
          [ 0, 't', 1, '2026-01-01 11:30:02' ], 'a namespace');
is((events("key = '$last'"))[0]{data}{consentId}, "urn:ns-1:$last",
   'is told of its brand');


# --- plans: a batch reads what is due, and no more

psql(<<'END');
INSERT INTO oof_consent (consent_id, brand, client_id, organisation_id, status,
                         creation, status_update, permissions, authorise_until,
                         version, stamp, personal, cpf_hmac)
     SELECT gen_random_uuid(), 'bank', 'client-one', gen_random_uuid(),
            'AWAITING_AUTHORISATION', now(), now(), 1,
            timestamptz '2026-01-01Z' + i * interval '1 s', 1, now(),
            repeat('x', 100)::bytea, sha256(i::text::bytea)
       FROM generate_series(1, 20000) AS i;
INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
     SELECT gen_random_uuid(), 't', 'bank', gen_random_uuid(), 1, now(), now(),
            '{}' FROM generate_series(1, 20000);
END

my $lane = lane();

for my $state ('before ANALYZE', 'after it', 'when nearly all are over') {
    psql('ANALYZE') if $state eq 'after it';
    psql("UPDATE oof_consent SET status = 'REJECTED' WHERE due >"
         . " '2026-01-01 00:01:00Z'; ANALYZE") if $state =~ /over/;

    for my $mode (qw/ force_generic_plan force_custom_plan /) {
        for my $case ([ 'a batch', sweep_sql(most => 100) ],
                      [ 'a look', "EXECUTE consent_sweep_look('$now', 10000)" ])
        {
            my ($name, $sql) = @$case;
            my $plan = join "\n", $lane->run("SET plan_cache_mode = $mode;\n"
                . "BEGIN;\nEXECUTE consent_sweep_plan;\nEXPLAIN $sql;\n"
                . 'COMMIT');

            like($plan, qr/oof_consent_due/, "$name, $state, $mode: by what is"
                 . ' due');

            my $only = () = $plan =~ /Index Only Scan using oof_consent_due/g;
            is($only, 2, "$name, $state, $mode: by the index alone")
                if $name eq 'a look';

            unlike($plan, qr/Seq Scan on oof_consent |Sort|Hash|Bitmap/,
                   "$name, $state, $mode: nothing dear") or diag($plan);
        }
    }
}

is(($lane->run('SHOW enable_sort'))[0], 'on', 'and nothing of it is left');

$_->close for $one, $two, $three, $lane;

done_testing();


sub sweep_sql {
    my (%args) = @_;

    my $from = $args{from} // '2026-01-01Z';
    my $names = $args{names} // '{}';

    return sprintf "EXECUTE consent_sweep('%s', %d, '%s', '%s', %d, now(),"
                   . " %d, 'oof.consent.rejected', '%s')",
                   $args{name} // 'sweeper', $args{epoch} // 7, $now, $from,
                   $args{most} // 100, 1000 * time, $names;
}


sub sweep {
    my ($line) = $three->run(sweep_sql(@_));

    return map { s/\+00$|null//r } split /\|/, $line, -1;
}


sub look {
    my (%args) = @_;

    my $most = $args{most} // 10000;
    my ($line) = $three->run("EXECUTE consent_sweep_look('$now', $most)");

    return map { s/\+00$//r } split /\|/, $line, -1;
}


sub ended {
    return (psql("SELECT count(*) FROM oof_consent_history h JOIN oof_event e"
                 . ' ON e.id = h.event_id AND e.key = h.consent_id'
                 . " WHERE h.actor = 'time'"))[0][0];
}
