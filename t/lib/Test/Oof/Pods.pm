package Test::Oof::Pods;

# Copyright (C) oof authors

# An installation: pods, each an nginx, behind a balancer that takes in what is
# ready, and third parties that call without a pause over mutual TLS.
#
#   my $pods = Test::Oof::Pods->start;          core, keystore, balancer
#   my $pod = $pods->begin(binary => ...);      until it serves
#   my $load = $pods->load($all);               payments of Test::Oof::Chaos
#   $pods->end($pod);                           as Kubernetes ends a pod
#   my $seen = $pods->load_end;                 { wrong => {}, made, paid, ... }

use strict;
use warnings;

use Cwd qw/ abs_path /;
use IO::Handle;
use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw/ sleep time /;

use Test::Oof;
use Test::Oof::Core;
use Test::Oof::Gate ();
use Test::Oof::Payments;
use Test::Oof::Settle;

# A pod's end, in a part of the time that the chart gives it: it is waited until
# no balancer has it any more, and how long that may take; then what is under
# way is answered.

our $Drain = 0.6;
our $Lag = 0.4;
our $Grace = 5;

my $json = JSON::PP->new->canonical->utf8;


sub start {
    my ($class) = @_;

    my $self = bless { port => free_port(), number => 0, pods => [] }, $class;

    $self->{core} = Test::Oof::Core->start(options => [ '--step', 20 ]);
    $self->{keys} = free_port();
    $self->{aside} = $self->aside;
    $self->balancer;

    return $self;
}


# the directory's keystore, and the bank's system behind the gate

sub aside {
    my ($self) = @_;

    my $port = Test::Oof::free_port();

    keystore($_, $_) for qw/ one two /;

    return Test::Oof->start(defaults => 0, servers => <<"END");
    server {
        listen 127.0.0.1:$self->{keys};
        keepalive_requests 1000000;
        location /keystore/ {
            alias $Test::Oof::Dir/keystore/;
        }
        location /open-banking/ {
            default_type application/json;
            return 200 '{"data":[]}';
        }
    }
END
}


sub balancer {
    my ($self) = @_;

    pipe my $to, my $in or die "pipe: $!";
    pipe my $out, my $from or die "pipe: $!";

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDIN, '<&', $to or POSIX::_exit(1);
        open STDOUT, '>&', $from or POSIX::_exit(1);
        close $_ for $to, $in, $out, $from;
        exec '/usr/bin/python3', "$Test::Oof::Root/t/lib/balancer",
             $self->{port} or POSIX::_exit(1);
    }

    $in->autoflush(1);
    @$self{qw/ balancer in out said /} = ($pid, $in, $out, []);

    $self->says('listening');
}


# reads what the balancer says until it has said that

sub says {
    my ($self, $text) = @_;

    my $end = time + 20;

    while (time < $end) {
        return if grep { $_ eq $text } @{ $self->{said} };

        my $set = '';
        vec($set, fileno $self->{out}, 1) = 1;
        next if !select $set, undef, undef, 0.1;

        my $n = sysread $self->{out}, my $more, 65536;
        die 'the balancer has ended' if !$n;

        push @{ $self->{said} }, split /\n/, $more;
    }

    die "the balancer does not say \"$text\"";
}


sub tell {
    my ($self, $text) = @_;

    print { $self->{in} } "$text\n";
}


# A pod, when the balancer has taken it in.  Places of pods that have ended are
# used again.  binary: another nginx.

sub begin {
    my ($self, %args) = @_;

    my $binary = $args{binary} // $ENV{TEST_NGINX_BINARY};
    my ($o) = grep { !$_->{started} } @{ $self->{pods} };

    if ($o) {
        $o->{binary} = $binary;

    } else {
        ($o) = settlement(
            running => $self->{core}, alone => 1, hold => 1, wait => 0,
            workers => 2, connections => 1024, log_level => 'notice',
            binary => $binary,
            keystore => "http://127.0.0.1:$self->{keys}/keystore refresh=1h",
            main => "worker_shutdown_timeout ${Grace}s;",
            tls_server => 'keepalive_requests 1000;',
            locations => Test::Oof::Gate::gate_locations(
                { port => $self->{keys} }, [ accounts => 'v2' ]),
        );
        push @{ $self->{pods} }, $o;
    }

    $o->{name} = 'pod-' . ++$self->{number};
    $o->launch;
    $self->tell("add $o->{name} $o->{port}{tls} $o->{port}{management}");
    $self->says("ready $o->{name}");

    is(readlink '/proc/' . $o->pid . '/exe', abs_path($binary),
       "$o->{name} serves, and is what it should be");

    return $o;
}


# It is told to end: somewhat later no balancer has it any more, meanwhile it
# serves; then SIGQUIT, and what is under way is answered.  Seconds from the
# signal on.

sub end {
    my ($self, $pod) = @_;

    my $start = time;

    sleep rand $Lag;
    $self->tell("remove $pod->{name}");
    $self->says("removed $pod->{name}");

    my $left = $start + $Drain - time;
    sleep $left if $left > 0;

    my $at = time;
    my $pid = $pod->pid;
    my @workers = $pod->worker_pids;

    kill 'QUIT', $pid;

    sleep 0.02 while gone($pid, @workers) < 1 + @workers
                     && time < $at + $Grace + 3;

    ok(gone($pid, @workers) == 1 + @workers, "$pod->{name} has ended")
        or kill 'KILL', $pid, @workers;
    delete $pod->{started};

    return time - $at;
}


sub gone {
    my (@pids) = @_;

    return scalar grep {
        Test::Oof::slurp("/proc/$_/stat", 1) !~ /^\d+ \(.*\) [^ZX]/
    } @pids;
}


# --- who calls

# payments: items of consents_of(), each paid once or twice

sub load {
    my ($self, $all, %args) = @_;

    my $consent = Test::Oof::Gate::authorised();
    my $path = "$Test::Oof::Dir/callers-" . int 1e6 * time;
    my $client = $Test::Oof::Clients{one};

    Test::Oof::spew("$path.json", $json->encode({
        port => $self->{port}, name => 'mtls-api.oof.test',
        ca => pki('root.pem'), cert => client_cert('one'),
        key => client_key('one'),
        pauses => { consents => 0.02, payments => 0.05 },
        callers => $args{callers} // 3, payers => $args{payers} // 2,
        consents => "$Test::Oof::Api/consents", consent => consent_body(),
        gate => '/open-banking/accounts/v2/accounts',
        gate_scope => "openid consent:$consent accounts",
        payments => "$Pay5/pix/payments",
        payment_consents => "$Pay5/consents",
        items => [ map { {
            key => $_->{key}, urn => $_->{urn},
            body => { data => [ $_->{item} ] },
            scope => "openid consent:$_->{urn} payments",
        } } @$all ],
        message => { file => Test::Oof::Payments::signing_key('one'),
                     kid => 'sign-one',
                     claims => { aud => "$Test::Oof::BaseUrl$Pay5/pix/payments",
                                 iss => $client->{organisation_id} } },
        token => { file => pki('signing.key'), kid => 'oof-signing',
                   claims => {
                       iss => $Test::Oof::Issuer, aud => $Test::Oof::BaseUrl,
                       client_id => $client->{client_id},
                       sub => $client->{client_id},
                       cnf => { 'x5t#S256' => Test::Oof::thumbprint(
                           Test::Oof::client_pem('one')) } } },
    }));

    pipe my $told, my $tell or die "pipe: $!";
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDIN, '<&', $told or POSIX::_exit(1);
        open STDOUT, '>', "$path.out" or POSIX::_exit(1);
        close $_ for $told, $tell;
        exec '/usr/bin/python3', "$Test::Oof::Root/t/lib/callers",
             "$path.json" or POSIX::_exit(1);
    }

    @$self{qw/ callers tell_callers file all /} = ($pid, $tell, $path, $all);

    wait_for(sub { Test::Oof::slurp("$path.out", 1) =~ /^made/m }, 20, 'calls');
}


# Stops them.  wrong: what was no good answer, and how often; made: consents;
# paid: the items that were; again: kept connections that ended; calls

sub load_end {
    my ($self) = @_;

    close delete $self->{tell_callers};
    waitpid delete $self->{callers}, 0;

    my %seen = (wrong => {}, made => [], paid => [], again => 0, calls => {});

    for (split /\n/, Test::Oof::slurp("$self->{file}.out")) {
        my ($word, @rest) = split ' ';

        if ($word eq 'made') {
            push @{ $seen{made} }, $rest[0] =~ s/.*://r;
        } elsif ($word eq 'paid') {
            my $item = $self->{all}[$rest[0]];
            $item->{said} = [ split /,/, $rest[1] ];
            push @{ $seen{paid} }, $item;
        } elsif ($word eq 'again') {
            $seen{again}++;
        } elsif ($word eq 'calls') {
            $seen{calls}{$rest[0]} += $rest[1];
        } else {
            $seen{wrong}{"@rest"}++;
        }
    }

    return \%seen;
}


sub DESTROY {
    my ($self) = @_;

    local $?;

    close $self->{in} if $self->{in};
    close $self->{tell_callers} if $self->{tell_callers};
}


1;
