package Test::Oof::Dns;

# Copyright (C) oof authors

# Name servers of our own.
#
#   my ($dns, %resolver) = resolver('tpp.oof.test', addrs => [ '127.0.0.1' ]);
#   my $o = Test::Oof->start(http => $resolver{resolver}, ...);
#   is($dns->{asked}->(), 1);
#
# Words: addrs; later (what is told from the second question on); ttl (60);
# delay (seconds before an answer), silent.

use strict;
use warnings;

use IO::Socket::INET;
use POSIX ();
use Test::Oof;
use Time::HiRes qw/ sleep /;

use parent 'Exporter';

our @EXPORT = qw/ name_server resolver /;

my $owner = $$;


# a name server that knows one name; each question is written down

sub name_server {
    my ($name, %args) = @_;

    my $port = free_port();
    my $file = "$Test::Oof::Dir/dns-$port";
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp',
                                       LocalPort => $port) or die $!;
    my $pid = fork // die $!;

    if ($pid) {
        close $socket;
        return { port => $port, pid => $pid,
                 asked => sub { -s $file // 0 } };
    }

    while ($socket->recv(my $q, 512)) {
        open my $f, '>>', $file;
        print $f '.';
        close $f;

        next if $args{silent};
        sleep $args{delay} if $args{delay};

        my ($id) = unpack 'n', $q;
        my $rest = substr $q, 12;
        my $end = index $rest, "\0";
        my ($type) = unpack 'n', substr $rest, $end + 1;
        my $asked = join '.', unpack '(C/a)*', substr $rest, 0, $end;
        my @addrs = $asked eq $name && $type == 1
                    ? @{ $args{addrs} || [ '127.0.0.1' ] } : ();

        $args{addrs} = $args{later} if $args{later} && @addrs;

        $socket->send(pack('n6', $id, $asked eq $name ? 0x8180 : 0x8183, 1,
                           scalar @addrs, 0, 0)
                      . substr($rest, 0, $end + 5)
                      . join '', map { pack('n3Nn C4', 0xc00c, 1, 1,
                                            $args{ttl} // 60, 4,
                                            split /\./) } @addrs);
    }

    POSIX::_exit(0);
}


my @name_servers;
END { kill 'KILL', map { $_->{pid} } @name_servers if $$ == $owner }


sub resolver {
    my $server = name_server(@_);

    push @name_servers, $server;

    return ($server, resolver => "resolver 127.0.0.1:$server->{port}"
                                 . " ipv6=off; resolver_timeout 2s;");
}


1;
