#!/usr/bin/perl

# Copyright (C) oof authors

# 429: calls of an endpoint by an organisation in a clock minute, with
# Retry-After to its end (spec 6.1, 6.4).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Limits;
use Time::HiRes qw/ sleep time /;

my $server = server_defaults();
my %port = map { $_ => free_port() } qw/ other low off on /;
my $api = 'location /limited/v1/ { oof_api limited v1; }';

my $o = limited(workers => 2, http => 'oof_minute_limit 20;',
                servers => <<"END");
    server {
        listen 127.0.0.1:$port{other};
        @{[ $server =~ s/(oof_brand\s+)\w+/$1 second/r ]}
        $api
    }
    server {
        listen 127.0.0.1:$port{low};
        $server
        oof_minute_limit low;
        $api
    }
    server {
        listen 127.0.0.1:$port{off};
        $server
        oof_minute_limit off;
        $api
    }
    server {
        listen 127.0.0.1:$port{on};
        $server
        oof_minute_limit on;
        $api
    }
END

my ($path, $endpoint) = map { "/limited/v1/$_/0" } qw/ minute other /;

# a day far ahead, so that the minute is as long as the test wants

my $day = 86400 * (int(time / 86400) + 10);


# within a minute

at_minute($day + 12 * 3600 + 2);

is(hits($o, 30, $path, connections => 8), '200 20 429 10',
   'as many as are allowed, in both workers together');
is(hits($o, 30, $path, connections => 8, organisation => $B),
   '200 20 429 10', 'another organisation has its own');
is(hits($o, 30, $endpoint, connections => 8), '200 20 429 10',
   'and another endpoint');

{
    local $o->{port}{plain} = $port{other};
    is(hits($o, 21, $path), '200 20 429 1', 'and another brand');
}

my $id = '8F2b1A90-4e61-4b8c-9F3a-2b8e1c7d5a10';
refused_with(hit($o, $path, id => $id), 429, 'TOO_MANY_REQUESTS',
             'the answer is regulated', id => $id,
             retry => qr/^(?:[1-9]|[1-5]\d|60)$/);
cmp_ok(limited_total($o, 'minute'), '==', 32, 'they are counted');


# its end

at_minute($day + 12 * 3600 + 60 + 40);
is(hits($o, 21, $path, connections => 8), '200 20 429 1', 'the next minute');

my $r = hit($o, $path);
cmp_ok($r->{headers}{'retry-after'}, '<=', 20, 'Retry-After is what is left');
cmp_ok($r->{headers}{'retry-after'}, '>', 8, 'and no less');

at_minute($day + 12 * 3600 + 2 * 60 + 54);
hits($o, 20, $path);
$r = hit($o, $path);
is($r->{status}, 429, 'shortly before its end');
my $wait = $r->{headers}{'retry-after'};
ok($wait >= 1 && $wait <= 6, "come again in $wait s");
sleep $wait + 0.05;
is(hits($o, 21, $path, connections => 8), '200 20 429 1',
   'who waits as he was told is served, in each worker');


# a clock that goes back

at_minute($day);
is(hits($o, 21, $path), '200 20 429 1', 'a clock that was moved back');


# classes

is(hits($o, 1010, '/limited/v1/minute/1', connections => 2,
        organisation => 'c1'), '200 1000 429 10',
   'a number below the class\'s minimum does not count');

for ([ low => 0, 1000 ], [ low => 2, 1500 ], [ on => 3, 2000 ],
     [ on => 4, 2500 ])
{
    my ($where, $class, $limit) = @$_;

    local $o->{port}{plain} = $port{$where};

    # a minute is over before all are counted, unless it is a long one

    at_minute($day + 3600 * (1 + $class) + 1);
    is(hits($o, $limit + 5, "/limited/v1/other/$class", connections => 2,
            organisation => "c$class"), "200 $limit 429 5",
       "class $class: $limit");
}

{
    local $o->{port}{plain} = $port{on};
    is(hits($o, 3000, '/limited/v1/minute/0', connections => 2,
            organisation => 'd'), '200 3000', 'no class, no limit');

    local $o->{port}{plain} = $port{off};
    is(hits($o, 1100, '/limited/v1/minute/1', connections => 2,
            organisation => 'd'), '200 1100', 'off');
}


# a reload forgets nothing

at_minute($day + 20 * 3600 + 1);
is(hits($o, 15, $path, organisation => 'e'), '200 15', 'before a reload');
$o->reload;
is(hits($o, 15, $path, organisation => 'e'), '200 5 429 10', 'and after it');

done_testing();
