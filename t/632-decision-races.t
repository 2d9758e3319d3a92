#!/usr/bin/perl

# Copyright (C) oof authors

# Many at once on one consent: whatever comes first, one legal history with one
# event for each change.  Spec 1.5, 1.6, 1.7.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Journey;
use Test::Oof::Races;

my $o = journey(workers => 2, connections => 1024);

# --- 64 at once

my %seen;

for my $round (1 .. 8) {
    my $id = new_consent($o);
    my @offered = account_ids($o, $id);

    # first too few rows to go round: decisions among themselves

    my @requests = map {
        my $n = $_;
        $n % 4 == 0 ? revocation($id)
        : $n % 4 == 1 ? decision($id, 'REJECT', $Ana)
        : $n % 4 == 2 && $round > 4 ? renewal_of($id, $Ana)
        : decision($id, 'AUTHORISE', $Ana, @offered)
    } map { $_ + $round } 0 .. 63;

    my @answers = at_once($o, @requests);
    my $n = counted(@answers);
    my @odd = grep { !/^(?:200|201|204|401|403|409|422)$/ } keys %$n;
    is("@odd", '', "round $round: each is answered by its rule")
        or diag(explain($n));

    my $history = history_ok($id, "round $round");
    $seen{$history}++;

    is((psql("SELECT count(*) FROM oof_consent_resource WHERE consent_id = '"
             . short($id) . "'"))[0][0],
       $history =~ /AUTHORISED/ && $history =~ /^\S+ AUTHORISED/ ? 2 : 0,
       "round $round: resources belong to a decision that was taken");

    # exactly as many successes as changes

    my $changes = () = $history =~ / (?:AUTHORISED|REJECTED)/g;
    my $done = ($n->{200} // 0) + ($n->{204} // 0) + ($n->{201} // 0);
    is($done, $changes, "round $round: each change was told to one caller");
}

note(join "\n", map { "$seen{$_} x $_" } sort keys %seen);


# --- 64 decisions alone: exactly one is taken

for my $decision (qw/ AUTHORISE REJECT /) {
    my $id = new_consent($o);
    my @offered = account_ids($o, $id);
    my $n = counted(at_once($o, map { decision($id, $decision, $Ana,
                                $decision eq 'REJECT' ? () : @offered) }
                            1 .. 64));
    is_deeply($n, { 200 => 1, 409 => 63 }, "$decision: one of 64");
    history_ok($id, $decision);
}


# --- all who must agree, at the same instant

my @people = map { sprintf '%011d', 10000000000 + $_ } 1 .. 16;

for my $round (1 .. 6) {
    my $id = new_consent($o);
    my @offered = account_ids($o, $id);

    decide($o, $id, 'AUTHORISE', cpf => $Ana, resources => [
        map { { %$_, authorisers => [ map { { cpf => $_ } } $Ana, @people ] } }
        @offered ]);

    my @says = map { 'AUTHORISE' } @people;
    $says[7] = 'REJECT' if $round > 4;

    my $n = counted(at_once($o, map { decision($id, $says[$_ % 16],
                                           $people[$_ % 16]) } 0 .. 63));
    is_deeply($n, { 200 => 16, 409 => 48 },
              "16 people, four times each: each has one say ($round)");
    history_ok($id, "16 people ($round)");

    is(join(' ', map { $_->{status} }
                 @{ resources($o, $id)->{json}{data} }),
       join(' ', ($round > 4 ? 'UNAVAILABLE' : 'AVAILABLE') x 2),
       "16 people: and no word is lost ($round)");
}

done_testing();
