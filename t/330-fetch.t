#!/usr/bin/perl

# Copyright (C) oof authors

# The outbound client: TLS is verified, names are resolved without blocking,
# connections are kept, and none is left open.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Test::More;
use Test::Oof;
use Test::Oof::Dns;
use Test::Oof::Http;
use Time::HiRes qw/ sleep time /;

my $path = "$Test::Oof::Api/consents/urn:bank:" . new_uuid();
my $set = Test::Oof::slurp(Test::Oof::jwks());
my $name = 'mtls-api.oof.test';

my $tls = Test::Oof::Http->start(host => $name,
                                 tls => [ pki('leaf-server.pem'),
                                          pki('leaf-server.key') ]);
$tls->answer('/jwks', body => $set);


sub nginx {
    my ($url, $options, %args) = @_;

    return Test::Oof->start(http => <<"END", locations => <<"LOC", %args);
        @{[ $args{resolver} // '' ]}
        oof_issuer keys {
            issuer   $Test::Oof::Issuer;
            audience $Test::Oof::BaseUrl;
            jwks     $url;
            $options
        }
END
        location $Test::Oof::Api/ {
            oof_api consents v3;
            oof_issuer keys;
        }
LOC
}


sub status { $_[0]->call(GET => $path, %{ $_[1] || {} })->{status} }


# --- a name through the resolver, TLS with our root

{
    my ($dns, %resolver) = resolver($name);
    my $o = nginx($tls->url('/jwks'), 'ca ' . pki('root.pem') . ';', %resolver);

    is(status($o), 404, 'https: keys are there');
    is($dns->{asked}->(), 1, 'one question to the name server');
    $o->stop;
}

# --- refused: no trust, another name, a number in place of the name

sub not_loaded {
    my ($url, $options, $why, $test, %args) = @_;

    my $o = nginx($url, $options, wait => 0, %args);

    wait_for(sub { $o->log_text =~ /cannot be fetched: (.*)/ }, 8, $test);
    my ($said) = $o->log_text =~ /cannot be fetched: (.*)/;
    like($said, $why, "$test: $said");
    is(status($o), 503, "$test: no keys");
    is(status($o, { via => 'tls' }), 503, "$test: nor over TLS");
    unlike($o->log_text, qr/stale global SSL error/,
           "$test: OpenSSL's queue is clean");
    $o->stop;
}

{
    my ($dns, %resolver) = resolver($name);
    my $other = $tls->url('/jwks') =~ s/\Q$name\E/127.0.0.1/r;

    not_loaded($tls->url('/jwks'), '', qr/certificate/, 'the system\'s trust',
               %resolver);
    not_loaded($tls->url('/jwks'), 'ca ' . pki('other.pem') . ';',
               qr/certificate/, 'another root', %resolver);
    not_loaded($other, 'ca ' . pki('root.pem') . ';', qr/SSL|name/,
               'a number is not the name', %resolver);
    not_loaded('https://nobody.oof.test/jwks', '', qr/Host not found/,
               'an unknown name', %resolver);
}

{
    my ($dns, %resolver) = resolver($name, silent => 1);

    not_loaded($tls->url('/jwks'), '', qr/timed out/i, 'a silent name server',
               %resolver);
}

{
    my $port = free_port();

    not_loaded("https://127.0.0.1:$port/jwks", '', qr/connect/i,
               'nobody listens');
}

{
    my $plain = Test::Oof::Http->start;
    $plain->answer('/jwks', body => $set);

    not_loaded($plain->url('/jwks') =~ s/http/https/r, '', qr/SSL|TLS/,
               'plain where TLS is wanted');
}

# --- two addresses, the first of which never answers: the next is tried, on a
# --- socket that has the number of the one that was given up

{
    my $plain = Test::Oof::Http->start(host => $name);
    my ($dns, %resolver) = resolver($name,
                                    addrs => [ '127.0.0.2', '127.0.0.1' ]);
    my $full = IO::Socket::INET->new(LocalAddr => '127.0.0.2', Listen => 1,
                                     LocalPort => $plain->{port}) or die $!;
    my @fill = map { IO::Socket::INET->new(PeerAddr => '127.0.0.2',
                                           PeerPort => $plain->{port},
                                           Blocking => 0) } 1 .. 10;

    $plain->answer('/jwks', body => $set, close => 1);

    my $o = nginx($plain->url('/jwks'), 'jwks_refresh 1s;', %resolver);

    wait_for(sub { $plain->calls >= 7 }, 25, 'seven refreshes');
    unlike($o->log_text, qr/cannot be fetched/, 'a silent address: the next');

    my @at = map { $_->{at} } $plain->calls;
    my ($slow) = sort { $b <=> $a } map { $at[$_] - $at[$_ - 1] } 1 .. $#at;
    diag("the slowest took $slow s");
    $o->stop;
}

# --- a slow name server stops nobody else

{
    my ($dns, %resolver) = resolver($name, delay => 1.5);
    my $o = nginx($tls->url('/jwks'), 'ca ' . pki('root.pem') . ';', wait => 0,
                  %resolver);

    sleep 0.2;
    my $start = time;
    is($o->get('/live')->{status}, 200, 'slow name server: alive');
    cmp_ok(time - $start, '<', 0.5, 'slow name server: at once');
    is(status($o), 404, 'slow name server: the request has waited');
    $o->stop;
}

# --- a name of the configuration, resolved when it is read

{
    my $plain = Test::Oof::Http->start(host => 'localhost');
    $plain->answer('/jwks', body => $set);

    my $o = nginx($plain->url('/jwks'), 'jwks_refresh 1s;');

    is(status($o), 404, 'localhost: without a resolver');

    # connections are kept from one refresh to the next

    wait_for(sub { $plain->calls >= 3 }, 5, 'three refreshes');

    my %open;
    for my $pid ($o->worker_pids) {
        $open{ readlink $_ // '' }++ for glob "/proc/$pid/fd/*";
    }

    cmp_ok(scalar(grep { /^socket/ } keys %open), '<', 20, 'few sockets');

    # the server ends the kept connection: the next refresh makes another

    $plain->stop->start_again;
    my $n = $plain->calls;
    wait_for(sub { $plain->calls > $n }, 5, 'a refresh after a restart');
    unlike($o->log_text, qr/cannot be fetched: .*(?:reset|empty)/i,
           'a connection that was closed meanwhile is no failure');
    $o->stop;
}

{
    my $o = nginx('http://no-such-host.invalid/jwks', '', hold => 1);
    my ($good, $text) = $o->test_config;

    $o->allow(qr/cannot be resolved/);
    ok(!$good, 'an unknown name without a resolver: nginx -t fails');
    like($text, qr/cannot be resolved \(host not found\): set "resolver"/,
         'and says what to do');
}

# --- calls that hang: many at once are bounded, and the end of a worker

sub asking {
    my ($server, %args) = @_;

    my $secret = "$Test::Oof::Dir/secret";

    Test::Oof::spew($secret, "secret\n");
    $server->answer('/introspect', hang => 1);

    return Test::Oof->start(connections => 2048, http => <<"END",
        oof_issuer asked {
            issuer               $Test::Oof::Issuer;
            audience             $Test::Oof::BaseUrl;
            introspection        @{[ $server->url('/introspect') ]};
            introspection_client bank $secret;
        }
END
        locations => <<"END", %args);
        location $Test::Oof::Api/ {
            oof_api consents v3;
            oof_issuer asked;
        }
END
}


sub ask {
    my ($o, $token) = @_;

    my $c = $o->connect('plain');
    my ($headers) = $o->request_parts('plain', token => $token);

    $c->write("GET $path HTTP/1.1\r\n"
              . join('', map { "$_->[0]: $_->[1]\r\n" } @$headers) . "\r\n");

    return $c;
}


{
    my $o = asking(Test::Oof::Http->start);
    my @open = map { ask($o, "t$_") } 1 .. 300;

    my %seen;
    $seen{ $_->response('GET')->{status} }++ for @open[280 .. 299];
    is_deeply(\%seen, { 503 => 20 }, 'more than 256 calls: 503 at once');
    is($o->get('/live')->{status}, 200, 'and alive');

    # the calls that do run end by their own time-out

    is($open[0]->response('GET')->{status}, 503, 'the first one: 503');
    $o->stop;
}

{
    my $o = asking(Test::Oof::Http->start,
                   main => 'worker_shutdown_timeout 500ms;');
    my @open = map { ask($o, "t$_") } 1 .. 10;
    my ($worker) = $o->worker_pids;

    sleep 0.3;

    my $start = time;
    $o->stop;
    cmp_ok(time - $start, '<', 3, 'worker_shutdown_timeout: the worker ends');
    is(scalar(grep { kill 0, $_ } $worker), 0, 'and is gone');
}

{
    my $o = asking(Test::Oof::Http->start);
    my @open = map { ask($o, "t$_") } 1 .. 10;

    sleep 0.3;

    my $start = time;
    $o->stop('TERM');
    cmp_ok(time - $start, '<', 2, 'a fast end with calls running');
}

done_testing();
