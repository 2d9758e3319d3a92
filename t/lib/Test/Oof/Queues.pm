package Test::Oof::Queues;

# Copyright (C) oof authors

# Queues of clouds for tests of the providers that send to them: the moto server
# for SQS and SNS, Google's emulator for Pub/Sub where the machine has it, and
# else the sandbox's own; events for them, as changes would write them.
#
#   my $aws = moto() or plan(skip_all => no_moto());
#   $aws->sqs(CreateQueue => { QueueName => 'q.fifo', ... });
#   my $google = pubsub();              # $google->{kind} says which it is
#   my @ids = log_events(keys => 3, each => 5);

use strict;
use warnings;

use JSON::PP ();
use MIME::Base64 qw/ decode_base64 /;
use POSIX ();
use Test::More;
use Time::HiRes qw/ sleep time /;

use Test::Oof;
use Test::Oof::Client;

use parent 'Exporter';

our @EXPORT = qw/ moto no_moto pubsub log_events delivered_ok gather /;

my $json = JSON::PP->new->canonical->utf8;
my $owner = $$;
my @started;


# --- AWS

sub moto_program {
    for my $file ($ENV{OOF_MOTO} || (), "$Test::Oof::Var/moto/bin/moto_server",
                  map { "$_/moto_server" } split /:/, $ENV{PATH})
    {
        return $file if -x $file;
    }

    return;
}


sub no_moto {
    return 'no moto server, which stands for SQS and SNS: python3 -m venv'
           . ' var/moto && var/moto/bin/pip install "moto[server]"';
}


sub moto {
    my ($class, %args) = (__PACKAGE__, @_);

    my $program = moto_program() or return;
    my $self = bless { kind => 'the moto server', %args }, $class;

    $self->{port} //= free_port();
    $self->{command} = [ $program, '-H', '127.0.0.1', '-p', $self->{port} ];

    return $self->run(sub { $self->sqs('ListQueues', {})->{status} == 200 });
}


# AWS JSON; nobody checks the signature

sub sqs {
    my ($self, $action, $args) = @_;

    my $r = $self->post('/', $json->encode($args),
                        'Content-Type' => 'application/x-amz-json-1.0',
                        'X-Amz-Target' => "AmazonSQS.$action",
                        'Authorization' => authorization('sqs'));

    return { %$r, json => scalar eval { $json->decode($r->{body}) } };
}


# the query protocol: the text of an answer

sub sns {
    my ($self, $action, %args) = @_;

    my $body = join '&', "Action=$action", 'Version=2010-03-31',
               map { "$_=" . ($args{$_} =~ s/([^A-Za-z0-9._~-])/
                              sprintf '%%%02X', ord $1/gerx) } sort keys %args;

    return $self->post('/', $body,
                       'Content-Type' => 'application/x-www-form-urlencoded',
                       'Authorization' => authorization('sns'))->{body};
}


sub authorization {
    return 'AWS4-HMAC-SHA256 Credential=test/20260101/sa-east-1/' . $_[0]
           . '/aws4_request, SignedHeaders=host, Signature=0';
}


sub queue {
    my ($self, $name) = @_;

    my $r = $self->sqs(CreateQueue => {
        QueueName => $name,
        $name =~ /\.fifo$/ ? (Attributes => { FifoQueue => 'true' }) : (),
    });

    return $r->{json}{QueueUrl} // die "no queue: $r->{body}";
}


# all messages that are there, deleted: the events and their attributes

sub drain {
    my ($self, $url) = @_;

    my @got;

    for ( ;; ) {
        my $r = $self->sqs(ReceiveMessage => {
            QueueUrl => $url, MaxNumberOfMessages => 10,
            AttributeNames => [ 'All' ], MessageAttributeNames => [ 'All' ],
        });

        my @messages = @{ $r->{json}{Messages} || [] } or return @got;

        for my $m (@messages) {
            push @got, { event => $json->decode($m->{Body}),
                         group => $m->{Attributes}{MessageGroupId},
                         dedup => $m->{Attributes}{MessageDeduplicationId},
                         attributes => { map {
                             $_ => $m->{MessageAttributes}{$_}{StringValue}
                         } keys %{ $m->{MessageAttributes} } } };
        }

        $self->sqs(DeleteMessageBatch => {
            QueueUrl => $url,
            Entries => [ map { { Id => $_, ReceiptHandle =>
                                 $messages[$_]{ReceiptHandle} } }
                             0 .. $#messages ],
        });
    }
}


# --- Google

sub pubsub {
    my ($class, %args) = (__PACKAGE__, @_);

    my $self = bless { project => 'bank', %args }, $class;
    my ($jar) = glob($ENV{OOF_PUBSUB_EMULATOR}
                     || '/usr/lib/google-cloud-sdk/platform/pubsub-emulator/'
                        . 'lib/cloud-pubsub-emulator-*-all.jar');

    $self->{port} //= free_port();

    if ($jar && -f $jar && !$args{own} && `java -version 2>&1` =~ /version/) {
        $self->{kind} = "Google's emulator";
        $self->{command} = [ 'java', '-jar', $jar, '--host=127.0.0.1',
                             "--port=$self->{port}" ];

    } else {
        $self->{kind} = 'the fake of the sandbox';
        $self->{command} = [ '/usr/bin/python3',
                             "$Test::Oof::Root/sandbox/pubsub",
                             $self->{port} ];
    }

    return $self->run(sub { $self->get('/')->{status} });
}


# a topic, and a subscription of it that keeps order

sub topic {
    my ($self, $name) = @_;

    my $topic = "projects/$self->{project}/topics/$name";

    $self->put("/v1/$topic", {});
    $self->put("/v1/projects/$self->{project}/subscriptions/$name",
               { topic => $topic, enableMessageOrdering => JSON::PP::true,
                 ackDeadlineSeconds => 60 });

    return $topic;
}


sub pull {
    my ($self, $name) = @_;

    my $path = "/v1/projects/$self->{project}/subscriptions/$name";
    my @got;

    for ( ;; ) {
        my $r = $self->google("$path:pull", { maxMessages => 100,
                                              returnImmediately =>
                                                  JSON::PP::true });
        my @messages = @{ $r->{receivedMessages} || [] } or return @got;

        for my $m (map { $_->{message} } @messages) {
            push @got, { event => $json->decode(decode_base64($m->{data})),
                         group => $m->{orderingKey},
                         attributes => $m->{attributes} };
        }

        $self->google("$path:acknowledge",
                      { ackIds => [ map { $_->{ackId} } @messages ] });
    }
}


sub google {
    my ($self, $path, $body) = @_;

    my $r = $self->post($path, $json->encode($body),
                        'Content-Type' => 'application/json');

    return eval { $json->decode($r->{body}) } || {};
}


sub put {
    my ($self, $path, $body) = @_;

    my $r = $self->call('PUT', $path, $json->encode($body),
                        'Content-Type' => 'application/json');
    die "$path: $r->{status} $r->{body}" if $r->{status} != 200;
}


# --- processes

sub run {
    my ($self, $ready) = @_;

    $self->{log} = "$Test::Oof::Dir/queue-$self->{port}.log";
    push @started, $self;

    $self->launch;

    wait_for(sub {
        die "$self->{kind} has ended: " . Test::Oof::slurp($self->{log}, 1)
            if waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid};
        eval { $ready->() };
    }, 60, $self->{kind});

    return $self;
}


sub launch {
    my ($self) = @_;

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>>', $self->{log} or POSIX::_exit(1);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(1);
        open STDIN, '<', '/dev/null' or POSIX::_exit(1);
        exec @{ $self->{command} } or POSIX::_exit(1);
    }

    $self->{pid} = $pid;
}


sub stop {
    my ($self, $signal) = @_;

    my $pid = delete $self->{pid} // return;

    kill $signal // 'KILL', $pid;
    waitpid $pid, 0;
}


sub url { "http://127.0.0.1:$_[0]{port}" }


sub get { $_[0]->call('GET', $_[1]) }

sub post { $_[0]->call('POST', @_[1 .. $#_]) }


sub call {
    my ($self, $method, $path, $body, %headers) = @_;

    my $client = Test::Oof::Client->new($self->{port})
        or return { status => 0, body => '' };

    return $client->request($method, $path,
                            [ [ Host => "127.0.0.1:$self->{port}" ],
                              map { [ $_ => $headers{$_} ] }
                                  sort keys %headers ], $body);
}


# --- events

# writes "each" events of each of "keys" keys, as changes do, or one of each key
# in "of" with that "version": a list of hashes with id, key and version, in
# order

sub log_events {
    my (%args) = @_;

    my $keys = $args{keys} // 1;
    my $each = $args{each} // 1;
    my $data = $args{data} // '{}';
    my (@events, @rows);

    for my $key ($args{of} ? @{ $args{of} } : map { new_uuid() } 1 .. $keys) {
        push @events, map { { id => new_uuid7(), key => $key,
                              version => $args{version} // $_ } } 1 .. $each;
    }

    @events = sort { $a->{version} <=> $b->{version} } @events;

    my $n = 0;

    for my $e (@events) {
        push @rows, "('$e->{id}', 'oof.consent.created', '$Test::Oof::Brand',"
                    . " '$e->{key}', $e->{version}, now(),"
                    . " clock_timestamp() + interval '$n microseconds',"
                    . " '$data')";
        $n++;
    }

    psql('INSERT INTO oof_event (id, type, brand, key, version, "time", stamp,'
         . ' data) VALUES ' . join ', ', @rows);

    return @events;
}


sub new_uuid7 {
    my $hex = sprintf '%012x7%03x%s', time * 1000, int rand 4096,
                      '8' . join '', map { sprintf '%x', int rand 16 } 1 .. 15;

    return $hex =~ s/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/$1-$2-$3-$4-$5/r;
}


# what "take" gives again and again, until "n" different events have come, with
# those that are there already

sub gather {
    my ($n, $take, $seconds, $there) = @_;

    my @got;
    my %ids = map { $_->{event}{id} => 1 } @{ $there || [] };

    wait_for(sub {
        push @got, $take->();
        $ids{ $_->{event}{id} } = 1 for @got;
        return keys %ids >= $n;
    }, $seconds // 20, "$n events");

    return @got;
}


# each event came, with its key as the group, those of a key in their order; a
# repetition (as after a crash) is allowed with repeated => 1

sub delivered_ok {
    my ($events, $got, $name, %args) = @_;

    my %want = map { $_->{id} => $_ } @$events;
    my (%seen, %last, @wrong);

    for my $m (@$got) {
        my $e = $m->{event};
        my $w = $want{ $e->{id} } or push(@wrong, "not ours: $e->{id}"), next;

        push @wrong, "twice: $e->{id}" if $seen{ $e->{id} }++
                                          && !$args{repeated};
        push @wrong, "group of $e->{id}: " . ($m->{group} // 'none')
            if exists $m->{group} && ($m->{group} // '') ne $w->{key};

        # a repetition begins again, and skips none

        push @wrong, "order of $w->{key}: $w->{version}"
            if $w->{version} > ($last{ $w->{key} } // 0) + 1;
        $last{ $w->{key} } = $w->{version};
    }

    push @wrong, map { "lost: $_" } grep { !$seen{$_} } sort keys %want;

    ok(!@wrong, $name) or diag(join "\n", @wrong[0 .. ($#wrong > 9 ? 9
                                                                : $#wrong)]);
}


END {
    if ($$ == $owner) {
        my $status = $?;
        $_->stop for @started;
        $? = $status;
    }
}


1;
