#!/usr/bin/perl

# Copyright (C) oof authors

# GET /consents/{consentId}: every state, other people's consents, ids that
# are none; nothing is ever written (spec 1.4, 1.10; spec 7, 15, 21, 23).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Encode qw/ decode_utf8 /;
use Test::More;
use Test::Oof;
use Test::Oof::Consents;

my $port = free_port();
my $other = server_defaults() =~ s/(oof_brand\s+)\w+/$1 Second_Brand/r;

my $o = Test::Oof->start(servers => <<"END");
    server {
        listen 127.0.0.1:$port;
$other
@{[ Test::Oof::header_defaults() ]}
        oof_urn_namespace bank;
        oof_clients optional;

        location $Test::Oof::Api/ {
            oof_api consents v3;
        }
    }
END

$o->{port}{other} = $port;

my $created = at(-60);
my $updated = at(-30);


# --- what other parts of the bank have made of a consent

my %states = (
    'awaiting' => [ {}, [ 'AWAITING_AUTHORISATION', $created ] ],

    'awaiting, with a term' =>
        [ { expiration => '2099-01-01T00:00:00Z' },
          [ 'AWAITING_AUTHORISATION', $created, '2099-01-01T00:00:00Z' ] ],

    # the end of the term counts once it is authorised

    'awaiting, past its term' =>
        [ { expiration => '2026-01-01T00:00:00Z' },
          [ 'AWAITING_AUTHORISATION', $created, '2026-01-01T00:00:00Z' ] ],

    'authorised' =>
        [ { status => 'AUTHORISED', status_update => $updated },
          [ 'AUTHORISED', $updated ] ],

    # its time to be authorised counts no more

    'authorised long ago' =>
        [ { status => 'AUTHORISED', status_update => '2025-06-01T00:00:00Z',
            authorise_until => '2025-06-01T00:10:00Z',
            expiration => '2099-01-01T00:00:00Z' },
          [ 'AUTHORISED', '2025-06-01T00:00:00Z', '2099-01-01T00:00:00Z' ] ],

    'not authorised in time' =>
        [ { authorise_until => '2026-01-01T10:00:00Z' },
          [ 'REJECTED', '2026-01-01T10:00:00Z', undef,
            rejection('ASPSP', 'CONSENT_EXPIRED') ] ],

    'past its term' =>
        [ { status => 'AUTHORISED', expiration => '2026-03-01T10:00:00Z' },
          [ 'REJECTED', '2026-03-01T10:00:00Z', '2026-03-01T10:00:00Z',
            rejection('ASPSP', 'CONSENT_MAX_DATE_REACHED') ] ],

    (map { my ($by, $code) = @$_;
           ("rejected: $by $code" =>
                [ { status => 'REJECTED', status_update => $updated,
                    rejected_by => $by, reason_code => $code,
                    authorise_until => '2026-01-01T10:00:00Z',
                    expiration => '2026-03-01T10:00:00Z' },
                  [ 'REJECTED', $updated, '2026-03-01T10:00:00Z',
                    rejection($by, $code) ] ]) }
         [ qw/ ASPSP CONSENT_EXPIRED / ],
         [ qw/ USER CUSTOMER_MANUALLY_REJECTED / ],
         [ qw/ USER CUSTOMER_MANUALLY_REVOKED / ],
         [ qw/ ASPSP CONSENT_MAX_DATE_REACHED / ],
         [ qw/ ASPSP CONSENT_TECHNICAL_ISSUE / ],
         [ qw/ TPP INTERNAL_SECURITY_REASON / ]),

    'rejected, with a word on it' =>
        [ { status => 'REJECTED', status_update => $updated,
            rejected_by => 'ASPSP', reason_code => 'CONSENT_TECHNICAL_ISSUE',
            reason_info => decode_utf8('Falha: "código" \\ inválido') },
          [ 'REJECTED', $updated, undef,
            rejection('ASPSP', 'CONSENT_TECHNICAL_ISSUE',
                      'Falha: \\"código\\" \\\\ inválido') ] ],

    'linked' =>
        [ { linked => 't' },
          [ 'AWAITING_AUTHORISATION', $created, undef,
            ',"journey":{"isLinked":true}' ] ],

    'linked, and authorised' =>
        [ { linked => 't', link_id => 'urn:bank:payment',
            status => 'AUTHORISED', status_update => $updated },
          [ 'AUTHORISED', $updated, undef,
            ',"journey":{"isLinked":true,"linkId":"urn:bank:payment"}' ] ],

    'linked, and rejected' =>
        [ { linked => 't', link_id => 'urn:bank:payment', status => 'REJECTED',
            status_update => $updated, rejected_by => 'USER',
            reason_code => 'CUSTOMER_MANUALLY_REJECTED' },
          [ 'REJECTED', $updated, undef,
            rejection('USER', 'CUSTOMER_MANUALLY_REJECTED')
            . ',"journey":{"isLinked":true,"linkId":"urn:bank:payment"}' ] ],

    'not linked' =>
        [ { linked => 'f' }, [ 'AWAITING_AUTHORISATION', $created ] ],
);

my %ids;

for my $name (sort keys %states) {
    $ids{$name} = insert_consent(creation => $created,
                                 status_update => $created,
                                 %{ $states{$name}[0] });
}

my @before = everything();

for my $name (sort keys %states) {
    my ($status, $time, $end, $more) = @{ $states{$name}[1] };

    my $r = get_consent($o, "urn:bank:$ids{$name}");

    is(is_consent($r, 200, qq("creationDateTime":"$created",)
                           . qq("status":"$status",)
                           . qq("statusUpdateDateTime":"$time",)
                           . '"permissions":["ACCOUNTS_READ",'
                           . '"ACCOUNTS_BALANCES_READ","RESOURCES_READ"]'
                           . ($end ? qq(,"expirationDateTime":"$end") : '')
                           . ($more // ''), $name), $ids{$name},
       "$name: this one");
}

# all permissions at once

my $full = insert_consent(permissions => (1 << 36) - 1);
my $r = get_consent($o, "urn:bank:$full");
is(scalar @{ $r->{json}{data}{permissions} }, 36, 'all permissions');
schema_ok('consents-v3 GET /consents/{consentId}', $r);
psql("DELETE FROM oof_consent WHERE consent_id = '$full'");

# a Content-Type without a body, a query and a body are nobody's business

my $id = $ids{awaiting};

is(get_consent($o, "urn:bank:$id",
               headers => { 'Content-Type' => 'text/plain' })->{status}, 200,
   'a Content-Type is ignored');
is(get_consent($o, "urn:bank:$id?x=1")->{status}, 200, 'a query is ignored');
is(get_consent($o, "urn%3Abank%3A$id")->{status}, 200, 'colons encoded');


# --- other people's

my @foreign = (403, [ 'FORBIDDEN', 'Acesso negado ao consentimento',
                      'O consentimento informado não foi criado por este '
                      . 'cliente.' ]);
my @unknown = (404, [ 'NOT_FOUND', 'Consentimento não encontrado',
                      'Não há consentimento com o consentId informado.' ]);
my @malformed = (400, [ 'PARAMETRO_INVALIDO', 'Parâmetro inválido',
                        'O parâmetro consentId não tem o formato exigido.' ]);

for my $name ('awaiting', 'authorised', 'past its term') {
    refused("another client's, $name", "urn:bank:$ids{$name}", @foreign,
            client => 'two');
}

my @theirs = (via => 'other',
              headers => { 'X-SSL-Client-Cert' => header_pem('one') });

refused("another brand's", "urn:bank:$id", @unknown, @theirs);

my $theirs = insert_consent(brand => 'Second_Brand');
refused("one of the other brand's", "urn:bank:$theirs", @unknown);
is(get_consent($o, "urn:bank:$theirs", @theirs)->{status}, 200,
   'which has it');
psql("DELETE FROM oof_consent WHERE consent_id = '$theirs'");


# --- names of nothing

refused("unknown: $_", $_, @unknown)
    for 'urn:bank:01936000-0000-7000-8000-ffffffffffff',
        "urn:other:$id", "urn:Bank:$id", 'urn:bank:' . uc($id =~ s/0/a/r),
        'urn:bank:' . $id =~ s/-//gr, "urn:bank:${id}0", "urn:bank:0$id",
        "urn:bank:x:$id", 'urn:bank:1', 'urn:b:c', "urn:bank:$id:",
        'urn:bank:' . 'x' x 247;

refused("malformed: $_", $_, @malformed)
    for $id, 'urn', 'urn:', 'urn::1', 'urn:a:', 'urn:-a:1', "URN:bank:$id",
        "urn:bank:$id%20", "urn:bank:$id%22", "urn:ba_nk:$id",
        'urn:' . 'a' x 33 . ':1', 'urn:bank:' . 'x' x 248, "urn:bank:%C3%A9",
        "urn:bank:\%01", ':', 'x', "'--";

is_deeply([ everything() ], \@before, 'nothing is written');

done_testing();


sub refused {
    my ($name, $path, $status, $error, %args) = @_;

    is_refused(get_consent($o, $path, %args), $status, $error, $name,
               'GET /consents/{consentId}');
}


sub rejection {
    my ($by, $code, $info) = @_;

    return qq(,"rejection":{"rejectedBy":"$by","reason":{"code":"$code")
           . ($info ? qq(,"additionalInformation":"$info") : '') . '}}';
}


sub everything {
    return map { my $t = $_; map { "@$_" }
                 psql("SELECT t::text, t.xmin FROM $t t ORDER BY 1") }
               qw/ oof_consent oof_consent_history oof_event /;
}
