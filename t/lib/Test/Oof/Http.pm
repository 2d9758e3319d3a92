package Test::Oof::Http;

# Copyright (C) oof authors

# A small HTTP server for key sets, introspection and whatever else nginx calls
# out to.  What it answers may be changed while it runs:
#
#   my $s = Test::Oof::Http->start;
#   $s->answer('/jwks', body => $text, headers => { 'Cache-Control' => ... });
#   my @calls = $s->calls('/jwks');       each: method, path, headers, body, at
#   $s->stop; $s->start_again;            the same port
#
# Words of an answer: status (200), headers, body, delay (seconds before the
# answer), cut (bytes of the whole answer, then the connection is closed), drip
# (bytes at a time, 10 ms apart), raw (bytes in place of an answer), hang (no
# answer at all), close (after the answer).  The path "*" is any other.
# start(tls => [cert, key]) serves TLS, with ca => file it demands client
# certificates, and a call has the name of the one that was shown as "peer".

use strict;
use warnings;

use IO::Socket::INET;
use IO::Socket::SSL;
use JSON::PP ();
use POSIX ();
use Storable ();
use Time::HiRes qw/ sleep time /;

my $json = JSON::PP->new->canonical->utf8;
my $count = 0;
my $owner = $$;
my @servers;


sub start {
    my ($class, %args) = @_;

    my $self = bless { %args }, $class;

    $self->{dir} = "$Test::Oof::Dir/http-" . $count++;
    mkdir $self->{dir} or die "$self->{dir}: $!";

    $self->{port} //= Test::Oof::free_port();
    $self->{answers} = {};
    $self->write_answers;

    push @servers, $self;

    return $self->start_again;
}


sub start_again {
    my ($self) = @_;

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                       LocalPort => $self->{port},
                                       Listen => 256, ReuseAddr => 1)
        or die "no server on port $self->{port}: $!";

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        setpgrp 0, 0;
        eval { $self->serve($listen) };
        print STDERR "# http server: $@" if $@;
        POSIX::_exit(1);
    }

    close $listen;
    $self->{pid} = $pid;

    return $self;
}


sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    kill 'KILL', -$pid, $pid;
    waitpid $pid, 0;

    return $self;
}


sub url {
    my ($self, $path) = @_;

    return ($self->{tls} ? 'https' : 'http') . '://'
           . ($self->{host} // '127.0.0.1') . ":$self->{port}$path";
}


sub answer {
    my ($self, $path, %answer) = @_;

    $self->{answers}{$path} = \%answer;
    $self->write_answers;

    return $self;
}


sub calls {
    my ($self, $path) = @_;

    my @calls = map { $json->decode($_) }
                    split /\n/, Test::Oof::slurp("$self->{dir}/calls", 1);

    return grep { !defined $path || $_->{path} eq $path } @calls;
}


sub forget_calls {
    my ($self) = @_;

    unlink "$self->{dir}/calls";
}


sub write_answers {
    my ($self) = @_;

    Storable::nstore($self->{answers}, "$self->{dir}/answers.new");
    rename "$self->{dir}/answers.new", "$self->{dir}/answers";
}


# --- in the server's process

sub serve {
    my ($self, $listen) = @_;

    $SIG{CHLD} = 'IGNORE';
    $SIG{PIPE} = 'IGNORE';

    for ( ;; ) {
        my $c = $listen->accept or next;
        my $pid = fork // next;

        if ($pid == 0) {
            close $listen;
            eval { $self->connection($c) };
            POSIX::_exit(0);
        }

        close $c;
    }
}


sub connection {
    my ($self, $c) = @_;
    my $peer;

    $c->blocking(1);

    if ($self->{tls}) {
        IO::Socket::SSL->start_SSL($c,
            SSL_server => 1, SSL_cert_file => $self->{tls}[0],
            SSL_key_file => $self->{tls}[1],
            $self->{ca} ? (SSL_verify_mode => SSL_VERIFY_PEER
                                          | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                           SSL_ca_file => $self->{ca}) : ()) or return;
        $peer = $c->peer_certificate('cn') if $self->{ca};
    }

    my $buf = '';

    while (my $call = request($c, \$buf)) {

        $call->{peer} = $peer if defined $peer;

        open my $f, '>>', "$self->{dir}/calls" or die $!;
        syswrite $f, $json->encode($call) . "\n";
        close $f;

        my $path = $call->{path} =~ s/\?.*//r;
        my $answers = Storable::retrieve("$self->{dir}/answers");
        my $answer = $answers->{$path} || $answers->{'*'}
                     || { status => 404, body => 'none' };

        respond($c, $answer) or return;
    }
}


sub request {
    my ($c, $buf) = @_;

    until ($$buf =~ /\r\n\r\n/) {
        sysread($c, $$buf, 65536, length $$buf) or return;
    }

    my ($head, $rest) = split /\r\n\r\n/, $$buf, 2;
    my ($line, @lines) = split /\r\n/, $head;
    my ($method, $path) = split / /, $line;
    my %headers = map { /^([^:]+):\s*(.*)$/ ? (lc $1 => $2) : () } @lines;
    my $length = $headers{'content-length'} // 0;

    while (length $rest < $length) {
        sysread($c, $rest, 65536, length $rest) or return;
    }

    my $body = substr $rest, 0, $length, '';
    $$buf = $rest;

    return { method => $method, path => $path, headers => \%headers,
             body => $body, at => time };
}


sub respond {
    my ($c, $answer) = @_;

    if ($answer->{hang}) {
        sleep 3600;
    }

    sleep $answer->{delay} if $answer->{delay};

    my $body = $answer->{body} // '';
    my %headers = (%{ $answer->{headers} || {} },
                   'Content-Length' => length $body);

    my $text = $answer->{raw}
               // join "\r\n", 'HTTP/1.1 ' . ($answer->{status} // 200) . ' X',
                       (map { "$_: $headers{$_}" } sort keys %headers),
                       '', $body;

    $text = substr $text, 0, $answer->{cut} if defined $answer->{cut};

    my $size = $answer->{drip} || 65536;

    while (length $text) {
        my $n = syswrite $c, $text, $size or return;
        substr $text, 0, $n, '';
        sleep 0.01 if $answer->{drip};
    }

    return !($answer->{close} || defined $answer->{cut} || $answer->{raw});
}


END {
    if ($$ == $owner) {
        my $status = $?;
        $_->stop for @servers;
        $? = $status;
    }
}


1;
