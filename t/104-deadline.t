#!/usr/bin/perl

# Copyright (C) oof authors

# Requests that wait: their deadline, callers who go away, time-outs of the
# caller, reload and quit.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Test::Oof;
use Test::Oof::Client;
use Test::Oof::Echo;
use Test::More;
use Time::HiRes qw/ sleep time /;

my $o = echo(
    server => <<'END',
        oof_deadline 600ms;
        client_body_timeout 10s;
        access_log logs/oof.log oof;
END
    http => 'client_header_timeout 400ms;',
    locations => <<'END',
        location /patient/ {
            rewrite ^/patient/(.*)$ /echo/v1/$1 break;
            oof_deadline 20s;
            oof_api echo v1;
        }
        location /hasty/ {
            rewrite ^/hasty/(.*)$ /echo/v1/$1 break;
            client_body_timeout 300ms;
            oof_api echo v1;
        }
END
);

my %v1 = (version => '1.2.3');
my $head = "Host: x\r\nx-fapi-interaction-id: $Id\r\n"
           . "Content-Type: application/json\r\n";
my ($r, $c, $start);

sub lines {
    my ($uri) = @_;

    return grep { $_->{uri} eq $uri } map { decoded($_) }
           split /\n/, Test::Oof::slurp("$o->{dir}/logs/oof.log", 1);
}

sub counted {
    my ($code, $operation) = @_;

    return $o->metric('oof_http_requests_total', code => $code,
                      operation => $operation) // 0;
}

sub forgotten { scalar(() = $o->log_text =~ /echo forgotten/g) }

# within the deadline

$start = time;
is(ask($o, 'GET /echo/v1/slow/200')->{status}, 200, 'an answer in time');
cmp_ok(time - $start, '>', 0.19, 'it took its time');
is(forgotten(), 0, 'nothing was forgotten');

# past it

for my $http2 (0, 1) {
    my $what = $http2 ? 'HTTP/2' : 'HTTP/1.1';

    $start = time;
    $r = ask($o, 'GET /echo/v1/slow/5000', http2 => $http2);
    my $took = time - $start;

    regulated($r, 504, 'GATEWAY_TIMEOUT', "past the deadline, $what", %v1);
    cmp_ok($took, '>', 0.55, "not too early, $what");
    cmp_ok($took, '<', 1.5, "nor too late, $what");

    $r = ask($o, 'POST /echo/v1/slow/5000', body => 'abc', http2 => $http2);
    regulated($r, 504, 'GATEWAY_TIMEOUT', "a write past it, $what", %v1);
}

is(forgotten(), 4, 'what was awaited is forgotten');
is(counted(504, 'echo_slow'), 2, 'counted');
is(counted(504, 'echo_slow_create'), 2, 'writes too');

# the connection lives on

$c = $o->connect('plain');
$c->write("GET /echo/v1/slow/5000 HTTP/1.1\r\n$head\r\n"
          . "GET /echo/v1/items/next HTTP/1.1\r\n$head\r\n");
regulated($c->response, 504, 'GATEWAY_TIMEOUT', 'the first of two', %v1);
is($c->response->{json}{data}{itemId}, 'next', 'the second of two');

# the caller's slowness is not ours: the clock stands while the body comes

$c = $o->connect('plain');
$c->write("POST /echo/v1/slow/300 HTTP/1.1\r\n${head}Content-Length: 6\r\n\r\nabc");
sleep 0.45;
$c->write('def');
is($c->response->{status}, 201, 'time to read the body is not our time');

# but it ends too: as a time-out of the caller, who gets no answer

for my $form ('silent', 'trickling') {
    $c = $o->connect('plain');
    $c->write("POST /echo/v1/slow/1?$form HTTP/1.1\r\n$head"
              . "Content-Length: 60\r\n\r\nabc");
    $start = time;

    my $closed = 0;

    while (time - $start < 5 && !$closed) {
        $c->write('x') if $form eq 'trickling';
        $closed = $c->closed(0.1);
    }

    ok($closed, "a $form body ends with the connection");
    cmp_ok(time - $start, '<', 2, 'in time');
    is($c->{buffer}, '', 'and no answer');
    wait_for(sub { lines("/echo/v1/slow/1?$form") }, 2, 'log line');
    is((lines("/echo/v1/slow/1?$form"))[0]{status}, 408, 'logged as 408');
}

is(counted(408, 'echo_slow_create'), 2, 'counted as 408');

$c = $o->connect('plain');
$c->write("POST /hasty/slow/1 HTTP/1.1\r\n${head}Content-Length: 6\r\n\r\nabc");
ok($c->closed(2), "nginx's own time-out of a body");
wait_for(sub { lines('/hasty/slow/1') }, 2, 'log line');
is((lines('/hasty/slow/1'))[0]{status}, 408, 'is logged as 408');
is(counted(408, 'echo_slow_create'), 3, 'and counted');

$c = $o->connect('plain');
$c->write("GET /echo/v1/items/a HTTP/1.1\r\n$head");
ok($c->closed(2), 'a time-out of the header');
is($c->{buffer}, '', 'has no answer');
wait_for(sub { counted(408, '-') == 1 }, 2, 'count');
pass('and is counted as 408');

# callers who go away: a read is forgotten, a write goes on

my $before = forgotten();

$c = $o->connect('plain');
$c->write("GET /patient/slow/3000 HTTP/1.1\r\n$head\r\n");
sleep 0.1;
$c->close;
wait_for(sub { lines('/patient/slow/3000') }, 2, 'log line');
is((lines('/patient/slow/3000'))[0]{status}, 499, 'he has gone: 499');
is(forgotten(), $before + 1, 'a read is forgotten');

$c = $o->connect('plain');
$c->write("GET /patient/slow/2999 HTTP/1.1\r\n$head\r\n"
          . "GET /patient/items/a HTTP/1.1\r\n$head\r\n");
sleep 0.1;
$c->close;
wait_for(sub { lines('/patient/slow/2999') }, 2, 'log line');
is(forgotten(), $before + 2, 'though he has sent another request');

$c = $o->connect('plain');
$c->write("POST /patient/slow/400 HTTP/1.1\r\n${head}Content-Length: 3\r\n\r\nabc");
sleep 0.1;
$c->close;
sleep 0.1;
is(scalar lines('/patient/slow/400'), 0, 'a write goes on');
wait_for(sub { lines('/patient/slow/400') }, 2, 'log line');
is((lines('/patient/slow/400'))[0]{status}, 201, 'to its end');
is(forgotten(), $before + 2, 'and is not forgotten');

# he has gone before we begin to wait

$c = $o->connect('plain');
$c->write("GET /patient/slow/2998 HTTP/1.1\r\n$head\r\n");
$c->close;
wait_for(sub { lines('/patient/slow/2998') }, 2, 'log line');
is((lines('/patient/slow/2998'))[0]{status}, 499, 'he was never there');

# HTTP/2: the connection goes away under a stream

system("curl -s --http2-prior-knowledge -m 0.3 -o /dev/null"
       . " -H 'x-fapi-interaction-id: $Id'"
       . " http://127.0.0.1:@{[ $o->plain ]}/patient/slow/2997");

wait_for(sub { lines('/patient/slow/2997') }, 2, 'log line');
is((lines('/patient/slow/2997'))[0]{status}, 499, 'HTTP/2: he has gone: 499');
is(forgotten(), $before + 4, 'HTTP/2: a read is forgotten');

# reload and quit wait for what is awaited

for my $signal (qw/ HUP QUIT /) {
    my $c = $o->connect('plain');
    my $w = $o->connect('plain');
    my $b = $o->connect('plain');

    $c->write("GET /patient/slow/700?$signal HTTP/1.1\r\n$head\r\n");
    $w->write("POST /patient/slow/700?$signal HTTP/1.1\r\n$head"
              . "Content-Length: 3\r\n\r\nabc");
    $b->write("POST /patient/slow/1?$signal HTTP/1.1\r\n$head"
              . "Content-Length: 3\r\n\r\na");
    sleep 0.2;

    kill $signal, $o->pid;
    sleep 0.1;
    $b->write('bc');

    is($b->response->{status}, 201, "$signal: a body is read to its end");
    is($c->response->{status}, 200, "$signal: a read is answered");
    is($w->response->{status}, 201, "$signal: a write is answered");

    if ($signal eq 'HUP') {
        wait_for(sub {
            ask($o, 'GET /echo/v1/items/a')->{status} == 200
        }, 5, 'new workers');
    }
}

unlike($o->log_text, qr/open socket|\[alert\]/, 'nothing was left open');

done_testing();
