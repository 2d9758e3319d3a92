#!/usr/bin/perl

# Copyright (C) oof authors

# Key sets: fetched, refreshed, rotated, gone, unknown kids, bad answers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Http;
use Time::HiRes qw/ sleep time /;

# a consent that nobody has: 404 when the token is a good one

my $path = "$Test::Oof::Api/consents/urn:bank:" . new_uuid();
my $source = Test::Oof::Http->start;


sub issuer {
    my ($name, $url, @more) = @_;

    return "oof_issuer $name { issuer $Test::Oof::Issuer;"
           . " audience $Test::Oof::BaseUrl; jwks $url; @more }\n";
}


sub nginx {
    my ($issuer, %args) = @_;

    return Test::Oof->start(http => $issuer, locations => <<"END", %args);
        location $Test::Oof::Api/ {
            oof_api consents v3;
            oof_issuer keys;
            oof_deadline @{[ $args{deadline} // '15s' ]};
        }
END
}


sub keys_are {
    my ($where, @keys) = @_;

    $source->answer($where, body => Test::Oof::slurp(Test::Oof::jwks(@keys)),
                    headers => { 'Content-Type' => 'application/json' });
}


sub status {
    my ($o, $token, %args) = @_;

    return $o->call(GET => $path, token => $token, %args)->{status};
}


sub fetches { scalar $source->calls($_[0]) }


# --- a rotation is seen at the first token of the new key

{
    keys_are('/a', 'signing');

    my $o = nginx(issuer('keys', $source->url('/a'), 'jwks_refresh 1h;'));

    is(status($o, token()), 404, 'rotation: the old key');
    is(fetches('/a'), 1, 'rotation: one fetch');

    keys_are('/a', 'signing', 'stranger');

    is(status($o, token(key => 'stranger')), 404, 'rotation: the new key');
    is(fetches('/a'), 2, 'rotation: fetched for it');
    is(status($o, token()), 404, 'rotation: the old key still');

    my $start = time;

    for (1 .. 20) {
        my $t = token(header => { kid => "nobody-$_" });
        my $r = $o->call(GET => $path, token => $t);
        $r->{status} == 401 or fail("unknown kid: $r->{status}");
    }

    cmp_ok(time - $start, '<', 3, 'unknown kids are refused at once');
    cmp_ok(fetches('/a'), '<=', 3, 'unknown kids: no fetch for each');

    my ($call) = $source->calls('/a');
    is($call->{method}, 'GET', 'it is a GET');
    like($call->{headers}{accept}, qr/json/, 'that wants JSON');
    $o->stop;
}

# --- a key that is taken away, though tokens of it are cached

{
    keys_are('/b', 'signing', 'stranger');

    my $o = nginx(issuer('keys', $source->url('/b'), 'jwks_refresh 1s;'));
    my ($old, $new) = (token(key => 'stranger'), token());

    is(status($o, $old), 404, 'removal: accepted');
    is(status($o, $old), 404, 'removal: and again');
    is($o->metric('oof_token_cache_total', result => 'hit'), 1,
       'removal: from the cache');

    keys_are('/b', 'signing');
    wait_for(sub { status($o, $old) == 401 }, 5, 'the key to go');

    pass('removal: refused within two seconds');
    is(status($o, $new), 404, 'removal: the other key serves');

    # the source goes: what is known serves on; it comes back

    $source->stop;
    my $failed = $o->metric('oof_jwks_refresh_total', result => 'error');
    wait_for(sub { $o->metric('oof_jwks_refresh_total', result => 'error')
                   > $failed + 1 }, 8, 'failures');

    is(status($o, token()), 404, 'source down: served');
    is(status($o, $old), 401, 'source down: still refused');
    is(status($o, token(key => 'stranger', header => { kid => 'x' })), 401,
       'source down: an unknown kid is refused');
    is($o->get('/ready')->{status}, 200, 'source down: ready');

    my @lines = $o->log_text =~ /^.*\[error\].*cannot be fetched.*$/mg;
    is(scalar @lines, 1, 'source down: one line in the log at [error]');

    # a worker that starts now has keys as well

    $o->reload;
    is(status($o, token()), 404, 'source down: served after a reload');

    kill 'KILL', $o->worker_pids;
    wait_for(sub { status($o, token()) == 404 }, 5, 'a new worker');
    pass('source down: served after a crash');
    $o->allow(qr/exited on signal 9/);

    $failed = $o->metric('oof_jwks_refresh_total', result => 'error');
    wait_for(sub { $o->metric('oof_jwks_refresh_total', result => 'error')
                   > $failed }, 3, 'a failure of the new worker');

    keys_are('/b', 'stranger');
    $source->start_again;
    wait_for(sub { status($o, $old) == 404 }, 12, 'the source to be back');
    is(status($o, $new), 401, 'source back: its keys are the ones');
    like($o->log_text, qr/\[notice\].*are fetched again/, 'source back: said');
    $o->stop;
}

# --- no keys so far

{
    $source->stop;

    my $o = nginx(issuer('keys', $source->url('/c')), wait => 0);

    sleep 0.3;
    my $start = time;
    my $r = $o->call(GET => $path);

    is($r->{status}, 503, 'no keys: 503');
    is($r->{headers}{'retry-after'}, 5, 'no keys: Retry-After');
    is($r->{json}{errors}[0]{code}, 'SERVICE_UNAVAILABLE', 'no keys: error');
    cmp_ok(time - $start, '<', 1, 'no keys: at once');
    is($o->call(GET => $path, token => token(alg => 'none'))->{status},
       401, 'no keys: what is wrong anyhow is refused');
    is($o->get('/ready')->{status}, 503, 'no keys: not ready');
    is($o->get('/live')->{status}, 200, 'no keys: alive');

    keys_are('/c', 'signing');
    $source->start_again;
    wait_for(sub { $o->get('/ready')->{status} == 200 }, 3, 'ready');
    is(status($o, token()), 404, 'keys have come');
    $o->stop;
}

# --- a source that says nothing: the request waits, but not for ever

{
    $source->answer('/d', hang => 1);

    my $o = nginx(issuer('keys', $source->url('/d')), wait => 0,
                  deadline => '1s');
    my $start = time;
    my $r = $o->call(GET => $path);

    is($r->{status}, 504, 'silent source: 504 at the deadline');
    cmp_ok(time - $start, '>', 0.8, 'silent source: not before');
    cmp_ok(time - $start, '<', 3, 'silent source: not much later');

    # clients that go away while they wait

    for (1 .. 5) {
        my $c = $o->connect('plain');
        my ($headers) = $o->request_parts('plain');
        $c->write("GET $path HTTP/1.1\r\n"
                  . join('', map { "$_->[0]: $_->[1]\r\n" } @$headers)
                  . "\r\n");
        sleep 0.05;
        $c->close;
    }

    # and nginx that quits while the fetch runs

    $o->reload;
    $o->stop;
    pass('silent source: quit with a fetch running');
}

{
    keys_are('/e', 'signing');
    $source->answer('/e', %{ $source->{answers}{'/e'} }, delay => 1);

    my $o = nginx(issuer('keys', $source->url('/e')), wait => 0);

    is(status($o, token()), 404, 'slow source: the first request waits');
    $o->stop;
}

# --- answers that are no key set leave the keys as they are: a server each

{
    my $good = Test::Oof::slurp(Test::Oof::jwks('signing'));
    my @bad = (
        'status 500' => { body => $good, status => 500 },
        'status 404' => { body => $good, status => 404 },
        'status 204' => { status => 204 },
        'a redirect' => { status => 302,
                          headers => { Location => $source->url('/a') } },
        'no JSON' => { body => '<html>' },
        'nothing' => { body => '' },
        'no keys' => { body => '{}' },
        'keys twice' => { body => '{"keys":[],"keys":[]}' },
        'a list' => { body => '[]' },
        'deep' => { body => '[' x 100_000 },
        'more than 1 MB' => { body => '{"keys":[],"x":"' . 'x' x 1_048_576
                                      . '"}' },
        'more than it says' => { raw => "HTTP/1.1 200 OK\r\n\r\n"
                                        . '{"keys":[],"x":"'
                                        . 'x' x 1_100_000 },
        'half of it' => { body => $good, cut => 200 },
        'long headers' => { body => $good,
                            headers => { map { ("X-$_" => 'x' x 4000) }
                                             1 .. 40 } },
        'not HTTP' => { raw => "SSH-2.0-x\r\n\r\n" },
        'closed at once' => { raw => '' },
    );

    my $port = free_port();
    my (@names, %answers, $issuers, $servers);

    while (my ($name, $answer) = splice @bad, 0, 2) {
        my $n = @names;

        push @names, $name;
        $answers{"/bad-$n"} = $answer;
        $source->answer("/bad-$n", body => $good);

        $issuers .= issuer("i$n", $source->url("/bad-$n"), 'jwks_refresh 1s;');
        $servers .= "server { listen 127.0.0.1:$port; server_name n$n.test;"
                    . (server_defaults() =~ s/oof_issuer .*/oof_issuer i$n;/r)
                    . Test::Oof::header_defaults()
                    . Test::Oof::location_defaults() . '}';
    }

    my $o = nginx(issuer('keys', $source->url('/a')) . $issuers,
                  servers => $servers);

    my $status = sub {
        my ($n) = @_;

        my ($headers) = $o->request_parts('plain',
                                  headers => { Host => "n$n.test" });

        return Test::Oof::Client->new($port)
                                ->request(GET => $path, $headers)->{status};
    };

    $source->answer($_, %{ $answers{$_} }) for sort keys %answers;

    for my $n (0 .. $#names) {
        wait_for(sub { $o->log_text =~ m{/bad-$n" cannot be fetched: (.*)} },
                 8, "a failure with $names[$n]");
        is($status->($n), 404, "$names[$n]: the keys are kept");
    }

    $o->stop;
}

{
    keys_are('/f', 'signing');
    my %good = %{ $source->{answers}{'/f'} };

    my $o = nginx(issuer('keys', $source->url('/f'), 'jwks_refresh 1s;'));

    $source->answer('/f', %good, drip => 100);
    my $ok = $o->metric('oof_jwks_refresh_total', result => 'ok');
    wait_for(sub { $o->metric('oof_jwks_refresh_total', result => 'ok')
                   > $ok }, 6, 'a good refresh');
    is(status($o, token()), 404, 'in small pieces: fine');

    # an empty set is one: the issuer has taken all its keys back

    $source->answer('/f', body => '{"keys":[]}');
    wait_for(sub { status($o, token()) == 401 }, 4, 'an empty set');
    pass('an empty set is believed');
    $o->stop;
}

# --- how often

{
    keys_are('/g', 'signing');
    $source->answer('/g', %{ $source->{answers}{'/g'} },
                    headers => { 'Cache-Control' => 'public, max-age=1' });

    my $o = nginx(issuer('keys', $source->url('/g')));

    sleep 3;
    is(fetches('/g'), 1, 'max-age of a second is taken for 30 s');
    $o->stop;

    keys_are('/h', 'signing');
    $o = nginx(issuer('keys', $source->url('/h'), 'jwks_refresh 1s;'),
               workers => 4);

    sleep 1;
    $source->forget_calls;
    sleep 4;
    my $n = fetches('/h');
    cmp_ok($n, '>=', 3, "4 workers, 4 seconds: refreshed ($n)");
    cmp_ok($n, '<=', 9, '4 workers: not by each');

    # all workers see a change

    keys_are('/h', 'stranger');
    sleep 3;

    my %seen;
    $seen{ status($o, token()) }++ for 1 .. 20;
    is_deeply([ keys %seen ], [ 401 ], '4 workers: the old key is gone in all');
    $o->stop;
}

# --- two issuers with one set share it; a set of a file

{
    keys_are('/i', 'signing');

    my $o = nginx(issuer('keys', $source->url('/i'))
                  . issuer('more', $source->url('/i'), 'jwks_refresh 5m;'));

    is(status($o, token()), 404, 'a shared set serves');
    is(fetches('/i'), 1, 'and is fetched once');
    $o->stop;
}

done_testing();
