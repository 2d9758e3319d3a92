#!/usr/bin/perl

# Copyright (C) oof authors

# What a renewal is for: the consent, its tokens and its resources outlive the
# end that it had, whatever time does at that end, and not the one that it has
# got (spec 1.5, 1.7; 5.6; 7, 23; 7, 26).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents qw/ at row history /;
use Test::Oof::Journey;
use Test::Oof::Races;

my $o = journey(workers => 2, leases => 1);
my $api = "$Test::Oof::Api/consents";
my $end = at(86400);
my $later = at(86400 * 3);
my %ids = map { $_ => authorised($o, more => { expirationDateTime => $end }) }
              qw/ kept later endless /;

is(said($ids{$_}), '200 AUTHORISED issue refresh 200', "$_: before")
    for sort keys %ids;

is(extends('later', $later), 201, 'one is renewed');
is(extends('endless', undef), 201, 'another has no end any more');

is(said($ids{$_}), '200 AUTHORISED issue refresh 200',
   "$_: as before, with the same tokens") for sort keys %ids;

# at the end that all had

$o->clock(86400 + 60);
wait_for(sub { row(short($ids{kept}))->{version} == 3 }, 10, 'the sweeper');

is(said($ids{kept}), '200 REJECTED no-issue no-refresh 401',
   'kept: time has ended it');
is(row(short($ids{kept}))->{status_update}, $end, 'kept: at its end');
is(said($ids{$_}), '200 AUTHORISED issue refresh 200',
   "$_: is alive after the end that it had") for qw/ later endless /;
is(row(short($ids{$_}))->{version}, 3, "$_: and nothing was written")
    for qw/ later endless /;

# at the end that one has got

$o->clock(86400 * 3 + 60);
wait_for(sub { row(short($ids{later}))->{version} == 4 }, 10, 'the sweeper');

is(said($ids{later}), '200 REJECTED no-issue no-refresh 401',
   'later: time has ended it then');
is_deeply([ map { $_->[2] } history(short($ids{later})) ],
          [ 'AWAITING_AUTHORISATION', 'AUTHORISED', 'AUTHORISED',
            'REJECTED' ], 'later: its history');
is(row(short($ids{later}))->{status_update}, $later, 'later: at that end');
is(row(short($ids{later}))->{reason_code}, 'CONSENT_MAX_DATE_REACHED',
   'later: why');
is(said($ids{endless}), '200 AUTHORISED issue refresh 200',
   'endless: lives on');
$o->clock(0);


# --- an end that meant none in older versions: an instant as any other

my $old = authorised($o, more => { expirationDateTime =>
                                   '2300-01-01T00:00:00Z' });
$ids{old} = $old;
wait_for(sub { get($old)->{json}{data}{status} eq 'AUTHORISED' }, 5, 'clock');
is(get($old)->{json}{data}{expirationDateTime}, '2300-01-01T00:00:00Z',
   'it is told as it was given');
is(extends('old', $later), 422, 'an earlier end: refused');
is(extends('old', '2300-01-01T00:00:00Z'), 422, 'the same: refused');
is(extends('old', undef), 201, 'no end: renewed');
is(get($old)->{json}{data}{expirationDateTime}, undef, 'and has none');

done_testing();


sub get { $o->call(GET => "$api/$_[0]") }


sub extends {
    my ($id, $until) = @_;

    my $r = $o->call(POST => "$api/$ids{$id}/extends",
        scope => "openid consent:$ids{$id}",
        headers => { 'x-fapi-customer-ip-address' => '203.0.113.7',
                     'x-customer-user-agent' => 'Receiver/1.0' },
        json => { data => { loggedUser => { document => {
                      identification => $Ana, rel => 'CPF' } },
                  defined $until ? (expirationDateTime => $until) : () } });

    return $r->{status};
}


# the third party's GET, the bank's word on tokens, and what resources say

sub said {
    my ($id) = @_;

    my $r = get($id);
    my $check = token_check($o, $id)->{json}{data};

    return join ' ', $r->{status}, $r->{json}{data}{status},
                     (map { $check->{$_} ? $_ : "no-$_" }
                          qw/ issue refresh /),
                     resources($o, $id)->{status};
}
