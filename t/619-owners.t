#!/usr/bin/perl

# Copyright (C) oof authors

# Two third parties at once, on the same connections of a gateway in front:
# every answer is of a consent of the one that asks, and nobody sees, ends or
# renews the other's (spec 1.10; 7, 15; 5.4).  3,000 mixed requests; 100,000
# with "build.sh test --long".

use strict;
use warnings;

use FindBin;
use JSON::PP ();
use POSIX ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Journey;

use constant { PROCESSES => 4, POOL => 6 };

my $all = $ENV{OOF_MEASURE} ? 100_000 : 3_000;
my $consents = "$Test::Oof::Api/consents";
my $resources = '/open-banking/resources/v3/resources';
my $json = JSON::PP->new->utf8->canonical;

my $o = journey(workers => 2, connections => 1024,
                http => "keepalive_requests 1000000;\n");
my @names = qw/ one two /;
my %whose = (one => $Ana, two => $Bruno);


# authorised ones of each, and what each may and the other may not do with them

my (%pool, %headers);

for my $client (@names) {
    for my $n (1 .. POOL) {
        my $id = authorised($o, client => $client, cpf => $whose{$client});
        my $listed = resources($o, $id, undef, client => $client);

        is($listed->{status}, 200, "$client $n: resources");
        push @{ $pool{$client} }, {
            id => $id, end => undef,
            resources => join(' ', sort map { $_->{resourceId} }
                                        @{ $listed->{json}{data} }) };

        for my $caller (@names) {
            $headers{$caller}{"code $id"} = headers($caller,
                "openid consent:$id resources");
        }
    }

    $headers{$client}{own} = headers($client, 'consents');
}

my %ids = map { $_ => 1 } map { map { $_->{resources} } @$_ } values %pool;
cmp_ok(scalar keys %ids, '>=', 2, 'they share different resources');

for my $entry (map { @$_ } values %pool) {
    my ($uuid) = $entry->{id} =~ /([^:]+)$/;
    ($entry->{end}) = (psql('SELECT to_char(expiration AT TIME ZONE '
        . " 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM oof_consent WHERE"
        . " consent_id = '$uuid'"))[0][0];
}


# --- the load

my @files = map { "$o->{dir}/owners-$_" } 1 .. PROCESSES;
my @pids;

for my $n (0 .. PROCESSES - 1) {
    my $pid = fork;
    die "fork: $!" if !defined $pid;

    if ($pid == 0) {
        open my $out, '>', $files[$n] or POSIX::_exit(1);
        eval { load($n, $out, $all / PROCESSES); 1 } or print $out "wrong $@\n";
        close $out or POSIX::_exit(1);
        POSIX::_exit(0);
    }

    push @pids, $pid;
}

for my $pid (@pids) {
    waitpid $pid, 0;
    is($?, 0, 'a process has done its part');
}

my (%n, %made, @wrong);

for (map { split /\n/, slurp($_) } @files) {
    my ($word, $rest) = /^(\w+) (.*)$/ or next;
    push @wrong, $rest if $word eq 'wrong';
    $made{$1}{$2} = 1 if $word eq 'made' && $rest =~ /^(\w+) \S+:(\S+)$/;
    $n{$1} += $2 if $word eq 'count' && $rest =~ /^(.*) (\d+)$/;
}

my $count = 0;
$count += $_ for values %n;

is($count, $all, "$all requests were answered");
is(join("\n", grep { defined } @wrong[0 .. 9]), '',
   'each by what is of the one that asks');
diag(join ', ', map { "$_ $n{$_}" } sort keys %n);

cmp_ok($n{$_} // 0, '>', 0, "some were: $_")
    for 'POST 201', 'GET own 200', 'GET foreign 403', 'DELETE own 204',
        'DELETE foreign 403', 'extends foreign 403', 'extensions own 200',
        'extensions foreign 403', 'resources own 200';

for my $client (@names) {
    my %rows = map { $_->[0] => 1 }
               psql('SELECT consent_id FROM oof_consent WHERE client_id ='
                    . " '$Test::Oof::Clients{$client}{client_id}'");
    my @strange = grep { !$made{$client}{$_} } keys %rows;
    my @missing = grep { !$rows{$_} } keys %{ $made{$client} };

    is(scalar @missing, 0, "$client: what it made is its own");
    is(scalar @strange, POOL, "$client: and nothing else is");
}

is((psql("SELECT count(*) FROM oof_consent WHERE status <> 'AUTHORISED' AND"
         . ' consent_id IN (' . join(', ', map { "'" . ($_->{id} =~
             s/.*://r) . "'" } map { @$_ } values %pool) . ')'))[0][0], 0,
   'nobody has ended what is the other\'s');

done_testing();


sub headers {
    my ($client, $scope) = @_;

    my ($list) = $o->request_parts('plain', client => $client,
        scope => $scope, headers => {
            'x-fapi-customer-ip-address' => '203.0.113.7',
            'x-customer-user-agent' => 'Receiver/1.0' });

    return $list;
}


# one process, which is both clients in turn on one kept connection

sub load {
    my ($n, $out, $requests) = @_;

    srand($n + 1);

    my $c = $o->connect('plain');
    my %own = map { $_ => [ @{ $pool{$_} } ] } @names;
    my %count;
    my $made = 0;

    for (1 .. $requests) {
        my ($me, $you) = rand() < 0.5 ? @names : reverse @names;
        my $dice = rand;
        my $mine = $own{$me}[rand @{ $own{$me} }];
        my $yours = $own{$you}[rand @{ $own{$you} }];
        my $shared = $pool{$me}[rand POOL];
        my $theirs = $pool{$you}[rand POOL];
        my ($what, $want, @call);

        if ($dice < 0.2) {
            my $end = POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time
                + 86400 * 30 + 60 * ($made++ * PROCESSES + $n)));
            $mine = { end => $end };
            ($what, $want) = ('POST', 201);
            @call = (POST => $consents, $headers{$me}{own},
                     $json->encode(consent_body(
                         loggedUser => { document => {
                             identification => $whose{$me}, rel => 'CPF' } },
                         expirationDateTime => $end)));

        } elsif ($dice < 0.45) {
            ($what, $want) = ('GET own', 200);
            @call = (GET => "$consents/$mine->{id}", $headers{$me}{own});

        } elsif ($dice < 0.6) {
            ($what, $want) = ('GET foreign', 403);
            @call = (GET => "$consents/$yours->{id}", $headers{$me}{own});

        } elsif ($dice < 0.65 && @{ $own{$me} } > POOL) {
            $mine = splice @{ $own{$me} }, POOL + rand(@{ $own{$me} } - POOL),
                           1;
            ($what, $want) = ('DELETE own', 204);
            @call = (DELETE => "$consents/$mine->{id}", $headers{$me}{own});

        } elsif ($dice < 0.72) {
            ($what, $want) = ('DELETE foreign', 403);
            @call = (DELETE => "$consents/$yours->{id}", $headers{$me}{own});

        } elsif ($dice < 0.78) {
            ($what, $want) = ('extends foreign', 403);
            @call = (POST => "$consents/$theirs->{id}/extends",
                     $headers{$me}{"code $theirs->{id}"},
                     $json->encode({ data => { loggedUser => { document => {
                         identification => $whose{$you}, rel => 'CPF' } } } }));

        } elsif ($dice < 0.84) {
            ($what, $want) = ('extensions own', 200);
            @call = (GET => "$consents/$mine->{id}/extensions",
                     $headers{$me}{own});

        } elsif ($dice < 0.89) {
            ($what, $want) = ('extensions foreign', 403);
            @call = (GET => "$consents/$yours->{id}/extensions",
                     $headers{$me}{own});

        } elsif ($dice < 0.95) {
            ($what, $want) = ('resources own', 200);
            @call = (GET => $resources, $headers{$me}{"code $shared->{id}"});

        } else {
            ($what, $want) = ('resources foreign', '40[13]');
            @call = (GET => $resources, $headers{$me}{"code $theirs->{id}"});
        }

        if (@call > 3) {
            $call[2] = [ @{ $call[2] },
                         [ 'Content-Type' => 'application/json' ] ];
        }

        my $r = $c->request(@call);
        my $why = judged($r, $what, $want, $mine, $shared);

        $count{"$what $r->{status}"}++;
        print $out "wrong $me $what: $r->{status} $why\n" if $why;

        if ($what eq 'POST' && !$why) {
            $mine->{id} = $r->{json}{data}{consentId};
            push @{ $own{$me} }, $mine;
            print $out "made $me $mine->{id}\n";
        }
    }

    print $out "count $_ $count{$_}\n" for keys %count;
}


# what is wrong with an answer

sub judged {
    my ($r, $what, $want, $mine, $shared) = @_;

    return 'status' if $r->{status} !~ /^$want$/;
    return '' if $r->{status} == 204;

    my $data = $r->{json} ? $r->{json}{data} : undef;

    return $data ? 'data of the other' : '' if $r->{status} >= 400;

    if ($what eq 'resources own') {
        my $listed = join ' ', sort map { $_->{resourceId} } @$data;
        return $listed eq $shared->{resources} ? '' : "resources $listed";
    }

    if ($what eq 'extensions own') {
        return $r->{json}{links}{self} =~ m{/\Q$mine->{id}\E/extensions}
               ? '' : 'another list';
    }

    return "another consent: $data->{consentId}"
        if $mine->{id} && $data->{consentId} ne $mine->{id};
    return "another end: $data->{expirationDateTime}"
        if $data->{expirationDateTime} ne $mine->{end};

    return '';
}


sub slurp { Test::Oof::slurp(@_) }
