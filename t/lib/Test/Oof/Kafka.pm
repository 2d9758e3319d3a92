package Test::Oof::Kafka;

# Copyright (C) oof authors

# Brokers for the tests of the provider "kafka": librdkafka's mock cluster
# (t/lib/kafka-mock.c), which speaks the real protocol.
#
#   my $k = Test::Oof::Kafka->start(brokers => 2, topics => [ ... ]);
#   $k->servers;   $k->command('down 1');   $k->messages;

use strict;
use warnings;

use File::Path qw/ make_path /;
use IPC::Open2 ();
use JSON::PP ();
use Test::More ();
use Time::HiRes qw/ sleep time /;

use Test::Oof;


# the program, built once; undef where there is no librdkafka to build it with

sub program {
    my $source = "$Test::Oof::Root/t/lib/kafka-mock.c";
    my $binary = "$Test::Oof::Var/test/kafka-mock";

    make_path("$Test::Oof::Var/test");

    if (!-x $binary || -M $binary > -M $source) {
        my $cc = $ENV{CC} || 'gcc';
        system("$cc -O2 -o $binary.$$ $source -lrdkafka 2> $binary.log") == 0
            or return undef;
        rename "$binary.$$", $binary;
    }

    return $binary;
}


# the binary under test may be one without it

sub built {
    my $out = qx{$ENV{TEST_NGINX_BINARY} -V 2>&1; ldd $ENV{TEST_NGINX_BINARY}};

    return $out =~ /rdkafka/ && defined program();
}


sub start {
    my ($class, %args) = @_;

    my $self = bless { %args }, $class;

    $self->{file} = "$Test::Oof::Dir/kafka-" . int(1e6 * time);
    local $ENV{KAFKA_SERVERS} = $args{servers} // '';

    $self->{pid} = IPC::Open2::open2($self->{out}, $self->{in}, program(),
                                     $self->{file}, $args{brokers} // 1,
                                     $args{partitions} // 2,
                                     @{ $args{topics} });

    $self->{in}->autoflush(1);
    chomp($self->{servers} = readline $self->{out});

    return $self;
}


sub servers { $_[0]{servers} }


sub command {
    my ($self, $command) = @_;

    print { $self->{in} } "$command\n";
    readline $self->{out};
}


# topic, partition, offset, key, value (text), event (decoded)

sub messages {
    my ($self) = @_;

    my @messages;

    for (split /\n/, Test::Oof::slurp($self->{file}, 1)) {
        my %m;
        @m{qw/ topic partition offset key value /} = split / /, $_, 5;
        push @messages, \%m;
    }

    $_->{event} = JSON::PP::decode_json($_->{value}) for @messages;

    return @messages;
}


sub wait_messages {
    my ($self, $n, $seconds) = @_;

    Test::Oof::wait_for(sub {
        my $text = Test::Oof::slurp($self->{file}, 1);
        return ($text =~ tr/\n//) >= $n;
    }, $seconds // 20, "$n messages");

    return $self->messages;
}


sub stop {
    my ($self) = @_;

    return if !$self->{pid};

    close $self->{in};
    waitpid $self->{pid}, 0;
    $self->{pid} = 0;
}


sub DESTROY { $_[0]->stop if ($_[0]{owner} // $$) == $$ }


1;
