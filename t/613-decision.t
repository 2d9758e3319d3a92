#!/usr/bin/perl

# Copyright (C) oof authors

# The decision: what is stored with it, which resources it may name, what a
# body may be, and what is answered when it comes late.  Spec 1.4, 1.5;
# spec 7, 10, 25.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Journey;

my $o = journey();
my ($id, $r, %of);

sub said { join ' ', $_[0]{status}, map { $_->{code} }
                                    @{ $_[0]{json}{errors} || [] } }

sub short { $_[0] =~ s/^urn:bank://r }

sub history {
    return join ' ', map { join ':', map { $_ // '' } @$_ }
        psql('SELECT version, status, rejected_by, reason_code, actor FROM'
             . " oof_consent_history WHERE consent_id = '" . short($_[0])
             . "' ORDER BY version");
}

sub status_of { ($o->call(GET => "$Test::Oof::Api/consents/$_[0]")
                 ->{json}{data}) }


# ids by legacy ids, of everything that two customers have

for (show($o, new_consent($o, groups => [ qw/ accounts cards / ])),
     show($o, new_consent($o, cpf => $Bruno)))
{
    $of{$_->{legacyId}[0]{value}} = $_->{resourceId}
        for @{ $_->{json}{data}{resources} };
}


# --- authorised

$id = new_consent($o, groups => [ qw/ accounts cards / ]);
$r = decide($o, $id, 'AUTHORISE', cpf => $Ana, more => 'ignored', resources => [
    { resourceId => $of{10000029}, type => 'ACCOUNT' },
    { resourceId => $of{5100001}, status => 'TEMPORARILY_UNAVAILABLE' } ]);
is($r->{status}, 200, 'authorised: status') or diag($r->{body});
is_deeply([ sort keys %{ $r->{json}{data} } ],
          [ qw/ consentId id resources status statusUpdateDateTime / ],
          'authorised: members');
is($r->{json}{data}{status}, 'AUTHORISED', 'authorised: state');
is(join(' ', map { "$_->{type} $_->{resourceId} $_->{status}"
                   . " $_->{legacyId}[0]{value}" }
             @{ $r->{json}{data}{resources} }),
   "ACCOUNT $of{10000029} AVAILABLE 10000029"
   . " CREDIT_CARD_ACCOUNT $of{5100001} TEMPORARILY_UNAVAILABLE 5100001",
   'authorised: what is shared');
is(history($id), '1:AWAITING_AUTHORISATION:::client 2:AUTHORISED:::customer',
   'authorised: history');

my @events = events("key = '" . short($id) . "'");
is(scalar @events, 2, 'authorised: an event more');
is_deeply([ @{ $events[1] }{qw/ type version brand /} ],
          [ 'oof.consent.authorised', 2, 'bank' ], 'authorised: its event');
is_deeply({ map { $_ => $events[1]{data}{$_} }
            qw/ consentId clientId organisationId status previousStatus / },
          { consentId => $id, clientId => 'client-one',
            organisationId => $Test::Oof::Clients{one}{organisation_id},
            status => 'AUTHORISED',
            previousStatus => 'AWAITING_AUTHORISATION' },
          'authorised: whose it is');
is((psql("SELECT h.event_id = e.id FROM oof_consent_history h JOIN oof_event e"
         . " ON e.key = h.consent_id AND e.version = h.version WHERE"
         . " h.consent_id = '" . short($id) . "' AND h.version = 2"))[0][0],
   't', 'authorised: history and event belong together');
is((psql("SELECT status_update FROM oof_consent WHERE consent_id = '"
         . short($id) . "'"))[0][0] =~ s/ /T/r =~ s/\+00$/Z/r,
   $r->{json}{data}{statusUpdateDateTime}, 'authorised: its time');

is_deeply([ map { $_->{resourceId} } @{ show($o, $id)->{json}{data}
                                        {resources} } ],
          [ $of{10000029}, $of{5100001} ], 'the screen shows what was chosen');

$r = decide($o, $id, 'AUTHORISE', cpf => $Ana);
is(said($r), '409 ESTADO_CONSENTIMENTO_INVALIDO', 'again: 409');
is($r->{json}{data}{status}, 'AUTHORISED', 'again: with the state');
is(said(decide($o, $id, 'REJECT', cpf => $Ana)),
   '409 ESTADO_CONSENTIMENTO_INVALIDO', 'nor is it refused any more');
is(said(decide($o, $id, 'AUTHORISE', cpf => $Bruno)),
   '409 ESTADO_CONSENTIMENTO_INVALIDO', 'nor by somebody else');

is(said(decide($o, new_uuid(), 'REJECT')), '404 NOT_FOUND', 'an unknown one');


# --- refused

$id = new_consent($o);
$r = decide($o, $id, 'REJECT', cpf => $Ana);
is($r->{status}, 200, 'refused: status') or diag($r->{body});
is_deeply($r->{json}{data}{rejection}, { rejectedBy => 'USER',
    reason => { code => 'CUSTOMER_MANUALLY_REJECTED' } }, 'refused: why');
is_deeply(status_of($id)->{rejection}, $r->{json}{data}{rejection},
          'refused: the third party sees it');
is(history($id), '1:AWAITING_AUTHORISATION:::client '
   . '2:REJECTED:USER:CUSTOMER_MANUALLY_REJECTED:customer',
   'refused: history');
is((events("key = '" . short($id) . "'"))[1]{type}, 'oof.consent.rejected',
   'refused: its event');

$id = new_consent($o);
$r = decide($o, $id, 'REJECT', reason => {
    code => 'INTERNAL_SECURITY_REASON', detail => 'suspeita de fraude' });
is_deeply($r->{json}{data}{rejection}, { rejectedBy => 'ASPSP', reason => {
    code => 'INTERNAL_SECURITY_REASON',
    additionalInformation => 'suspeita de fraude' } },
    'refused by the institution, whoever the customer is');
like(history($id), qr/ASPSP:INTERNAL_SECURITY_REASON:bank$/,
     'refused by the institution: history');
$id = new_consent($o);
is(decide($o, $id, 'REJECT', reason => { code => 'CONSENT_TECHNICAL_ISSUE' })
   ->{json}{data}{rejection}{reason}{code}, 'CONSENT_TECHNICAL_ISSUE',
   'a technical issue');


# --- late: spec 7, 23

$id = new_consent($o);
psql("UPDATE oof_consent SET authorise_until = now() - interval '1 s'"
     . " WHERE consent_id = '" . short($id) . "'");
$r = decide($o, $id, 'AUTHORISE', cpf => $Ana,
            resources => [ { resourceId => $of{10000011} } ]);
is(said($r), '409 ESTADO_CONSENTIMENTO_INVALIDO', 'late: 409');
is_deeply([ @{ $r->{json}{data} }{qw/ status consentId rejection /} ],
          [ 'REJECTED', $id, { rejectedBy => 'ASPSP',
            reason => { code => 'CONSENT_EXPIRED' } } ],
          'late: the state and why');
is((psql("SELECT count(*) FROM oof_consent_resource WHERE consent_id = '"
         . short($id) . "'"))[0][0], 0, 'late: nothing is stored');


# --- resources

sub refused {
    my ($want, $name, @resources) = @_;

    my $c = new_consent($o);
    is(said(decide($o, $c, 'AUTHORISE', cpf => $Ana,
                   resources => \@resources)), $want, $name);
    is(status_of($c)->{status}, 'AWAITING_AUTHORISATION', "$name: it awaits");
}

my @legacy = ({ key => 'account', value => '10000011' });

refused('422 RECURSO_DESCONHECIDO', 'an unknown id',
        { resourceId => $of{10000011} }, { resourceId => new_uuid() });
refused('422 RECURSO_DESCONHECIDO', 'another customer\'s account',
        { resourceId => $of{20000015}, type => 'ACCOUNT' });
refused('422 RECURSO_DESCONHECIDO', 'of another type',
        { resourceId => $of{10000011}, type => 'LOAN' });
refused('422 RECURSO_DESCONHECIDO', 'of another legacy id',
        { resourceId => $of{10000029}, legacyId => \@legacy });
refused('422 RECURSO_NAO_PERMITIDO', 'of a type without permission',
        { resourceId => $of{5100001} });
refused('400 PARAMETRO_INVALIDO', 'one twice',
        { resourceId => $of{10000011} }, { resourceId => uc $of{10000011} });
refused('400 PARAMETRO_INVALIDO', 'one twice, by both names',
        { resourceId => $of{10000011} },
        { type => 'ACCOUNT', legacyId => \@legacy });
refused('400 PARAMETRO_INVALIDO', 'one twice, by its legacy id',
        ({ type => 'ACCOUNT', legacyId => \@legacy }) x 2);
refused('400 PARAMETRO_NAO_INFORMADO', 'one without any id',
        { type => 'ACCOUNT' });
refused('400 PARAMETRO_NAO_INFORMADO', 'a legacy id without its type',
        { legacyId => \@legacy });

# by the core's own key: the bank vouches for it

$id = new_consent($o);
$r = decide($o, $id, 'AUTHORISE', cpf => $Ana, resources => [
    { type => 'ACCOUNT', legacyId => \@legacy },
    { type => 'ACCOUNT', legacyId => [
        { key => 'number', value => '777' }, { key => 'branch' } ] } ]);
is($r->{status}, 200, 'legacy ids: status') or diag($r->{body});
my %got = map { $_->{legacyId}[0]{key} => $_ }
          @{ $r->{json}{data}{resources} };
is($got{account}{resourceId}, $of{10000011}, 'a known one has its id');
my $made = $got{number}{resourceId};
like($made, qr/^[0-9a-f-]{36}$/, 'a new one gets one');
$id = new_consent($o);
is(decide($o, $id, 'AUTHORISE', cpf => $Ana, resources => [
       { type => 'ACCOUNT', legacyId => [
           { key => 'branch' }, { key => 'number', value => '777' } ] } ])
   ->{json}{data}{resources}[0]{resourceId}, $made,
   'the same for ever, in whatever order its pairs come');
$id = new_consent($o, cpf => $Bruno);
is(decide($o, $id, 'AUTHORISE', cpf => $Bruno, resources => [
       { resourceId => $of{10000011}, legacyId => \@legacy } ])->{status},
   200, 'id and legacy id that agree are enough, whosever it was');

$id = new_consent($o, groups => [ 'person' ]);
is(decide($o, $id, 'AUTHORISE', cpf => $Ana)->{status}, 200,
   'nothing to choose, nothing chosen');


# --- what a body may be

sub wrong {
    my ($want, $name, $body, @more) = @_;

    my $r = bank($o, 'POST', "$Authorise/$id", ref $body ? (json => $body)
                                                    : (body => $body), @more);
    is(said($r), $want, "body: $name") or diag($r->{body});
    is($r->{headers}{'content-type'}, 'application/json; charset=utf-8',
       "body: $name: media type");
}

$id = new_consent($o);
my %ok = (decision => 'AUTHORISE', customer => { cpf => $Ana });

wrong('400 BAD_REQUEST', 'empty', '');
wrong('400 BAD_REQUEST', 'no JSON', '{"data":');
wrong('400 BAD_REQUEST', 'an array', '[]');
wrong('400 BAD_REQUEST', 'a member twice', '{"data":{},"data":{}}');
wrong('400 BAD_REQUEST', 'depth', '{"data":' x 100 . '1' . '}' x 100);
wrong('415 UNSUPPORTED_MEDIA_TYPE', 'of another type', { data => \%ok },
      headers => { 'Content-Type' => 'text/plain' });
wrong('413 PAYLOAD_TOO_LARGE', 'too long',
      '{"data":"' . 'x' x 70000 . '"}');
wrong('400 PARAMETRO_NAO_INFORMADO', 'no data', {});
wrong('400 PARAMETRO_INVALIDO', 'data is text', { data => 'x' });
wrong('400 PARAMETRO_NAO_INFORMADO', 'no decision', { data => {
    customer => { cpf => $Ana } } });

for ([ 'PARAMETRO_INVALIDO', decision => 'ACCEPT' ],
     [ 'PARAMETRO_INVALIDO', decision => 1 ],
     [ 'PARAMETRO_NAO_INFORMADO', customer => undef ],
     [ 'PARAMETRO_NAO_INFORMADO', customer => {} ],
     [ 'PARAMETRO_INVALIDO', customer => { cpf => '1' } ],
     [ 'PARAMETRO_INVALIDO', customer => { cpf => 76109277673 } ],
     [ 'PARAMETRO_INVALIDO', customer => { cpf => $Ana, cnpj => 'x' } ],
     [ 'PARAMETRO_INVALIDO', resources => {} ],
     [ 'PARAMETRO_INVALIDO', resources => [ 'x' ] ],
     [ 'PARAMETRO_INVALIDO', resources => [ { resourceId => 'x' } ] ],
     [ 'PARAMETRO_INVALIDO', resources => [ { resourceId => new_uuid(),
                                              type => 'HOUSE' } ] ],
     [ 'PARAMETRO_INVALIDO', resources => [ { resourceId => new_uuid(),
                                              status => 'OPEN' } ] ],
     [ 'PARAMETRO_INVALIDO', resources => [ { type => 'ACCOUNT',
                                              legacyId => [] } ] ],
     [ 'PARAMETRO_INVALIDO', resources => [ { type => 'ACCOUNT',
         legacyId => [ map { { key => $_ } } 1 .. 11 ] } ] ],
     [ 'PARAMETRO_INVALIDO', resources => [ { type => 'ACCOUNT',
         legacyId => [ { key => 'k', value => 'x' x 256 } ] } ] ],
     [ 'PARAMETRO_INVALIDO', resources => [ { resourceId => new_uuid(),
         authorisers => [ { cpf => '1' } ] } ] ],
     [ 'PARAMETRO_INVALIDO', journey => { linkId => 'x' } ],
     [ 'PARAMETRO_NAO_INFORMADO', journey => {} ],
     [ 'PARAMETRO_INVALIDO', reason => {
         code => 'CUSTOMER_MANUALLY_REJECTED' } ])
{
    my ($code, $member, $value) = @$_;
    my %data = (%ok, $member => $value);
    delete $data{$member} if !defined $value;
    wrong("400 $code", $member, { data => \%data });
}

for ('CONSENT_EXPIRED', 'CUSTOMER_MANUALLY_REVOKED', 'x') {
    wrong('400 PARAMETRO_INVALIDO', "reason $_", { data => {
        decision => 'REJECT', reason => { code => $_ } } });
}

for (' x', "x ", 'x' x 141, '', "a\nb") {
    wrong('400 PARAMETRO_INVALIDO', 'reason in words', { data => {
        decision => 'REJECT', reason => { code => 'CONSENT_TECHNICAL_ISSUE',
                                          detail => $_ } } });
}

is(status_of($id)->{status}, 'AWAITING_AUTHORISATION', 'all that did nothing');
is(said(bank($o, 'PUT', "$Authorise/$id", json => {})),
   '405 METHOD_NOT_ALLOWED', 'PUT is not for it');
is(said(bank($o, 'POST', "$Authorise/$id", json => { data => \%ok },
             scope => 'oob_consents:write')), '403 FORBIDDEN',
   'nor another scope');

# a bank without a core

my $alone = journey(core => undef);
$id = new_consent($alone, groups => [ qw/ accounts credit / ]);
is_deeply([ @{ show($alone, $id)->{json}{data} }{qw/ resources
                                                     failingResources /} ],
          [ [], [ 'ACCOUNT' ] ], 'without a core nothing is found');
is(decide($alone, $id, 'AUTHORISE', cpf => $Ana, resources => [
       { type => 'ACCOUNT', legacyId => \@legacy } ])->{status}, 200,
   'and the channel names what is shared');
is(pages_of(resources($alone, $id)) =~ /^200 1 / ? 1 : 0, 1,
   'which is all there is');

done_testing();
