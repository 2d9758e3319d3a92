#!/usr/bin/perl

# Copyright (C) oof authors

# 529: calls a second of the whole host, on every answer (spec 6.1).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Limits;
use Time::HiRes qw/ sleep time /;

my $o = limited(workers => 2, server => <<'END',
    oof_tps 10;

    location = /none { return 404; }
    location = /file { root /nowhere; }
    location = /away { return 302 /limited/v1/minute/0; }
    location = /in { rewrite ^ /limited/v1/minute/0 last; }
    location = /named { error_page 404 = @named; return 404; }
    location @named { return 204; }
    location = /free { oof_tps off; return 204; }
END
    management_server => 'location = /free { return 204; }');

my $id = '8F2b1A90-4e61-4b8c-9F3a-2b8e1c7d5a10';
my $path = '/limited/v1/minute/0';


# a fresh second, of which some is left

sub begin {
    my $next = int(time) + 1.05;
    sleep $next - time;
}


# so many calls within one second, on connections of both workers

sub second {
    my ($n, @paths) = @_;

    my (%got, @c);
    push @c, $o->connect('plain') for 1 .. 8;

    begin();
    my $start = int time;

    for my $i (1 .. $n) {
        my $r = hit($c[$i % 8], $paths[$i % @paths], id => $id);
        $got{ $r->{status} }++;
    }

    # a machine that is too slow begins anew

    return int time == $start ? join ' ', map { "$_ $got{$_}" } sort keys %got
                              : second($n, @paths);
}


is(second(10, $path), '200 10', 'as many as are allowed');
is(second(25, $path), '200 10 529 15', 'no more, in both workers together');
is(second(20, $path, '/none', '/file', '/away', '/nothing'),
   '200 2 302 2 404 6 529 10', 'whatever they ask for');
is(second(20, '/in'), '200 10 529 10', 'a rewritten request is one');
is(second(20, '/named'), '204 10 529 10', 'and so is a redirected one');
is(second(30, '/free'), '204 30', 'but where it is off');

my $total = limited_total($o, 'tps');

begin();
hit($o, $path) for 1 .. 10;
my $r = hit($o, $path, id => $id);
refused_with($r, 529, 'SITE_IS_OVERLOADED', 'the answer is regulated',
             id => $id, retry => 1);
cmp_ok(limited_total($o, 'tps'), '>', $total, 'it is counted');
cmp_ok($o->metric('oof_http_requests_total', code => 529), '>', 40,
       'as an answer, too');

begin();
hit($o, '/none') for 1 .. 10;
$r = hit($o, '/none', id => $id);
refused_with($r, 529, 'SITE_IS_OVERLOADED', 'also where no API is', id => $id,
             retry => 1, version => undef);

# a body is not waited for, and the connection serves on

begin();
hit($o, $path) for 1 .. 10;
my $c = $o->connect('plain');
$r = $c->request('POST', $path, [ [ Host => 'x' ],
                                  [ 'x-fapi-interaction-id' => $id ],
                                  [ 'Content-Type' => 'application/json' ] ],
                 '{"a":1}');
is($r->{status}, 529, 'a request with a body');
begin();
is(hit($c, $path)->{status}, 200, 'the next one of its connection');

begin();
hit($o, $path) for 1 .. 10;
is(hit($o, $path)->{status}, 529, 'while third parties wait');
is($o->get('/free')->{status}, 204, 'the bank\'s side is not limited');


# TLS, HTTP/2

begin();
hit($o, $path) for 1 .. 10;
$r = $o->call(GET => $path, via => 'tls', client => undef, http2 => 1);
is($r->{status}, 529, 'HTTP/2');


# what cannot work is told at the start

for ([ 'oof_tps 5;', '', qr/limits need "oof_limits_zone"/ ],
     [ 'oof_minute_limit low;', '', qr/limits need "oof_limits_zone"/ ],
     [ 'oof_minute_limit 7;', '', qr/limits need "oof_limits_zone"/ ],
     [ 'oof_month_limit 7;', '', qr/limits need "oof_limits_zone"/ ],
     [ 'oof_tps 0;', 'oof_limits_zone 1m;', qr/invalid value "0" in "oof_tps"/ ],
     [ 'oof_tps -1;', 'oof_limits_zone 1m;', qr/invalid value "-1"/ ],
     [ 'oof_tps 5; oof_tps 6;', 'oof_limits_zone 1m;', qr/is duplicate/ ],
     [ 'oof_minute_limit lower;', 'oof_limits_zone 1m;',
       qr/invalid value "lower" in "oof_minute_limit"/ ],
     [ 'oof_month_limit high;', 'oof_limits_zone 1m;',
       qr/invalid value "high" in "oof_month_limit"/ ],
     [ '', 'oof_limits_zone 8k;', qr/"oof_limits_zone" is too small/ ])
{
    my ($server, $http, $why) = @$_;

    my $wrong = Test::Oof->start(hold => 1, server => $server, http => $http);
    my ($fine, $out) = $wrong->test_config;
    ok(!$fine, "$http $server");
    like($out, $why, 'and it says why');
}

for ([ 'oof_tps off; oof_minute_limit off; oof_month_limit off;', '' ],
     [ 'oof_minute_limit on; oof_month_limit on;', '' ],
     [ 'oof_tps 300; oof_minute_limit medium-high; oof_month_limit 500;',
       'oof_limits_zone 32k;' ])
{
    my $fine = Test::Oof->start(hold => 1, server => $_->[0],
                                http => $_->[1]);
    my ($ok, $out) = $fine->test_config;
    ok($ok, "@$_") or diag($out);
}

done_testing();
