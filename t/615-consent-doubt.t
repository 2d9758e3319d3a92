#!/usr/bin/perl

# Copyright (C) oof authors

# The server ends while a consent is being written and does not come back
# before the request's deadline: 503 with Retry-After, as no lane came up; and
# when it is there again the consent is whole, or is not there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Lab;
use Time::HiRes qw/ sleep time /;

my $cluster = Test::Oof::Lab::cluster();
my $o = Test::Oof->start(server => 'oof_deadline 1s;');

my $session = Test::Oof::Postgres::session(database_dsn());
$session->run('BEGIN');
$session->run('LOCK TABLE oof_event IN ACCESS EXCLUSIVE MODE');

my ($headers, $body) = $o->request_parts('plain', json => consent_body());

my $c = $o->connect('plain');
my $start = time;

$c->write(join "\r\n", "POST $Test::Oof::Api/consents HTTP/1.1",
                       (map { "$_->[0]: $_->[1]" } @$headers),
                       'Content-Length: ' . length $body, '', $body);

sleep 0.2;
$cluster->stop('immediate');

my $r = $c->response;
my $took = time - $start;

is($r->{status}, 503, 'no lane until the deadline: 503');
is($r->{headers}{'retry-after'}, 5, 'and when to come again');
is(decoded($r->{body})->{errors}[0]{code}, 'SERVICE_UNAVAILABLE', 'its code');
cmp_ok($took, '>=', 0.9, 'not before the deadline');

$cluster->start;
wait_for(sub { $o->get('/ready')->{status} == 200 }, 3, 'ready');

is_deeply([ psql('SELECT (SELECT count(*) FROM oof_consent)'
                 . ' - (SELECT count(*) FROM oof_event),'
                 . ' (SELECT count(*) FROM oof_consent)'
                 . ' - (SELECT count(*) FROM oof_consent_history)') ],
          [ [ 0, 0 ] ], 'nothing is half there');

is($o->call('POST', "$Test::Oof::Api/consents", json => consent_body())
   ->{status}, 201, 'and it serves again');

done_testing();
