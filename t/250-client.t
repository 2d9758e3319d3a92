#!/usr/bin/perl

# Copyright (C) oof authors

# The registered client: known, active, of the certificate's organisation; its
# cache; reads that are shared; a database that does not answer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Time::HiRes qw/ sleep time /;

my $path = "$Test::Oof::Api/consents/urn:bank:" . new_uuid();
my ($optional, $brand_two) = map { free_port() } 1 .. 2;
my $server = server_defaults();
my $api = Test::Oof::location_defaults();
my $one = $Test::Oof::Clients{one};

my $o = Test::Oof->start(
    http => 'oof_deadline 3s;',
    servers => <<"END",
    server {
        listen 127.0.0.1:$optional;
        $server
        oof_clients optional;
        $api
    }
    server {
        listen 127.0.0.1:$brand_two;
        @{[ $server =~ s/oof_brand\s+\S+;/oof_brand other;/r ]}
        $api
    }
END
);

my $fine = '404 NOT_FOUND';

# who serves

is(said(), $fine, 'a registered client');
is(said(cert => 'upper'), $fine,
   'its organisation in upper case in the certificate');
is(said(token => token(claims => { client_id => 'nobody' })),
   '401 INVALID_CLIENT', 'an unknown client');
is(said(token => token(client => 'two', cert => 'one')),
   '401 INVALID_CLIENT', 'a client of another organisation');
is(said(client => 'two'), $fine, 'that client with its own');
is(said(port => $brand_two), '401 INVALID_CLIENT',
   'a client of another brand');

is(refusals(), 'blocked 0, organisation 1, unknown 2', 'counted');

for (["a quote", "client-one' OR '1'='1"], ['255 characters', 'x' x 255],
     ['not ASCII', "cli\x{e9}nte-\x{1f600}"], ['a space', ' '],
     ['its case differs', 'Client-One'])
{
    my ($what, $id) = @$_;

    is(said(token => token(claims => { client_id => $id })),
       '401 INVALID_CLIENT', "a client id: $what");
}

my $r = $o->call(GET => $path,
                 token => token(claims => { client_id => 'nobody' }));
schema_ok('consents-v3 GET /consents/{consentId}', $r, 'a regulated answer');
is($r->{json}{errors}[0]{detail}, "Cliente n\x{e3}o registrado ou bloqueado.",
   'the same words for unknown and blocked');

# an absence is believed for a second

is(said(token => late()), '401 INVALID_CLIENT', 'not registered yet');
register('late');
wait_for(sub { said(token => late()) eq $fine }, 3, 'client late');
pass('a client that registers is known soon');

# a row is believed for five seconds: not for more, and not read each time

my $before = lookups();
is(said(token => late()), $fine, 'read from the cache');
like(since($before), qr/^cache 1, database 0, shared 0$/, 'no read for it');

my $start = time;
psql("UPDATE oof_client SET status = 'BLOCKED' WHERE client_id = 'late'");
wait_for(sub { said(token => late()) eq '401 INVALID_CLIENT' }, 7, 'blocked');
cmp_ok(time - $start, '<', 6, 'a client that is blocked is refused soon');

# optional

is(said(port => $optional), $fine, 'optional: a registered client');
is(said(port => $optional, token => token(claims => {
       client_id => 'nobody' })), $fine,
   'optional: an unknown one');
is(said(port => $optional, token => late()), '401 INVALID_CLIENT',
   'optional: but a blocked one is refused');
is(said(port => $optional, token => token(client => 'two', cert => 'one')),
   '401 INVALID_CLIENT', 'optional: and one of another organisation');

$r = call('POST', port => $optional, json => consent_body(),
          token => token(claims => { client_id => 'nobody' }),
          path => "$Test::Oof::Api/consents");
is($r->{status}, 201, 'optional: an unknown one creates a consent');
is_deeply([ psql("SELECT client_id, organisation_id FROM oof_consent") ],
          [ [ 'nobody', $one->{organisation_id} ] ],
          'optional: of the certificate\'s organisation');

# requests that need the same row share one read

register('shared');
my $token = token(claims => { client_id => 'shared' });
my @backends = backends();
ok(@backends > 0, 'there are lanes');

END { kill 'CONT', @backends if @backends }

$before = lookups();
kill 'STOP', @backends;

my @waiting = map { waiting($token) } 1 .. 20;
wait_for(sub { since($before) eq 'cache 0, database 1, shared 19' }, 2,
         'twenty waiters');

# three of them lose patience

shift(@waiting)->close for 1 .. 3;
sleep 0.1;
kill 'CONT', @backends;

is(join(' ', map { $_->response->{status} } @waiting), '404 ' x 16 . '404',
   'all of them are answered');
like(since($before), qr/^cache 0, database 1, shared 19$/,
   'by one read');

# nobody waits any more when the row comes

register('left');
$token = token(claims => { client_id => 'left' });
$before = lookups();
kill 'STOP', @backends;
@waiting = map { waiting($token) } 1 .. 3;
wait_for(sub { since($before) eq 'cache 0, database 1, shared 2' }, 2,
         'three waiters');
$_->close for @waiting;
sleep 0.1;
kill 'CONT', @backends;
wait_for(sub { said(token => $token) eq $fine }, 2, 'an answer');
pass('a row that nobody waits for');

# a database that does not answer in time

register('slow');
$token = token(claims => { client_id => 'slow' });
kill 'STOP', @backends;
$start = time;
@waiting = map { waiting($token) } 1 .. 3;
my @answers = map { $_->response } @waiting;
kill 'CONT', @backends;
is(join(' ', map { $_->{status} } @answers), '504 504 504',
   'past the deadline: 504');
cmp_ok(time - $start, '<', 5, 'and not much later');
wait_for(sub { said(token => $token) eq $fine }, 5, 'an answer');
pass('service again');

# and one that is not there

my ($db) = map { /dbname=(\S+)/ } database_dsn();
Test::Oof::Postgres::admin("ALTER DATABASE $db ALLOW_CONNECTIONS false");
Test::Oof::Postgres::admin('SELECT pg_terminate_backend(pid)'
                           . " FROM pg_stat_activity WHERE datname = '$db'");

wait_for(sub { said(token => token(claims => { client_id => 'down' }))
               =~ /^503 / }, 5, '503');
$r = $o->call(GET => $path, token => token(claims => { client_id => 'down' }));
is($r->{status}, 503, 'no database: 503');
like($r->{headers}{'retry-after'}, qr/^\d+$/, 'no database: Retry-After');

Test::Oof::Postgres::admin("ALTER DATABASE $db ALLOW_CONNECTIONS true");
$start = time;
wait_for(sub { said(token => token(claims => { client_id => 'down' }))
               eq '401 INVALID_CLIENT' }, 5, 'service');
cmp_ok(time - $start, '<', 3, 'service again within two seconds or so');

done_testing();


sub call {
    my ($method, %args) = @_;

    local $o->{port}{plain} = $args{port} if $args{port};

    return $o->call($method => $args{path} // $path, %args);
}


sub said {
    my $r = call('GET', @_);

    return "$r->{status} " . ($r->{json}{errors}[0]{code} // 'none');
}


sub late { token(claims => { client_id => 'late' }) }


sub register {
    my ($id) = @_;

    psql("INSERT INTO oof_client (brand, client_id, organisation_id, name,"
         . " created, updated) VALUES ('$Test::Oof::Brand', '$id',"
         . " '$one->{organisation_id}', 'Client', now(), now())");
}


# the server processes of nginx's lanes

sub backends {
    my ($db) = map { /dbname=(\S+)/ } database_dsn();

    return map { $_->[0] } psql("SELECT pid FROM pg_stat_activity"
                                . " WHERE datname = '$db'"
                                . " AND usename = 'oof'");
}


# a connection on which a request was sent

sub waiting {
    my ($token) = @_;

    my ($headers) = $o->request_parts('plain', token => $token);
    my $c = $o->connect('plain') or die 'no connection';

    $c->write("GET $path HTTP/1.1\r\n"
              . join('', map { "$_->[0]: $_->[1]\r\n" } @$headers) . "\r\n");

    return $c;
}


sub lookups {
    return { map { $_ => $o->metric('oof_client_lookups_total', from => $_) }
             qw/ cache database shared / };
}


sub since {
    my ($before) = @_;

    my $now = lookups();

    return join ', ', map { "$_ " . ($now->{$_} - $before->{$_}) }
                          sort keys %$now;
}


sub refusals {
    return join ', ', map {
        "$_ " . $o->metric('oof_clients_refused_total', reason => $_)
    } qw/ blocked organisation unknown /;
}
