#!/usr/bin/perl

# Copyright (C) oof authors

# The life of a consent, over every way into the house.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents;

my $o = Test::Oof->start(
    workers => 2,
    http => <<'END',
        log_format consents 'consents: $oof_operation '
                            '$oof_consent_id $status $oof_error_code';
END
    server => "access_log logs/access.log consents;\n",
);

my $awaiting = '"status":"AWAITING_AUTHORISATION"';

for my $way ([ 'header' => via => 'plain' ],
             [ 'mTLS' => via => 'tls' ],
             [ 'HTTP/2' => via => 'tls', http2 => 1 ])
{
    my ($name, @via) = @$way;
    my $end = at(86400 * 90);

    my $r = post($o, consent_body(expirationDateTime => $end), @via);
    my $uuid = is_consent($r, 201, consent_ok($r, expiration => $end),
                          "$name: POST") or next;
    my $urn = "urn:bank:$uuid";

    my $data = consent_ok($r, expiration => $end);

    $r = get_consent($o, $urn, @via);
    is(is_consent($r, 200, $data, "$name: GET"), $uuid, "$name: the same");

    $r = end_consent($o, $urn, @via);
    is_ended($r, "$name: DELETE");

    my $row = row($uuid);
    $data =~ s/$awaiting/"status":"REJECTED"/;
    $data =~ s/("statusUpdateDateTime":)"[^"]*"/$1"$row->{status_update}"/;

    $r = get_consent($o, $urn, @via);
    is_consent($r, 200, $data . ',"rejection":{"rejectedBy":"USER","reason":'
                        . '{"code":"CUSTOMER_MANUALLY_REJECTED"}}',
               "$name: GET after it");

    $r = end_consent($o, $urn, @via);
    is_refused($r, 422, [ 'CONSENTIMENTO_EM_STATUS_REJEITADO',
                          'Consentimento em status rejeitado',
                          'O consentimento informado já está no status '
                          . 'REJECTED e não pode ser revogado.' ],
               "$name: DELETE again", 'DELETE /consents/{consentId}');

    is_deeply([ map { $_->[2] } history($uuid) ],
              [ 'AWAITING_AUTHORISATION', 'REJECTED' ], "$name: history");
    is_deeply([ map { "$_->{version} $_->{type}" } events("key = '$uuid'") ],
              [ '1 oof.consent.created', '2 oof.consent.rejected' ],
              "$name: events");
}

# endpoints that are not offered, and methods that there are not

for my $path ('/consents/', '/consents', '/other', '/consents/a/b/c')
{
    my $method = $path eq '/consents' ? 'GET' : 'POST';
    my $status = $path eq '/consents' ? 405 : 404;
    my $r = $o->call($method, "$Test::Oof::Api$path", json => {});

    is($r->{status}, $status, "$method $path: $status");
    schema_ok("consents-v3 POST /consents", $r);
}

# the log line says which consent it was

my $r = post($o, consent_body());
my $uuid = uuid_of($r);

get_consent($o, "urn:bank:$uuid");
get_consent($o, 'urn:other:' . $uuid);
end_consent($o, "urn:bank:$uuid");

wait_for(sub { grep { /^consent_delete urn:bank:$uuid/ } lines() }, 10,
         'log lines');
is_deeply([ (lines())[-4 .. -1] ],
          [ "consent_create urn:bank:$uuid 201 -",
            "consent_get urn:bank:$uuid 200 -",
            'consent_get - 404 NOT_FOUND',
            "consent_delete urn:bank:$uuid 204 -" ],
          'variables of the log');

done_testing();


sub lines {
    return map { s/^consents: //r }
               grep { /^consents: / } split /\n/, $o->access_text;
}
