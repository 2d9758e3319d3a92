#!/usr/bin/perl

# Copyright (C) oof authors

# Units of one statement go as one, and each is answered as if it had gone by
# itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Lab;

my $o = Test::Oof::Lab->start(log_level => 'notice');


sub unit {
    my ($n, %args) = @_;

    return 'class=write&s=lab_many&u=' . ($args{event} // new_uuid())
           . '&u=' . ($args{id} // new_uuid()) . "&i=$n"
           . (defined $args{note} ? "&t=$args{note}" : '&n=');
}


sub outcomes { join ' ', map { $_->{outcome} // "($_->{status})" } @_ }

sub most {
    my $most = 0;
    for my $v (@_) { $most = $v if $v > $most }
    return $most;
}


# --- each gets its own row, in the order in which they came

my @r = $o->together('write', map { unit($_, $_ % 3 ? (note => "n$_") : ()) }
                                  0 .. 99);

is(outcomes(@r), join(' ', (100) x 100), '100 went as one');
is(join(' ', map { $_->{rows}[0][2] } @r), join(' ', 0 .. 99),
   'each has its row');
is(join(' ', map { $_->{rows}[0][3] } @r),
   join(' ', map { $_ % 3 ? "n$_" : 'null' } 0 .. 99), 'and its nulls');
is(most(map { scalar @{ $_->{rows} } } @r), 1, 'and no other');
is_deeply([ psql('SELECT count(*), sum(n) FROM lab_checked') ],
          [ [ 100, 4950 ] ], 'all are there');


# --- one alone is a statement of its own

@r = ($o->lab(unit(7)));
is(outcomes(@r), '1', 'one goes by itself');


# --- another statement between them parts them

psql('TRUNCATE lab_checked');
@r = $o->together('write', unit(0), unit(1), unit(2),
                  'class=write&s=lab_check&u=' . new_uuid() . '&i=5',
                  unit(3), unit(4));
is(outcomes(@r[0 .. 2]), '3 3 3', 'three before');
is(outcomes(@r[4, 5]), '2 2', 'two after');


# --- what fails is found, and its neighbours are well

psql('TRUNCATE lab_checked');
@r = $o->together('write', map { unit($_ == 17 || $_ == 60 ? -1 : $_) }
                                0 .. 127);

is(join(' ', grep { $r[$_]{status} != 200 } 0 .. 127), '17 60',
   'a constraint: those that fail');
is(join(' ', map { $r[$_]{sqlstate} } 17, 60), '23514 23514',
   'a constraint: with their SQLSTATE');
is(outcomes(map { $r[$_] } grep { $_ != 17 && $_ != 60 } 0 .. 127),
   join(' ', (1) x 126), 'a constraint: the others ran again by themselves');
cmp_ok(most(map { $_->{runs} } @r), '<=', 3, 'a constraint: no unit ran more');
is_deeply([ psql('SELECT count(*) FROM lab_checked') ], [ [ 126 ] ],
          'a constraint: exactly those are there');


# --- a unit that has run before finds its trace

my ($event, $id) = (new_uuid(), new_uuid());
is(outcomes($o->lab(unit(1, event => $event, id => $id))), '1', 'first');

psql('TRUNCATE lab_checked');
@r = $o->together('write', unit(0), unit(1, event => $event, id => $id),
                  unit(2));
is(outcomes(@r), '1 1 1', 'again: all went by themselves');
is_deeply([ psql('SELECT count(*) FROM lab_checked') ], [ [ 2 ] ],
          'again: nothing is written twice');


# --- a key that another session is taking holds none of them up for long

my $taken = new_uuid();
my $session = Test::Oof::Postgres::session(database_dsn());

psql('TRUNCATE lab_checked');
$session->run('BEGIN');
$session->run("INSERT INTO lab_checked VALUES ('$taken', 1)");
$session->send('SELECT pg_sleep(0.4)');
$session->send('ROLLBACK');

@r = $o->together('write', unit(0, id => $taken), map { unit($_) } 1 .. 20);

is(outcomes(@r), join(' ', (1) x 21), 'a key being taken: all are fine');
cmp_ok(most(map { $_->{ms} } @r[1 .. 20]), '<', 150 + 150,
       'a key being taken: the others were not held up');
$session->run('SELECT 1');


# --- more than fills a segment stands behind it: two on their way at most

psql('TRUNCATE lab_checked');
@r = $o->together('write', map { unit($_) } 0 .. 399);
is(scalar(grep { $_->{status} == 200 } @r), 400, '400: all are fine');
is(most(map { $_->{outcome} } @r), 128, '400: a segment has 128 at most');
is_deeply([ psql('SELECT count(*), count(DISTINCT n) FROM lab_checked') ],
          [ [ 400, 400 ] ], '400: each is there once');


done_testing();
