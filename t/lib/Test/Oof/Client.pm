package Test::Oof::Client;

# Copyright (C) oof authors

# An HTTP/1.1 client that does no more and no less than it is told, over TCP
# or TLS, with kept connections; HTTP/2 through curl.

use strict;
use warnings;

use File::Temp;
use IO::Socket::INET;
use JSON::PP ();
use Time::HiRes qw/ time /;

our ($error, $timeout) = ('', 8);

my $json = JSON::PP->new->allow_nonref->utf8;


# new(PORT, tls => 1, ca => FILE, cert => FILE, key => FILE, and what
# IO::Socket::SSL takes as SSL_...): undef when it was refused

sub new {
    my ($class, $port, %args) = @_;

    $error = '';

    my $tcp = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port,
                                    Timeout => $timeout)
        or do { $error = "connect: $!"; return };

    my $self = bless { socket => $tcp, buffer => '' }, $class;

    if ($args{tls}) {
        require IO::Socket::SSL;

        my %ssl = (
            SSL_ca_file => $args{ca}, SSL_hostname => 'mtls-api.oof.test',
            SSL_verifycn_name => 'mtls-api.oof.test',
            SSL_verifycn_scheme => 'http',
            SSL_session_cache_size => 0,
            $args{cert} ? (SSL_cert_file => $args{cert},
                           SSL_key_file => $args{key}) : (),
            map { $_ => $args{$_} } grep { /^SSL_/ } keys %args,
        );

        my $start = IO::Socket::SSL->start_SSL($tcp, %ssl);

        if (!$start) {
            $error = "tls: " . IO::Socket::SSL::errstr();
            return;
        }

        $self->{socket} = $start;
    }

    $self->{socket}->autoflush(1);

    return $self;
}


sub request {
    my ($self, $method, $path, $headers, $body) = @_;

    my $text = "$method $path HTTP/1.1\r\n"
               . join('', map { "$_->[0]: $_->[1]\r\n" } @$headers);

    $text .= 'Content-Length: ' . length($body) . "\r\n"
        if defined $body
           && !grep { lc $_->[0] =~ /^(?:content-length|transfer-encoding)$/ }
                    @$headers;

    $self->write("$text\r\n" . ($body // ''));

    return $self->response($method);
}


sub write {
    my ($self, $text) = @_;

    local $SIG{PIPE} = 'IGNORE';
    my $s = $self->{socket};
    my $at = 0;

    while ($at < length $text) {
        my $n = syswrite $s, $text, length($text) - $at, $at;
        return 0 if !defined $n;
        $at += $n;
    }

    return 1;
}


# the next answer; status 0 when the connection ended or nothing came in time

sub response {
    my ($self, $method) = @_;

    my $r = { status => 0, headers => {}, list => [], body => '' };
    my $end = time + $timeout;

    until ($self->{buffer} =~ /\r\n\r\n/) {
        return $r if !$self->fill($end);
    }

    $self->{buffer} =~ s/^(.*?\r\n)\r\n//s;
    my ($line, @lines) = split /\r\n/, $1;

    $r->{head} = $1;
    ($r->{status}) = $line =~ m{^HTTP/1\.[01] (\d\d\d)};
    $r->{status} //= 0;

    for (@lines) {
        my ($name, $value) = /^([^:]+):\s*(.*)$/;
        push @{ $r->{list} }, [ lc $name, $value ];
        $r->{headers}{lc $name} //= $value;
    }

    if ($r->{status} == 100) {
        return $self->response($method);
    }

    if (($method // '') eq 'HEAD' || $r->{status} == 204
        || $r->{status} == 304)
    {
        return $r;
    }

    if (($r->{headers}{'transfer-encoding'} // '') eq 'chunked') {
        $self->chunks($r, $end);

    } elsif (defined(my $n = $r->{headers}{'content-length'})) {
        while (length $self->{buffer} < $n) {
            last if !$self->fill($end);
        }
        $r->{body} = substr $self->{buffer}, 0, $n, '';

    } else {
        1 while $self->fill($end);
        $r->{body} = $self->{buffer};
        $self->{buffer} = '';
    }

    decode($r);

    return $r;
}


sub decode {
    my ($r) = @_;

    $r->{json} = eval { $json->decode($r->{body}) } if length $r->{body};
}


sub chunks {
    my ($self, $r, $end) = @_;

    while (1) {
        until ($self->{buffer} =~ s/^([0-9a-fA-F]+)[^\r\n]*\r\n//) {
            return if !$self->fill($end);
        }

        my $n = hex $1;

        while (length $self->{buffer} < $n + 2) {
            return if !$self->fill($end);
        }

        $r->{body} .= substr $self->{buffer}, 0, $n, '';
        substr $self->{buffer}, 0, 2, '';
        return if $n == 0;
    }
}


sub fill {
    my ($self, $end) = @_;

    my $s = $self->{socket};

    if (!$s->can('pending') || !$s->pending) {
        my $left = $end - time;
        my $bits = '';

        return 0 if $left <= 0;
        vec($bits, fileno $s, 1) = 1;
        return 0 if !select $bits, undef, undef, $left;
    }

    my $n = sysread $s, my $data, 65536;

    # TLS 1.3 may have read a record that is not ours

    if (!defined $n && $s->can('errstr') && ($!{EAGAIN} || $!{EWOULDBLOCK})) {
        return 1;
    }

    return 0 if !$n;

    $self->{buffer} .= $data;

    return 1;
}


# has the other side closed; waits at most so long

sub closed {
    my ($self, $seconds) = @_;

    my $end = time + ($seconds // 2);

    while (time < $end) {
        return 1 if !$self->fill($end) && time < $end;
    }

    return 0;
}


sub close {
    my ($self) = @_;

    CORE::close $self->{socket};
}


# one request over HTTP/2

sub curl {
    my ($port, $method, $path, $headers, $body, %tls) = @_;

    my $dir = File::Temp->newdir;
    my $scheme = $tls{tls} ? 'https' : 'http';

    my @args = ('curl', '-sS', '--max-time', $timeout, '-X', $method,
                '-D', "$dir/head", '-o', "$dir/body",
                $tls{tls} ? '--http2' : '--http2-prior-knowledge',
                '--resolve', "mtls-api.oof.test:$port:127.0.0.1");

    push @args, '--cacert', $tls{ca} if $tls{ca};
    push @args, '--cert', $tls{cert}, '--key', $tls{key} if $tls{cert};

    for (@$headers) {
        next if lc $_->[0] eq 'host';
        push @args, '-H', $_->[1] eq '' ? "$_->[0];" : "$_->[0]: $_->[1]";
    }

    if (defined $body) {
        open my $f, '>', "$dir/in" or die $!;
        print $f $body;
        CORE::close $f;
        push @args, '--data-binary', "\@$dir/in";
    }

    open my $f, '-|', @args, '-w', '%{http_version}',
         "$scheme://mtls-api.oof.test:$port$path" or die $!;
    my $version = do { local $/; <$f> } // '';
    CORE::close $f;

    my $r = { status => 0, headers => {}, list => [], body => '',
              version => $version };

    open $f, '<', "$dir/head" or return $r;
    for (<$f>) {
        s/\r?\n$//;
        if (m{^HTTP/\S+ (\d+)}) {
            @$r{qw/ status headers list /} = ($1, {}, []);
        } elsif (/^([^:]+):\s*(.*)$/) {
            push @{ $r->{list} }, [ lc $1, $2 ];
            $r->{headers}{lc $1} //= $2;
        }
    }

    if (open $f, '<', "$dir/body") {
        local $/;
        $r->{body} = <$f> // '';
        decode($r);
    }

    return $r;
}


1;
