#!/usr/bin/perl

# Copyright (C) oof authors

# The keys of organisations outlive workers while the keystore is down: a
# reload, workers that are killed, a zone that is too small for all (spec 2.2).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Http;
use Test::Oof::Payments;

my $store = Test::Oof::Http->start;
my $body = payment_consent();

keystore($_, $_) for qw/ one two /;


# what the keystore has, each set so many bytes longer than it must be

sub stored {
    my ($more) = @_;

    for my $client (qw/ one two /) {
        my $path = '/' . $Test::Oof::Clients{$client}{organisation_id}
                   . '/application.jwks';
        my $set = decoded(Test::Oof::slurp("$Test::Oof::Dir/keystore$path"));

        $set->{keys}[0]{x5c} = [ 'A' x $more ] if $more;
        $store->answer($path, body => Test::Oof::json($set));
    }
}


sub nginx {
    my (%args) = @_;

    my $o = payments(keystore => $store->url('') . ' refresh=1h'
                                 . ($args{zone} // ''),
                     servers => '', alone => 1, workers => $args{workers});

    $o->allow(qr/exited on signal 9|shared memory zone|no keys of org/,
              qr/cannot be fetched/);

    return $o;
}


sub said {
    my ($o, $client) = @_;

    return pay($o, POST => '/consents', $body, client => $client)->{status};
}


sub killed {
    my ($o) = @_;

    my %old = map { $_ => 1 } $o->worker_pids;

    kill 'KILL', keys %old;
    wait_for(sub { my @new = $o->worker_pids;
                   @new == keys %old && !grep { $old{$_} } @new }, 10,
             'new workers');
    $o->ready;
}


# --- all of it is kept

stored(0);

my $o = nginx(workers => 2);
my $fetches = sub {
    scalar $store->calls('/' . $Test::Oof::Clients{one}{organisation_id}
                         . '/application.jwks')
};

is(said($o, 'one'), 201, 'a key');
$store->stop;

# some go to either worker

is(join(' ', map { said($o, 'one') } 1 .. 12), join(' ', (201) x 12),
   'down: both workers have it');
is(said($o, 'two'), 503, 'down: who has never called');

$o->reload;
is(join(' ', map { said($o, 'one') } 1 .. 12), join(' ', (201) x 12),
   'down: after a reload');
killed($o);
is(join(' ', map { said($o, 'one') } 1 .. 12), join(' ', (201) x 12),
   'down: after the end of all workers');

$store->start_again;
wait_for(sub { said($o, 'two') == 201 }, 10, 'the keystore');
wait_for(sub { $fetches->() > 1 }, 10, 'it is asked again');
is(said($o, 'one'), 201, 'up again');
$o->stop;


# --- a zone for one of them: who has called last

stored(14000);
$o = nginx(zone => ' zone=32k');
is(said($o, $_), 201, "small: $_") for qw/ one two /;
$store->stop;
is(said($o, $_), 201, "small, down: $_") for qw/ one two /;
killed($o);
is(said($o, 'one'), 503, 'small, down: one has gone with the workers');
is(said($o, 'two'), 201, 'small, down: two');
$o->stop;


# --- words that are refused

for ([ 'zone=31k', qr/invalid "zone": at least 32k/ ],
     [ 'zone=x', qr/invalid "zone"/ ],
     [ 'ca=' . pki('root.pem') . '; server { oof_keystore ' . $store->url(''),
       qr/is used with two "ca" files/ ])
{
    my $bad = payments(hold => 1, servers => '', alone => 1,
                       keystore => $store->url('') . " $_->[0]"
                                   . ($_->[0] =~ /server/ ? ';}#' : ''));
    my ($ok, $said) = $bad->test_config;

    ok(!$ok, "refused: $_->[0]");
    like($said, $_->[1], "refused: why");
}

done_testing();
