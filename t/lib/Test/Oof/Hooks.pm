package Test::Oof::Hooks;

# Copyright (C) oof authors

# Webhooks: receivers, of whom each is a host of its own; the block of the
# configuration; calls that are put into the queue as the relay does; what
# became of them.
#
#   my $tpp = receiver();
#   my $o = Test::Oof->start(http => webhooks(allow => '127.0.0.0/8'), ...);
#   my $event = queued($tpp->url('/x'));
#   wait_for(sub { state_of($event) eq 'delivered' });

use strict;
use warnings;

use Test::Oof;
use Test::Oof::Http;

use parent 'Exporter';

our @EXPORT = qw/
    receiver webhooks queued state_of attempts_of uris use_webhooks came_to
    listed uuid_re specified told
/;

our $uuid = qr/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}
               -[0-9a-f]{12}/x;

sub uuid_re { $uuid }


# A third party's webhook, which lets the bank alone in and answers 202.  Words
# of Test::Oof::Http->start; cert: the name of another certificate; answer: its
# words.

sub receiver {
    my (%args) = @_;

    my $cert = delete $args{cert} // 'hook';
    my $answer = delete $args{answer} // { status => 202 };

    if ($cert eq 'hook' && !-f client_cert('hook')) {
        client_cert('hook', eku => 'server', cn => '127.0.0.1', org => undef,
                    software => undef);
    }

    my $s = Test::Oof::Http->start(
        tls => [ client_cert($cert), client_key($cert) ],
        ca => pki('trusted.pem'), %args);

    $s->answer('*', %$answer);

    return $s;
}


# the block; words are its lines (undef: not there)

sub webhooks {
    my (%lines) = @_;

    if (!-f client_cert('bank')) {
        client_cert('bank', org => $Test::Oof::Organisation, cn => 'the bank');
    }

    %lines = (certificate => client_cert('bank'), key => client_key('bank'),
              ca => pki('root.pem'), allow => '127.0.0.0/8', %lines);

    return "oof_webhooks main {\n"
           . join('', map { defined $lines{$_} ? "$_ $lines{$_};\n" : () }
                          sort keys %lines)
           . "}\n";
}


# starts an nginx that calls webhooks and has no API; words of both

sub use_webhooks {
    my (%args) = @_;

    my $lines = delete $args{lines} // {};

    return Test::Oof->start(
        leases => 1, %args, http => webhooks(%$lines) . ($args{http} // ''),
        server => 'oof_webhooks main;' . ($args{server} // ''));
}


# puts a call into the queue.  Words: event, consent, target, state, due and
# stamp (seconds from now), attempt, body.  Returns the event's id.

sub queued {
    my ($url, %args) = @_;

    my $event = $args{event} // new_uuid();
    my $consent = $args{consent} // new_uuid();
    my $body = $args{body} // '{"data":{"timestamp":"2026-11-24T12:00:00Z"}}';
    my ($host) = $url =~ m{^\w+://([^/]+)};
    my $due = defined $args{due} ? "now() + interval '$args{due} s'" : 'now()';
    my $stamp = $args{stamp} // 0;

    psql('INSERT INTO oof_webhook_attempt (event_id, interaction_id, started,'
         . " target, attempt) SELECT '$event', gen_random_uuid(), now(),"
         . ($args{target} // 1) . ", n FROM generate_series(1, $args{attempt})"
         . ' AS n') if $args{attempt};

    psql('INSERT INTO oof_webhook (event_id, consent_id, time, stamp, due,'
         . ' target, attempt, brand, type, client_id, state, host, url, body)'
         . " VALUES ('$event', '$consent', now(),"
         . " now() + interval '$stamp s', $due, " . ($args{target} // 1)
         . ', ' . ($args{attempt} // 0) . ", '$Test::Oof::Brand',"
         . " 'oof.payment.settled', 'client-one', '"
         . ($args{state} // 'waiting') . "', '$host', '$url', '$body')");

    return $event;
}


sub state_of {
    my ($row) = psql("SELECT state FROM oof_webhook WHERE event_id = '$_[0]'");

    return $row ? $row->[0] : '';
}


sub came_to {
    my ($event, $state, $seconds) = @_;

    wait_for(sub { state_of($event) eq $state }, $seconds // 10,
             "a webhook that is $state");
}


# each: number, interaction id, started, ended (seconds), status, error

sub attempts_of {
    return map { my %a; @a{qw/ number id started ended status error /} = @$_;
                 \%a }
        psql('SELECT attempt, interaction_id, extract(epoch FROM started),'
             . ' extract(epoch FROM ended), status, error'
             . " FROM oof_webhook_attempt WHERE event_id = '$_[0]'"
             . ' ORDER BY attempt');
}


# what the registration of a client says: receivers, or URIs

sub uris {
    my ($client, @uris) = @_;

    my $list = join ',', map { ref $_ ? $_->url('/base') : $_ } @uris;

    psql("UPDATE oof_client SET webhook_uris = '{$list}', updated = now()"
         . " WHERE client_id = '$Test::Oof::Clients{$client}{client_id}'");
}


# GET /oof/v1/webhooks/{consentId}

sub listed {
    my ($o, $consent, %args) = @_;

    my $query = delete $args{query} // '';

    return $o->call(GET => "/oof/v1/webhooks/$consent$query",
                    via => 'management', client => undef,
                    token => token(scope => $args{scope} // 'oof_admin',
                                   claims => { cnf => undef }));
}


# The calls that have come to a receiver of URIs by uris(), as "v5 consents ID"
# and the like, in their order

sub told {
    return map {
        my ($v, $what, $id) =
            m{^/base/open-banking/webhook/v1/payments/(v\d+)/(.+)/([^/]+)$};
        "$v $what $id";
    } map { $_->{path} } $_[0]->calls;
}


# what is wrong with a call, by the regulator's text: its path, its parameters,
# its body

sub specified {
    my ($call) = @_;

    my $dir = "$Test::Oof::Root/t/schema";
    my $text = Test::Oof::Schema::load($dir, 'webhook');
    my ($path) = $call->{path} =~ m{/open-banking/webhook/v1(/.*)}
        or return "path: $call->{path}";

    for my $name (sort keys %{ $text->{operations} }) {
        my ($method, $pattern) = split / /, $name;
        my @names = $pattern =~ /\{(\w+)\}/g;
        my $regex = join '([^/]+)', map { quotemeta }
                                        split /\{\w+\}/, $pattern;
        $regex .= '([^/]+)' if $pattern =~ /\}$/;

        next if $call->{method} ne $method || $path !~ /^$regex$/;

        my %in = map { $names[$_] => substr $path, $-[$_ + 1],
                                            $+[$_ + 1] - $-[$_ + 1] }
                     0 .. $#names;

        return failures($text, $name, $call, %in);
    }

    return "path: $path";
}


sub failures {
    my ($text, $name, $call, %in) = @_;

    my @failures;
    my $operation = $text->{operations}{$name};

    for my $parameter (@{ $operation->{parameters} }) {
        my $value = $parameter->{in} eq 'path'
                    ? $in{$parameter->{name}}
                    : $call->{headers}{lc $parameter->{name}};

        if (defined $value) {
            Test::Oof::Schema::judge($text, $parameter->{schema}, $value,
                                     $parameter->{name}, \@failures);

        } elsif ($parameter->{required}) {
            push @failures, "$parameter->{name}: is missing";
        }
    }

    push @failures, 'content type' if $call->{headers}{'content-type'}
                                      ne 'application/json';

    my $body = eval { decoded($call->{body}) } or return 'body: no JSON';

    Test::Oof::Schema::judge($text, $operation->{request}{schema}, $body, '$',
                             \@failures);
    push @failures, 'body: members'
        if join(' ', map { keys %$_ } $body, $body->{data})
           ne 'data timestamp';

    return @failures;
}


1;
