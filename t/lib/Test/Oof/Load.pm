package Test::Oof::Load;

# Copyright (C) oof authors

# Third parties that create, read and end consents without a pause, and what
# the database must say of it afterwards.
#
#   my $load = Test::Oof::Load->start($o, 8);    so many processes
#   ...
#   $load->stop;
#   $load->whole('kill -9');      nothing lost, nothing half, nothing twice
#   $load->clean('reload');       and every request was answered as it should

use strict;
use warnings;

use JSON::PP ();
use POSIX ();
use Test::More ();
use Time::HiRes qw/ sleep time /;

use Test::Oof;

my $consents = "$Test::Oof::Api/consents";
my $json = JSON::PP->new->utf8;


sub start {
    my ($class, $o, $processes) = @_;

    my $self = bless { o => $o, children => [] }, $class;

    # made here, once: certificates and tokens cost time

    my ($headers) = $o->request_parts('plain', client => 'one',
                                      json => consent_body());
    my ($bare) = $o->request_parts('plain', client => 'one');
    my $body = json(consent_body());

    for my $n (1 .. $processes) {
        my $file = "$o->{dir}/load-$n-" . int(1e6 * time);
        my $pid = fork;
        die "fork: $!" if !defined $pid;

        if ($pid == 0) {
            open my $out, '>', $file or POSIX::_exit(1);
            $out->autoflush(1);
            my $stop = 0;
            local $SIG{TERM} = sub { $stop = 1 };
            run($o->plain, $out, \$stop, $headers, $bare, $body);
            close $out;
            POSIX::_exit(0);
        }

        push @{ $self->{children} }, [ $pid, $file ];
    }

    return $self;
}


sub run {
    my ($port, $out, $stop, $headers, $bare, $body) = @_;

    my $client;
    my @alive;
    srand $$;

    until ($$stop) {
        my $r = ask($port, \$client, $out, POST => $consents, $headers, $body);

        if ($r->{status} == 201) {
            my $id = $r->{json}{data}{consentId};
            print $out "made $id\n";
            push @alive, $id;
        }

        next if !@alive;

        my $id = $alive[-1];
        $r = ask($port, \$client, $out, GET => "$consents/$id", $bare);

        print $out "wrong GET $id $r->{json}{data}{status}\n"
            if $r->{status} == 200
               && $r->{json}{data}{status} ne 'AWAITING_AUTHORISATION';

        next if rand > 0.4;

        $id = splice @alive, rand @alive, 1;
        $r = ask($port, \$client, $out, DELETE => "$consents/$id", $bare);
        print $out "ended $id\n" if $r->{status} == 204;
    }
}


# One request.  A kept connection that is closed before any byte of an answer
# is used again once, as any client does.

sub ask {
    my ($port, $client, $out, $method, $path, $headers, $body) = @_;

    my %good = (POST => 201, GET => 200, DELETE => 204);
    my $r;

    for my $again (0, 1) {
        my $kept = defined $$client;

        $$client ||= Test::Oof::Client->new($port);

        if (!$$client) {
            print $out "refused\n";
            sleep 0.02;
            return { status => 0 };
        }

        $r = $$client->request($method, $path, $headers, $body);

        if ($r->{status} == 0) {
            my $silent = $$client->{buffer} eq '';
            $$client = undef;
            next if $kept && $silent && !$again;
            last;
        }

        $$client = undef
            if ($r->{headers}{connection} // '') eq 'close';
        last;
    }

    print $out "answer $method $r->{status}\n"
        if $r->{status} != $good{$method};

    sleep 0.01 if $r->{status} == 503;

    return $r;
}


sub stop {
    my ($self) = @_;

    kill 'TERM', map { $_->[0] } @{ $self->{children} };
    waitpid $_->[0], 0 for @{ $self->{children} };

    my (%seen, @made, @ended);

    for my $line (map { split /\n/, Test::Oof::slurp($_->[1]) }
                      @{ $self->{children} })
    {
        if ($line =~ /^made urn:\w+:(\S+)$/) {
            push @made, $1;
        } elsif ($line =~ /^ended urn:\w+:(\S+)$/) {
            push @ended, $1;
        } else {
            $seen{$line}++;
        }
    }

    @$self{qw/ made ended seen /} = (\@made, \@ended, \%seen);

    return $self;
}


# the acknowledged is there, once, with history and events

sub whole {
    my ($self, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my @made = @{ $self->{made} };
    my @ended = @{ $self->{ended} };

    Test::More::cmp_ok(scalar @made, '>', 20,
                       "$name: " . @made . ' made, ' . @ended . ' ended');

    Test::More::is(count('oof_consent', \@made), scalar @made,
                   "$name: each consent that was answered 201 is there");
    Test::More::is(count('oof_consent', \@ended,
                         "status = 'REJECTED' AND version = 2"),
                   scalar @ended, "$name: each that was answered 204 is over");

    Test::More::is_deeply([ psql(<<'END') ], [ [ 0, 0, 0 ] ],
SELECT count(*) FILTER (WHERE c.version IS DISTINCT FROM h.n
                           OR c.version IS DISTINCT FROM h.last),
       count(*) FILTER (WHERE c.version IS DISTINCT FROM e.n
                           OR c.version IS DISTINCT FROM e.last),
       count(*) FILTER (WHERE c.consent_id IS NULL)
  FROM oof_consent c
  FULL JOIN (SELECT consent_id, count(*) AS n, max(version) AS last
               FROM oof_consent_history GROUP BY consent_id) h
 USING (consent_id)
  FULL JOIN (SELECT key AS consent_id, count(*) AS n, max(version) AS last
               FROM oof_event GROUP BY key) e
 USING (consent_id)
END
        "$name: a history row and an event for each change, nothing half");
}


sub count {
    my ($table, $ids, $where) = @_;

    return 0 if !@$ids;

    return (psql("SELECT count(*) FROM $table WHERE consent_id IN ("
                 . join(',', map { "'$_'" } @$ids) . ')'
                 . ($where ? " AND $where" : '')))[0][0];
}


# no answer but the good ones; and no consent that nobody was told of

sub clean {
    my ($self, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    Test::More::is_deeply($self->{seen}, {}, "$name: no failed request");
}


# consents in the database, for those who count

sub consents { (psql('SELECT count(*) FROM oof_consent'))[0][0] }


1;
