#!/usr/bin/perl

# Copyright (C) oof authors

# GET /consents/{consentId}/extensions: what it tells, in which order, and its
# pages (spec 1.8, 1.9, 1.10; 7, 12; 7, 18).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents;

my $operation = 'GET /consents/{consentId}/extensions';
my $o = Test::Oof->start(workers => 2);

my $person = { document => { identification => '48847377765', rel => 'CPF' } };
my $time = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/;


# --- none yet: the first page is there, and is empty (spec 1.9)

my $first = at(86400);
my $uuid = authorised($o, expirationDateTime => $first);
my $urn = "urn:bank:$uuid";

is_list(extensions($o, $urn), 'none', [], 1, 25, 0, 0);
is_list(extensions($o, $urn, 'page=1&page-size=100'), 'none, a larger page',
        [], 1, 100, 0, 0);
not_found('none, the second page', 'page=2');


# --- what each says

my @ends = (at(86400 * 2), at(86400 * 3), undef);
my @agents = ('Mozilla/5.0 ("a" \\ b)', "Caf\xc3\xa9/1", 'x' x 255);
my @ips = ('203.0.113.7', '2001:db8::7', '1' x 100);

for my $i (0 .. 2) {
    is(extend_consent($o, $urn, renewal(expirationDateTime => $ends[$i]),
                      headers => { 'x-fapi-customer-ip-address' => $ips[$i],
                                   'x-customer-user-agent' => $agents[$i] })
           ->{status}, 201, "renewed: $i");
}

utf8::decode($_) for @agents;

my $want = [ map { { loggedUser => $person, requestDateTime => 'TIME',
                     xFapiCustomerIpAddress => $ips[$_],
                     xCustomerUserAgent => $agents[$_],
                     $ends[$_] ? (expirationDateTime => $ends[$_]) : (),
                     previousExpirationDateTime => $_ ? $ends[$_ - 1]
                                                      : $first } }
                 2, 1, 0 ];

is_list(extensions($o, $urn), 'the newest first', $want, 1, 25, 3, 1);

# a renewal of what has no end tells none before it

is(extend_consent($o, $urn, renewal(expirationDateTime => undef))->{status},
   201, 'renewed without an end, again');

unshift @$want, { loggedUser => $person, requestDateTime => 'TIME',
                  xFapiCustomerIpAddress => '203.0.113.7',
                  xCustomerUserAgent => 'Receiver/1.0 (test)' };

is_list(extensions($o, $urn), 'no end before, and none after', $want, 1, 25, 4,
        1);

# what is no text in UTF-8 is told so that it is

is(extend_consent($o, $urn, renewal(expirationDateTime => undef),
                  headers => { 'x-customer-user-agent' => "a\xff\xc3b" })
       ->{status}, 201, 'an agent in another encoding');
my $r = extensions($o, $urn);
is($r->{json}{data}[0]{xCustomerUserAgent}, "a\x{fffd}\x{fffd}b",
   'is told in UTF-8');
schema_ok("consents-v3 $operation", $r);

# who renews a company's is who is told

my $company = { document => { identification => '12345678000195',
                              rel => 'CNPJ' } };
my $user = { document => { identification => '11111111111', rel => 'CPF' } };
my $business = authorised($o, businessEntity => $company,
                          expirationDateTime => $first);

extend_consent($o, "urn:bank:$business",
               renewal(loggedUser => $user, businessEntity => $company,
                       expirationDateTime => $ends[0]));
is_list(extensions($o, "urn:bank:$business"), "a company's",
        [ { loggedUser => $user, requestDateTime => 'TIME',
            xFapiCustomerIpAddress => '203.0.113.7',
            xCustomerUserAgent => 'Receiver/1.0 (test)',
            expirationDateTime => $ends[0],
            previousExpirationDateTime => $first } ], 1, 25, 1, 1);

# it is told when the consent is over too

is(end_consent($o, "urn:bank:$business")->{status}, 204, 'revoked');
is(extensions($o, "urn:bank:$business")->{json}{meta}{totalRecords}, 1,
   'what was, is told still');


# --- pages: 60 renewals

my $many = authorised($o, expirationDateTime => at(86400));
my @asked;

for my $i (2 .. 61) {
    push @asked, at(86400 * $i);
    extend_consent($o, "urn:bank:$many",
                   renewal(expirationDateTime => $asked[-1]));
}

# as if they had been asked for in pairs, a minute apart

psql("UPDATE oof_consent_extension SET \"at\" = date_trunc('second', now()) -"
     . " (62 - version / 2) * interval '1 minute' WHERE consent_id = '$many'");

@asked = reverse @asked;

for my $case ([ '', 1, 25, 0 .. 24 ],
              [ 'page=1', 1, 25, 0 .. 24 ],
              [ 'page=2', 2, 25, 25 .. 49 ],
              [ 'page=3', 3, 25, 50 .. 59 ],
              [ 'page=%33&page-size=25', 3, 25, 50 .. 59 ],
              [ 'page-size=30', 1, 30, 0 .. 29 ],
              [ 'page-size=30&page=2', 2, 30, 30 .. 59 ],
              [ 'page-size=60', 1, 60, 0 .. 59 ],
              [ 'page-size=1000&page=01', 1, 1000, 0 .. 59 ],
              # smaller ones are 25 (spec 7, 18)
              (map { [ "page-size=$_", 1, 25, 0 .. 24 ] } 24, 1, 0, -1,
                                                          '-99999999999999'),
              # what is not known is no matter
              [ 'other=x&page=2&pages=7&page-key=1', 2, 25, 25 .. 49 ],
              # nor a key: no month's limit is on consents
              [ 'pagination-key=x&page=2', 2, 25, 25 .. 49 ])
{
    my ($query, $page, $size, @which) = @$case;

    my $r = extensions($o, "urn:bank:$many", $query);

    is_deeply([ map { $_->{expirationDateTime} } @{ $r->{json}{data} } ],
              [ @asked[@which] ], "?$query: the right ones in order");
    pages_are($r, "?$query", $many, $page, $size, 60,
              int((60 + $size - 1) / $size));
    schema_ok("consents-v3 $operation", $r);
}

$uuid = $many;
$urn = "urn:bank:$many";

not_found('after the last', 'page=4');
not_found('after the last of larger ones', 'page=2&page-size=60');
not_found('the last that there can be', 'page=2147483647&page-size=1000');

is_refused(extensions($o, $urn, "page-size=$_"), 422,
           [ 'PARAMETRO_INVALIDO', 'Parâmetro inválido',
             'O parâmetro page-size deve ser no máximo 1000.' ],
           "page-size=$_", $operation)
    for 1001, 2147483648, '9' x 30;

is_refused(extensions($o, $urn, $_), 400,
           [ 'PARAMETRO_INVALIDO', 'Parâmetro inválido',
             'Os parâmetros page e page-size devem ser números inteiros, e '
             . 'page a partir de 1.' ],
           $_, $operation)
    for 'page=0', 'page=-1', 'page=', 'page=x', 'page=1.0', 'page=+1',
        'page=1%00', 'page=%', 'page=2147483648', 'page=' . '9' x 30,
        'page-size=x', 'page-size=', 'page-size=-', 'page-size=1e3';


# --- who may ask (spec 1.10)

my @foreign = (403, [ 'FORBIDDEN', 'Acesso negado ao consentimento',
                      'O consentimento informado não foi criado por este '
                      . 'cliente.' ]);
my @unknown = (404, [ 'NOT_FOUND', 'Consentimento não encontrado',
                      'Não há consentimento com o consentId informado.' ]);

is_refused(extensions($o, $urn, undef, client => 'two'), @foreign,
           "another client's", $operation);
is_refused(extensions($o, $urn, 'page=9', client => 'two'), @foreign,
           "another client's, whatever the page", $operation);
is_refused(extensions($o, 'urn:bank:01936000-0000-7000-8000-ffffffffffff'),
           @unknown, 'unknown', $operation);
is_refused(extensions($o, "urn:other:$uuid"), @unknown, 'another namespace',
           $operation);
is_refused(extensions($o, "urn:bank:"
                          . insert_consent(brand => 'second')),
           @unknown, "another brand's", $operation);
is_refused(extensions($o, 'x'), 400,
           [ 'PARAMETRO_INVALIDO', 'Parâmetro inválido',
             'O parâmetro consentId não tem o formato exigido.' ],
           'no URN', $operation);
is(extensions($o, $urn, undef, scope => "openid consent:$urn")->{status}, 401,
   "a customer's token: 401");
is(extensions($o, $urn, undef, scope => 'accounts')->{status}, 403,
   'without the scope: 403');
is(call_method('POST')->{status}, 405, 'POST: 405');


# --- a value that was moved to another row is not shown

my ($x) = psql("SELECT event_id FROM oof_consent_extension WHERE consent_id ="
               . " '$business'");
psql('UPDATE oof_consent_extension SET personal = (SELECT personal FROM'
     . " oof_consent_extension WHERE consent_id = '$many' LIMIT 1)"
     . " WHERE event_id = '$x->[0]'");
is(extensions($o, "urn:bank:$business")->{status}, 500,
   'what was swapped is not told');
like($o->log_text, qr/a renewal of "urn:bank:$business" cannot be opened/,
     'and that is logged');

done_testing();


sub call_method {
    return $o->call($_[0], "$Consents/$urn/extensions", json => {});
}


sub is_list {
    my ($r, $name, $items, $page, $size, $total, $pages) = @_;

    is($r->{status}, 200, "$name: status") or diag($r->{body});
    schema_ok("consents-v3 $operation", $r, "$name: as specified");

    my ($id) = ($r->{json}{links}{self} // '') =~ m{urn:bank:([^/]+)};

    pages_are($r, $name, $id, $page, $size, $total, $pages);

    for (@{ $r->{json}{data} }) {
        $_->{requestDateTime} = 'TIME' if $_->{requestDateTime} =~ /^$time$/;
    }

    is_deeply($r->{json}{data}, $items, "$name: data");
}


sub pages_are {
    my ($r, $name, $id, $page, $size, $total, $pages) = @_;

    my $link = sub { "$Test::Oof::BaseUrl$Consents/urn:bank:$id/extensions"
                     . "?page=$_[0]&page-size=$size" };

    is_deeply($r->{json}{links},
              { self => $link->($page),
                $page > 1 ? (first => $link->(1), prev => $link->($page - 1))
                          : (),
                $page < $pages ? (next => $link->($page + 1),
                                  last => $link->($pages)) : () },
              "$name: links");

    like(delete $r->{json}{meta}{requestDateTime}, qr/^$time$/,
         "$name: when");
    is_deeply($r->{json}{meta},
              { totalRecords => $total, totalPages => $pages },
              "$name: meta");
    $r->{json}{meta}{requestDateTime} = at(0);
}


sub not_found {
    my ($name, $query) = @_;

    is_refused(extensions($o, $urn, $query), 422,
               [ 'PAGE_NOT_FOUND', 'Página não encontrada',
                 'A página solicitada é posterior à última.' ], $name,
               $operation);
}
