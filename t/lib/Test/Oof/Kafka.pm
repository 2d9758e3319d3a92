package Test::Oof::Kafka;

# Copyright (C) oof authors

# Brokers for the tests of the provider "kafka": librdkafka's mock cluster
# (t/lib/kafka-mock.c), which speaks the real protocol.
#
#   my $k = Test::Oof::Kafka->start(brokers => 2, topics => [ ... ]);
#   $k->servers;   $k->command('down 1');   $k->messages;
#
# and, where Java and Maven are at hand, a real Apache Kafka broker (KRaft), whose
# jars Maven copies to var/kafka:
#
#   my $broker = Test::Oof::Kafka->broker or ...;
#   $broker->{servers};   $broker->kill;   $broker->run;
#   my $k = Test::Oof::Kafka->start(brokers => 0, servers => ..., topics => ...);
#
# Words of broker(): secure, listeners with TLS beside the plain one: "sasl",
# whose users and passwords are those of the word, by PLAIN and SCRAM, and "tls"
# with client certificates; $broker->{sasl}, $broker->{tls}.

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

    my $self = bless { %args, owner => $$ }, $class;

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


# a real broker that runs, or undef and why not

sub broker {
    my ($class, %args) = @_;

    my $dir = "$Test::Oof::Var/kafka";
    my $lib = "$dir/lib";

    for my $program (qw/ java mvn /) {
        return (undef, "no $program")
            if !grep { -x "$_/$program" } split /:/, $ENV{PATH};
    }

    make_path($dir);

    if (!-e "$dir/complete") {
        system('cp', "$Test::Oof::Root/t/lib/kafka.pom", "$dir/pom.xml");
        system("cd $dir && timeout 300 mvn -q -B dependency:copy-dependencies"
               . " -DoutputDirectory=lib -DincludeScope=runtime > mvn.log 2>&1"
               . ' && touch complete') == 0
            or return (undef, "Maven has not got Apache Kafka: $dir/mvn.log");
    }

    my $self = bless { real => 1, port => Test::Oof::free_port(),
                       control => Test::Oof::free_port(),
                       dir => "$Test::Oof::Dir/broker",
                       owner => $$ }, $class;

    $self->{servers} = "127.0.0.1:$self->{port}";
    $self->{java} = ['java', '-Xmx384m', '-Xshare:auto',
                     '-XX:TieredStopAtLevel=1', '-cp', "$lib/*",
                     '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'];

    make_path($self->{dir});

    my ($more, $listeners, $map, @scram) = $self->secure($args{secure});

    Test::Oof::spew("$self->{dir}/server.properties", <<"END");
process.roles=broker,controller
node.id=1
controller.quorum.voters=1\@127.0.0.1:$self->{control}
listeners=PLAINTEXT://127.0.0.1:$self->{port},CONTROLLER://127.0.0.1:$self->{control}$listeners
advertised.listeners=PLAINTEXT://127.0.0.1:$self->{port}$listeners
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT$map
inter.broker.listener.name=PLAINTEXT
log.dirs=$self->{dir}/data
num.partitions=2
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
auto.create.topics.enable=true
$more
END

    system(join(' ', map { "'$_'" } @{ $self->{java} },
                'kafka.tools.StorageTool', 'format', '-t',
                'MkU3OEVBNTcwNTJENDM2Qg', '-c',
                "$self->{dir}/server.properties", @scram)
           . " > $self->{dir}/format.log 2>&1") == 0
        or return (undef, "the broker's storage: $self->{dir}/format.log");

    $self->run;

    return $self;
}


# lines of properties, listeners, their protocols, and users for the storage

sub secure {
    my ($self, $users) = @_;

    return ('', '', '') if !$users;

    $self->{sasl} = '127.0.0.1:' . (my $sasl = Test::Oof::free_port());
    $self->{tls} = '127.0.0.1:' . (my $tls = Test::Oof::free_port());

    Test::Oof::client_cert('kafka', eku => 'server', cn => '127.0.0.1',
                           org => undef, software => undef);

    my $store = "$self->{dir}/broker.pem";
    my $key = Test::Oof::client_key('kafka');

    system("(openssl pkcs8 -topk8 -nocrypt -in $key; cat "
           . Test::Oof::client_cert('kafka') . ") > $store") == 0
        or die 'openssl pkcs8 failed';

    my $plain = join ' ', map { qq(user_$_="$users->{$_}") } sort keys %$users;
    my $module = 'org.apache.kafka.common.security';

    return (<<"END",
ssl.keystore.type=PEM
ssl.keystore.location=$store
ssl.truststore.type=PEM
ssl.truststore.location=@{[ Test::Oof::pki('trusted.pem') ]}
listener.name.tls.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl.plain.sasl.jaas.config=$module.plain.PlainLoginModule required $plain;
listener.name.sasl.scram-sha-256.sasl.jaas.config=$module.scram.ScramLoginModule required;
listener.name.sasl.scram-sha-512.sasl.jaas.config=$module.scram.ScramLoginModule required;
END
        ",SASL://$self->{sasl},TLS://$self->{tls}",
        ',SASL:SASL_SSL,TLS:SSL',
        map {
            my $user = $_;
            map { ('--add-scram', "$_=[name=$user,password=$users->{$user}]") }
                qw/ SCRAM-SHA-256 SCRAM-SHA-512 /
        } sort keys %$users);
}


sub run {
    my ($self) = @_;

    my $pid = fork;
    die "fork: $!" if !defined $pid;

    if ($pid == 0) {
        open STDOUT, '>>', "$self->{dir}/broker.log";
        open STDERR, '>&', \*STDOUT;
        exec(@{ $self->{java} }, 'kafka.Kafka',
             "$self->{dir}/server.properties") or POSIX::_exit(1);
    }

    $self->{broker} = $pid;
}


# kill -9

sub kill {
    my ($self) = @_;

    return if !$self->{broker};

    CORE::kill('KILL', $self->{broker});
    waitpid $self->{broker}, 0;
    $self->{broker} = 0;
}


sub answers {
    my ($self) = @_;

    return defined IO::Socket::INET->new(PeerAddr => $self->{servers},
                                         Timeout => 1);
}


sub stop {
    my ($self) = @_;

    $self->kill if $self->{real};

    return if !$self->{pid};

    close $self->{in};
    waitpid $self->{pid}, 0;
    $self->{pid} = 0;
}


sub DESTROY {
    local ($?, $!);
    $_[0]->stop if ($_[0]{owner} // $$) == $$;
}


1;
