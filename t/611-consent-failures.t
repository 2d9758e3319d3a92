#!/usr/bin/perl

# Copyright (C) oof authors

# What stands between a good request and its consent: a commit that fails, keys
# that may not be used yet, or no more.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents;

my $o = Test::Oof->start();

my @error = (500, [ 'INTERNAL_SERVER_ERROR', 'Erro interno',
                    'Ocorreu um erro inesperado no servidor.' ]);


# --- a commit that fails: there is no 201 without it

psql(<<'END');
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.permissions = 34896609280 OR NEW.status = 'REJECTED' THEN
        RAISE EXCEPTION 'refused at commit';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE ON oof_consent
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
END

my $exchange = consent_body(permissions =>
                            [ qw/ EXCHANGES_READ RESOURCES_READ / ]);

is_refused(post($o, $exchange), @error, 'POST', 'POST /consents');
is_deeply(rows_of(), [ 0, 0, 0 ], 'POST: nothing is there');

my $r = post($o, consent_body());
is($r->{status}, 201, 'POST of another');
my $uuid = uuid_of($r);

is_refused(end_consent($o, "urn:bank:$uuid"), @error, 'DELETE',
           'DELETE /consents/{consentId}');
is_deeply(rows_of(), [ 1, 1, 1 ], 'DELETE: nothing has changed');
is(get_consent($o, "urn:bank:$uuid")->{json}{data}{status},
   'AWAITING_AUTHORISATION', 'DELETE: it lives');

# those that are committed together with it have their own answers

my @calls;

for my $i (1 .. 30) {
    my ($headers, $body) = $o->request_parts('plain', json =>
        $i % 10 ? consent_body(expirationDateTime => undef) : $exchange);
    my $c = $o->connect('plain');

    push @calls, [ $i, $c, "POST $Consents HTTP/1.1\r\n"
                           . join('', map { "$_->[0]: $_->[1]\r\n" } @$headers)
                           . 'Content-Length: ' . length($body)
                           . "\r\n\r\n$body" ];
}

$_->[1]->write($_->[2]) for @calls;

my %status = map { $_->[0] => $_->[1]->response('POST')->{status} } @calls;

is_deeply(\%status, { map { $_ => $_ % 10 ? 201 : 500 } 1 .. 30 },
          'neighbours have their own answers');
is_deeply(rows_of(), [ 28, 28, 28 ], 'and rows');

psql('DROP TRIGGER refuse ON oof_consent');

is_ended(end_consent($o, "urn:bank:$uuid"), 'afterwards');
$o->stop;


# --- a key whose use has not been reserved yet

my $s = Test::Oof::Postgres::session(database_dsn());

$s->run("BEGIN;\nSELECT 1 FROM oof_key_usage FOR UPDATE");

$o = Test::Oof->start(wait => 0);

wait_for(sub { get_consent($o, "urn:bank:$uuid")->{status} == 200 }, 5,
         'a lane');
is($o->get('/ready')->{status}, 503, 'not reserved: not ready');

$r = post($o, consent_body());
is($r->{headers}{'retry-after'}, 5, 'not reserved: when to come again');
is($r->{status}, 503, 'not reserved: status');
is(Test::Oof::Consents::normal($r->{body}),
   '{"errors":[{"code":"SERVICE_UNAVAILABLE","title":"Serviço indisponível",'
   . '"detail":"O serviço está temporariamente indisponível."}],'
   . '"meta":{"requestDateTime":"NOW"}}', 'not reserved: body');
is(get_consent($o, "urn:bank:$uuid")->{status}, 200,
   'not reserved: what is there can be read');

$s->run('ROLLBACK');
$s->close;

$o->ready;
is(post($o, consent_body())->{status}, 201, 'reserved');
$o->stop;


# --- a key that has done all it may

psql('UPDATE oof_key_usage SET reserved = 2147483648');

$o = Test::Oof->start();

wait_for(sub { post($o, consent_body())->{status} == 500 }, 5,
         'the key to be full');
is_refused(post($o, consent_body()), @error, 'a key that is full',
           'POST /consents');
is(get_consent($o, "urn:bank:$uuid")->{status}, 200,
   'a key that is full: what is there can be read');
is($o->get('/ready')->{status}, 200, 'a key that is full: still serving');

done_testing();
