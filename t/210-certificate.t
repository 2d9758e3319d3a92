#!/usr/bin/perl

# Copyright (C) oof authors

# Which client certificates serve (spec 5.1): over TLS, over HTTP/2, and in the
# trusted header.  A call without a token tells: 401 UNAUTHORIZED comes after
# the certificate was accepted, 401 INVALID_CLIENT when it was not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;

my $path = "$Test::Oof::Api/consents/urn:bank:" . new_uuid();

my $o = Test::Oof->start;

# certificates that serve, whatever the string type of their names

for my $cert (qw/ one utf8 printable t61 bmp ia5 universal upper old old-bmp /)
{
    accepted("tls: $cert", via => 'tls', cert => $cert);
    accepted("header: $cert", cert => $cert);
}

accepted('h2: bmp', via => 'tls', cert => 'bmp', http2 => 1);

# and that do not; OpenSSL refuses some in the handshake's judgement, which
# nginx tells as 495 and 496

my %refused = (
    expired    => [ 'expired', 'unverified' ],
    future     => [ 'early', 'unverified' ],
    foreign    => [ 'issuer', 'issuer' ],
    middle     => [ 'issuer', 'issuer' ],
    other      => [ 'issuer', 'unverified' ],
    forged     => [ 'issuer', 'unverified' ],
    serveronly => [ 'purpose', 'unverified' ],
    noeku      => [ 'purpose', 'purpose' ],
    noorg      => [ 'organisation', 'organisation' ],
    badorg     => [ 'organisation', 'organisation' ],
    noprefix   => [ 'organisation', 'organisation' ],
    onegood    => [ 'organisation', 'organisation' ],
    twoorgs    => [ 'organisation', 'organisation' ],
    twoous     => [ 'organisation', 'organisation' ],
    weakkey    => [ 'weak' ],
    weakhash   => [ 'weak' ],
);

client_cert('twoorgs', org => "$Test::Oof::Clients{one}{organisation_id},"
                              . $Test::Oof::Clients{two}{organisation_id});
# a forged signature leaves errors on OpenSSL's queue in the handshake, which
# nginx then tells as an alert

Test::Oof->allow(qr/ignoring stale global SSL error .*padding check failed/);

client_cert('onegood', org => "not-a-uuid,"
                              . $Test::Oof::Clients{one}{organisation_id});
client_cert('twoous', org => undef,
            ou => "$Test::Oof::Clients{one}{organisation_id},"
                  . $Test::Oof::Clients{two}{organisation_id});
client_cert('weakkey', bits => 1024);
client_cert('weakhash', hash => 'sha1');

for my $cert (sort keys %refused) {
    my ($header, $tls) = @{ $refused{$cert} };

    refused("header: $cert", $header, cert => $cert);

    # no client of today's OpenSSL would even load a weak one

    refused("tls: $cert", $tls eq 'unverified' ? undef : $tls, via => 'tls',
            cert => $cert)
        if defined $tls;
}

refused('tls: revoked', undef, via => 'tls', cert => 'revoked');
refused('h2: revoked', undef, via => 'tls', cert => 'revoked', http2 => 1);
accepted('header: the gateway answers for revocation', cert => 'revoked');

refused('tls: none', undef, via => 'tls', cert => undef);
refused('header: none', 'absent', cert => undef);
refused('h2: foreign', 'issuer', via => 'tls', cert => 'foreign', http2 => 1);

# OUs that are no UUID stand beside the one that is

client_cert('manyous', org => undef,
            ou => "AC Teste,$Test::Oof::Clients{one}{organisation_id},RA");
accepted('header: one OU of many', cert => 'manyous');

# the name of the organisation is taken over

my $r = $o->call(POST => "$Test::Oof::Api/consents", json => consent_body(),
                 via => 'tls', cert => 'old-bmp');
is($r->{status}, 201, 'an old certificate creates a consent');
is((psql('SELECT organisation_id FROM oof_consent'))[0][0],
   $Test::Oof::Clients{one}{organisation_id}, 'of its organisation');

# depth: four CAs between leaf and root, as TLS is shipped

my ($parent, $all) = ('intermediate', Test::Oof::slurp(pki('trusted.pem')));

for my $n (2 .. 5) {
    $parent = Test::Oof::more_ca("deep$n-$$", parent => $parent, end => 86400);
    $all .= Test::Oof::slurp(pki("$parent.pem"));
    client_cert("deep$n", issuer => $parent) if $n > 3;
}

my $deep = "deep-$$.pem";
Test::Oof::spew(pki($deep), $all);

$o->configure(issuing => $deep, tls_replace =>
    Test::Oof::tls_defaults() =~ s/^\s*ssl_crl.*\n//mr
                              =~ s/trusted\.pem/$deep/r);
$o->reload;

accepted('depth 4', via => 'tls', cert => 'deep4');
refused('depth 5', undef, via => 'tls', cert => 'deep5');

$o->configure(issuing => 'issuing.pem', tls_replace => undef);
$o->reload;

# the whole answer

$r = $o->call(GET => $path, via => 'tls', cert => 'foreign', token => undef,
              headers => { 'x-fapi-interaction-id' =>
                           'aBcDef01-2345-4789-8bcd-ef0123456789' });
is($r->{headers}{'content-type'}, 'application/json; charset=utf-8',
   'refusal: content type');
is($r->{headers}{'x-fapi-interaction-id'},
   'aBcDef01-2345-4789-8bcd-ef0123456789', 'refusal: interaction id');
like($r->{headers}{'x-v'}, qr/^3\.\d+\.\d+$/, 'refusal: x-v');
like($r->{json}{meta}{requestDateTime}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
     'refusal: the time');
delete $r->{json}{meta};
is_deeply($r->{json}, { errors => [ {
    code => 'INVALID_CLIENT', title => "Cliente n\x{e3}o autenticado",
    detail => "Certificado de cliente de emissor n\x{e3}o aceito." } ] },
    'refusal: the body');

done_testing();


sub accepted {
    my ($name, %args) = @_;

    my $r = $o->call(GET => $path, token => undef, %args);

    is("$r->{status} " . code($r), '401 UNAUTHORIZED', "$name: accepted");
}


# the reason is a label of oof_certificates_refused_total; undef: refused
# before our check

sub refused {
    my ($name, $reason, %args) = @_;

    my $before = total($reason);
    my $r = $o->call(GET => $path, token => undef, %args);

    is("$r->{status} " . code($r), '401 INVALID_CLIENT', "$name: refused");
    schema_ok('consents-v3 GET /consents/{consentId}', $r,
              "$name: a regulated answer");
    is(total($reason) - $before, 1, "$name: counted as $reason")
        if defined $reason;
}


sub code { $_[0]{json}{errors}[0]{code} // 'none' }


sub total {
    my ($reason) = @_;

    return defined $reason
           ? $o->metric('oof_certificates_refused_total', reason => $reason)
           : 0;
}
