#!/usr/bin/perl

# Copyright (C) oof authors

# Rolling restarts under load, as Kubernetes does them: a new pod serves before
# an old one is told to end; no request fails (a kept connection that is closed
# before any byte of an answer is used again once), no payment is made twice,
# none is lost, and no event.  Both pods are replaced twice; with "build.sh test
# --long" twenty times, and then comes an upgrade from the previous release
# (t/deploy/previous): the schema is brought to this version while pods of that
# one serve, which also begin anew on it; then old and new ones are side by
# side, and one goes back, until all are new.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Chaos;
use Test::Oof::Load;
use Test::Oof::Pods;
use Test::Oof::Previous;
use Time::HiRes qw/ sleep time /;

my $long = $ENV{OOF_MEASURE};
my $restarts = $ENV{OOF_RESTARTS} // ($long ? 20 : 2);
my ($old, $why) = $long ? Test::Oof::Previous::release()
                        : (undef, 'only with test --long');

# the database is one of the previous release, where there is one

Test::Oof::database_is($old->database) if $old;

my $binary = $old ? $old->binary : $ENV{TEST_NGINX_BINARY};
my $pods = Test::Oof::Pods->start;
my @alive = map { $pods->begin(binary => $binary) } 1 .. 2;
my @all = consents_of($alive[0], map { '16.00' } 1 .. ($long ? 1600 : 80));


# a new one serves, then the oldest is told to end

sub rolled {
    my ($binary) = @_;

    push @alive, $pods->begin(binary => $binary);

    return $pods->end(shift @alive);
}


sub checked {
    my ($name) = @_;

    my $seen = $pods->load_end;
    my $calls = join ', ', map { "$seen->{calls}{$_} $_" }
                           sort keys %{ $seen->{calls} };

    diag("$name: $calls; $seen->{again} kept connections ended");

    is_deeply($seen->{wrong}, {}, "$name: no failed request");
    is_deeply([ grep { /^refused/ } @{ $pods->{said} } ], [],
              "$name: no pod has refused a connection");
    is(Test::Oof::Load::count('oof_consent', $seen->{made}),
       scalar @{ $seen->{made} }, "$name: each consent is there");
    cmp_ok(scalar @{ $seen->{paid} }, '>', 10, "$name: payments were made");

    return $seen;
}


# each change of a consent has its row of history and its event, once

sub whole {
    my ($name, $consents) = @_;

    is((psql(<<'END'))[0][0], 0, "$name: an event for each change");
SELECT count(*)
  FROM oof_consent c
  LEFT JOIN (SELECT consent_id, count(*) AS n, max(version) AS last
               FROM oof_consent_history GROUP BY consent_id) h
 USING (consent_id)
  LEFT JOIN (SELECT key AS consent_id, count(*) AS n, max(version) AS last
               FROM oof_event GROUP BY key) e
 USING (consent_id)
 WHERE c.status = 'AWAITING_AUTHORISATION'
   AND (h.n, h.last, e.n, e.last) IS DISTINCT FROM (1, 1, 1, 1)
END
    is((psql("SELECT count(*) FROM oof_consent WHERE status ="
             . " 'AWAITING_AUTHORISATION'"))[0][0], $consents,
       "$name: no consent that nobody was told of");
}


my ($made, @paid, $slowest) = (0);


# --- restarts

$pods->load([ $old ? @all[0 .. @all / 2] : @all ]);

for (1 .. 2 * $restarts) {
    my $took = rolled($binary);
    $slowest = $took if $took > ($slowest // 0);
}

my $seen = checked("$restarts rolling restarts");
$made += @{ $seen->{made} };
push @paid, @{ $seen->{paid} };

cmp_ok($slowest, '<', $Test::Oof::Pods::Grace + 2,
       sprintf 'each has ended at most %.1f s after SIGQUIT', $slowest);


# --- an upgrade

SKIP: {
    skip("no upgrade: $why", 1) if !$old;

    diag('the previous release: ' . $old->name);

    my %done = map { $_->{uuid} => 1 } @paid;
    my @left = grep { !$done{$_->{uuid}} } @all;
    my $new = $ENV{TEST_NGINX_BINARY};

    $pods->load(\@left);
    sleep 1;

    my $at = time;
    my $out = $old->upgrade;
    like($out, qr/^migrated: /m, 'upgrade: there is something to migrate');
    diag(sprintf 'upgrade: %d migrations in %.1f s under load',
         scalar(() = $out =~ /^migrated: /mg), time - $at);

    sleep 2;
    rolled($binary);             # an old one begins on the new schema
    sleep 1;
    rolled($new);                # side by side
    sleep 2;
    rolled($new);
    sleep 1;
    rolled($binary);             # the upgrade is taken back, for one
    sleep 1;
    rolled($new);
    rolled($new);
    sleep 1;

    $seen = checked('upgrade');
    $made += @{ $seen->{made} };
    push @paid, @{ $seen->{paid} };
}


# --- what is left of it all

settled($alive[0], 60);

is_deeply([ grep { grep { $_ != 201 } @{ $_->{said} } } @paid ], [],
          'each payment was told 201, also when it was repeated');
agree($pods->{core}, @paid);
whole('all', $made);

$pods->end($_) for @alive;

done_testing();
