#!/usr/bin/perl

# Copyright (C) oof authors

# DELETE /consents/{consentId}: who may, when, what is written, and rows that
# somebody else is just changing (spec 1.6, 1.10; spec 7, 6, 15, 20).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents;
use Time::HiRes qw/ time /;

my $o = Test::Oof->start(workers => 2);

my $one = $Test::Oof::Clients{one};

my @over = (422, [ 'CONSENTIMENTO_EM_STATUS_REJEITADO',
                   'Consentimento em status rejeitado',
                   'O consentimento informado já está no status REJECTED e '
                   . 'não pode ser revogado.' ]);
my @foreign = (403, [ 'FORBIDDEN', 'Acesso negado ao consentimento',
                      'O consentimento informado não foi criado por este '
                      . 'cliente.' ]);
my @unknown = (404, [ 'NOT_FOUND', 'Consentimento não encontrado',
                      'Não há consentimento com o consentId informado.' ]);
my @malformed = (400, [ 'PARAMETRO_INVALIDO', 'Parâmetro inválido',
                        'O parâmetro consentId não tem o formato exigido.' ]);


# --- what it does

for my $case ([ 'AWAITING_AUTHORISATION', 'CUSTOMER_MANUALLY_REJECTED' ],
              [ 'AUTHORISED', 'CUSTOMER_MANUALLY_REVOKED' ])
{
    my ($status, $code) = @$case;

    my $uuid = insert_consent(status => $status, version => 4,
                              expiration => '2099-01-01T00:00:00Z');

    is_ended(end_consent($o, "urn:bank:$uuid"), $status);

    my $row = row($uuid);

    is_deeply([ @$row{qw/ status rejected_by reason_code reason_info version
                          expiration due / } ],
              [ 'REJECTED', 'USER', $code, undef, 5, '2099-01-01T00:00:00Z',
                undef ], "$status: the row");
    ok($row->{status_update} ge at(-3) && $row->{status_update} le at(0),
       "$status: now");
    is_deeply([ history($uuid) ],
              [ [ 5, $row->{status_update}, 'REJECTED', 'USER', $code,
                  'client' ] ], "$status: its history");

    my ($event, @more) = events("key = '$uuid'");
    is_deeply(\@more, [], "$status: one event");
    is_deeply([ @$event{qw/ type brand version data /} ],
              [ 'oof.consent.rejected', 'bank', 5,
                { consentId => "urn:bank:$uuid",
                  clientId => $one->{client_id},
                  organisationId => $one->{organisation_id},
                  status => 'REJECTED', previousStatus => $status,
                  rejection => { rejectedBy => 'USER',
                                 reason => { code => $code } } } ],
              "$status: what it tells");
    is((psql('SELECT h.event_id = e.id AND c.stamp = e.stamp AND'
             . ' e."time" = c.status_update FROM oof_event e,'
             . ' oof_consent_history h, oof_consent c'
             . ' WHERE e.key = c.consent_id'
             . " AND h.consent_id = c.consent_id AND e.key = '$uuid'"))[0][0],
       't', "$status: all three agree");

    refused("$status: again", "urn:bank:$uuid", @over);
    is_deeply([ history($uuid) ]->[1], undef, "$status: which writes nothing");
}


# --- what is refused, and leaves no trace

my $dead = { authorise_until => '2026-01-01T10:00:00Z' };
my $past = { status => 'AUTHORISED', expiration => '2026-01-01T10:00:00Z' };
my $gone = { status => 'REJECTED', rejected_by => 'ASPSP',
             reason_code => 'INTERNAL_SECURITY_REASON' };

my %ids = map { $_->[0] => insert_consent(%{ $_->[1] }) }
              [ expired => $dead ], [ past => $past ], [ gone => $gone ],
              [ alive => {} ], [ brand => { brand => 'second' } ];

my $before = rows_of();
my @rows = psql('SELECT consent_id, version, xmin FROM oof_consent ORDER BY 1');

refused('ended by time before it was authorised', "urn:bank:$ids{expired}",
        @over);
refused('ended by its term', "urn:bank:$ids{past}", @over);
refused('rejected by the bank', "urn:bank:$ids{gone}", @over);
refused("another client's", "urn:bank:$ids{alive}", @foreign,
        client => 'two');
refused("another client's that is over", "urn:bank:$ids{gone}", @foreign,
        client => 'two');
refused("another brand's", "urn:bank:$ids{brand}", @unknown);
refused('unknown', 'urn:bank:01936000-0000-7000-8000-ffffffffffff', @unknown);
refused('another namespace', "urn:other:$ids{alive}", @unknown);
refused('malformed', "urn:bank:$ids{alive}%20", @malformed);
refused('no URN', 'x', @malformed);

is_deeply(rows_of(), $before, 'nothing is written');
is_deeply([ psql('SELECT consent_id, version, xmin FROM oof_consent'
                 . ' ORDER BY 1') ], \@rows, 'and nothing is changed');


# --- a consent that another session holds: waited for on the solo lane, and
# nobody else waits with it

my $uuid = $ids{alive};
my $s = Test::Oof::Postgres::session(database_dsn());

$s->run("BEGIN;\nSELECT 1 FROM oof_consent WHERE consent_id = '$uuid'"
        . ' FOR UPDATE');

my $c = $o->connect('plain');
my $interaction = new_uuid();
my ($headers) = $o->request_parts('plain', headers =>
    { 'x-fapi-interaction-id' => $interaction });

$c->write("DELETE $Consents/urn:bank:$uuid HTTP/1.1\r\n"
          . join('', map { "$_->[0]: $_->[1]\r\n" } @$headers) . "\r\n");

wait_for(sub { (psql("SELECT count(*) FROM pg_stat_activity WHERE datname ="
                     . " current_database() AND wait_event_type = 'Lock'"))
                   [0][0] == 1 }, 5, 'the solo lane');

my $start = time;
my $neighbour = insert_consent();
is_ended(end_consent($o, "urn:bank:$neighbour"), 'a neighbour');
is(post($o, consent_body())->{status}, 201, 'another neighbour');
cmp_ok(time - $start, '<', 0.5, 'neighbours do not wait');

$s->run('ROLLBACK');

my $r = $c->response('DELETE');
$r->{interaction} = $interaction;
is_ended($r, 'held, then free');
is(scalar(my @e = events("key = '$uuid'")), 1, 'held, then free: one event');

# the holder ends it

$uuid = insert_consent();
$s->run("BEGIN;\nUPDATE oof_consent SET status = 'REJECTED', version = 2,"
        . " rejected_by = 'ASPSP', reason_code = 'INTERNAL_SECURITY_REASON'"
        . " WHERE consent_id = '$uuid'");
$c->write("DELETE $Consents/urn:bank:$uuid HTTP/1.1\r\n"
          . join('', map { "$_->[0]: $_->[1]\r\n" } @$headers) . "\r\n");
wait_for(sub { (psql("SELECT count(*) FROM pg_stat_activity WHERE datname ="
                     . " current_database() AND wait_event_type = 'Lock'"))
                   [0][0] == 1 }, 5, 'the solo lane');
$s->run('COMMIT');

$r = $c->response('DELETE');
$r->{interaction} = $interaction;
is_refused($r, @over, 'held, then over', 'DELETE /consents/{consentId}');
is(row($uuid)->{rejected_by}, 'ASPSP', 'held, then over: by the other');

$s->close;


# --- many at once: one ends it, the others find it ended

$uuid = insert_consent();

my @calls = map { my $c = $o->connect('plain'); $c } 1 .. 12;

$_->write("DELETE $Consents/urn:bank:$uuid HTTP/1.1\r\n"
          . join('', map { "$_->[0]: $_->[1]\r\n" } @$headers) . "\r\n")
    for @calls;

my %status;
$status{ $_->response('DELETE')->{status} }++ for @calls;

is_deeply(\%status, { 204 => 1, 422 => 11 }, 'many at once');
is(scalar(@e = events("key = '$uuid'")), 1, 'many at once: one event');
is(row($uuid)->{version}, 2, 'many at once: one change');

done_testing();


sub refused {
    my ($name, $path, $status, $error, %args) = @_;

    is_refused(end_consent($o, $path, %args), $status, $error, $name,
               'DELETE /consents/{consentId}');
}
