#!/usr/bin/perl

# Copyright (C) oof authors

# Resources that several people must agree to: pending until all have, gone
# when one refuses.  Spec 1.5, 1.7 (renewal), 1.11.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Journey;

my $o = journey();
my ($id, $r, $d);

sub said { join ' ', $_[0]{status}, map { $_->{code} }
                                    @{ $_[0]{json}{errors} || [] } }

sub short { $_[0] =~ s/^urn:bank://r }

sub listed {
    return join ' ', map { $_->{status} }
                     @{ resources($o, $_[0])->{json}{data} };
}

sub agreed {
    my ($r) = @_;

    return join ' ', $r->{status}, $r->{json}{data}{status},
        map { my $one = $_; ($one->{status}, map { "$_->{name}=$_->{status}" }
                                             @{ $one->{authorisers} || [] }) }
        @{ $r->{json}{data}{resources} };
}

sub joint { authorised($o, cpf => $Carla) }


# the core tells who must agree; the channel need not repeat it

$id = new_consent($o, cpf => $Carla);
$d = show($o, $id)->{json}{data}{resources}[0];
is_deeply($d->{authorisers}, [ { cpf => $Carla, name => 'Carla Dias' },
    { cpf => $Davi, name => 'Davi Rocha' } ], 'the screen tells who');

$r = decide($o, $id, 'AUTHORISE', cpf => $Carla,
            resources => [ { resourceId => $d->{resourceId} } ]);
is(agreed($r), '200 AUTHORISED PENDING_AUTHORISATION Carla Dias=AUTHORISED'
   . ' Davi Rocha=PENDING', 'one has agreed');
is(listed($id), 'PENDING_AUTHORISATION', 'one has agreed: the list');
is((psql("SELECT multiple FROM oof_consent WHERE consent_id = '" . short($id)
         . "'"))[0][0], 't', 'one has agreed: several must');
is($o->call(GET => "$Test::Oof::Api/consents/$id")->{json}{data}{status},
   'AUTHORISED', 'the consent itself is authorised');

# who may see it, and decide

is(show($o, $id, customer => $Davi)->{status}, 200, 'the other one sees it');
is(said(show($o, $id, customer => $Ana)), '404 NOT_FOUND', 'nobody else');
is(said(decide($o, $id, 'AUTHORISE', cpf => $Ana)),
   '409 ESTADO_CONSENTIMENTO_INVALIDO', 'who has no say');
is(said(decide($o, $id, 'AUTHORISE', cpf => $Carla)),
   '409 ESTADO_CONSENTIMENTO_INVALIDO', 'who has said it already');
is(said(decide($o, $id, 'AUTHORISE', cpf => $Davi, resources => [
       { resourceId => new_uuid() } ])),
   '409 ESTADO_CONSENTIMENTO_INVALIDO', 'another resource waits for nobody');

my @before = events("key = '" . short($id) . "'");
$r = decide($o, $id, 'AUTHORISE', cpf => $Davi,
            call => { customer => $Davi });
is(agreed($r), '200 AUTHORISED AVAILABLE Carla Dias=AUTHORISED'
   . ' Davi Rocha=AUTHORISED', 'all have agreed');
is(listed($id), 'AVAILABLE', 'all have agreed: the list');

my @events = events("key = '" . short($id) . "'");
is(scalar @events, @before + 1, 'an event');
is_deeply([ @{ $events[-1] }{qw/ type version /}, $events[-1]{data}{status} ],
          [ 'oof.consent.resources', 3, 'AUTHORISED' ], 'and which');
is(join(' ', map { "@$_" } psql('SELECT version, status, actor FROM'
   . " oof_consent_history WHERE consent_id = '" . short($id)
   . "' AND version = 3")), '3 AUTHORISED approver', 'its history');
is(said(decide($o, $id, 'REJECT', cpf => $Davi)),
   '409 ESTADO_CONSENTIMENTO_INVALIDO', 'a word is a word');

# refused by one

$id = joint();
$r = decide($o, $id, 'REJECT', cpf => $Davi);
is(agreed($r), '200 AUTHORISED UNAVAILABLE Carla Dias=AUTHORISED'
   . ' Davi Rocha=REJECTED', 'one refuses: the resource is gone');
is(listed($id), 'UNAVAILABLE', 'one refuses: the list');

# several, by the channel's word

my @three = ({ cpf => $Ana, name => 'A' }, { cpf => $Bruno, name => 'B' },
             { cpf => $Davi, name => 'D' });
$id = new_consent($o);
my @offered = account_ids($o, $id);
decide($o, $id, 'AUTHORISE', cpf => $Ana, resources => [
    { %{ $offered[0] }, authorisers => \@three },
    { %{ $offered[1] }, authorisers => [ @three[0, 1] ] } ]);
is(listed($id), 'PENDING_AUTHORISATION PENDING_AUTHORISATION', 'of three');
decide($o, $id, 'AUTHORISE', cpf => $Davi);
is(listed($id), 'PENDING_AUTHORISATION PENDING_AUTHORISATION', 'two');
decide($o, $id, 'AUTHORISE', cpf => $Bruno,
       resources => [ { resourceId => $offered[0]{resourceId} } ]);
my %now = map { $_->{resourceId} => $_->{status} }
          @{ resources($o, $id)->{json}{data} };
is_deeply(\%now, { $offered[0]{resourceId} => 'AVAILABLE',
                   $offered[1]{resourceId} => 'PENDING_AUTHORISATION' },
          'all three for one resource');
decide($o, $id, 'REJECT', cpf => $Bruno);
%now = map { $_->{resourceId} => $_->{status} }
       @{ resources($o, $id)->{json}{data} };
is_deeply(\%now, { $offered[0]{resourceId} => 'AVAILABLE',
                   $offered[1]{resourceId} => 'UNAVAILABLE' },
          'each resource for itself');

# an agreement after a refusal brings nothing back

$id = new_consent($o);
decide($o, $id, 'AUTHORISE', cpf => $Ana, resources => [
    { %{ $offered[0] }, authorisers => \@three } ]);
decide($o, $id, 'REJECT', cpf => $Bruno);
is((decide($o, $id, 'AUTHORISE', cpf => $Davi))->{json}{data}{resources}[0]
   {status}, 'UNAVAILABLE', 'an agreement after a refusal: it stays gone');

# the bank's word does not agree for people, but may end it

$id = joint();
$o->{core}->control(resources => { type => 'ACCOUNT', number => '40000013',
                                   status => 'TEMPORARILY_UNAVAILABLE' });
show($o, new_consent($o, cpf => $Carla));
is(listed($id), 'PENDING_AUTHORISATION', 'blocked meanwhile: it waits');
decide($o, $id, 'AUTHORISE', cpf => $Davi);
is(listed($id), 'TEMPORARILY_UNAVAILABLE', 'then it is as the bank has said');
$o->{core}->control(resources => { type => 'ACCOUNT', number => '40000013',
                                   status => 'AVAILABLE' });
show($o, new_consent($o, cpf => $Carla));
is(listed($id), 'AVAILABLE', 'and free again');

# partial: others agree elsewhere, the bank tells the end

$id = new_consent($o);
$r = decide($o, $id, 'PARTIAL', cpf => $Ana, resources => [ $offered[0] ]);
is(agreed($r), '200 AUTHORISED PENDING_AUTHORISATION', 'partial');
$o->{core}->control(resources => { type => 'ACCOUNT', number => '10000011',
                                   status => 'TEMPORARILY_UNAVAILABLE' });
show($o, new_consent($o));
isnt(listed($id), 'PENDING_AUTHORISATION', 'partial: the bank tells the end');
$o->{core}->control(resources => { type => 'ACCOUNT', number => '10000011',
                                   status => 'AVAILABLE' });
show($o, new_consent($o));

# a consent that is over needs nobody's agreement

$id = joint();
$o->call(DELETE => "$Test::Oof::Api/consents/$id");
is(said(decide($o, $id, 'AUTHORISE', cpf => $Davi)),
   '409 ESTADO_CONSENTIMENTO_INVALIDO', 'revoked meanwhile');

# the other one's name and CPF are sealed

my $rows = join ' ', map { join ' ', @$_ }
    psql("SELECT encode(personal, 'escape'), encode(cpf_hmac, 'escape')"
         . ' FROM oof_consent_approver'),
    psql("SELECT encode(approvers, 'escape') FROM oof_resource WHERE"
         . ' approvers IS NOT NULL');
unlike($rows, qr/Carla|Davi|$Davi|$Carla/, 'nothing personal is in the clear');
unlike($o->log_text . $o->access_text, qr/Davi|$Davi|$Carla/, 'nor in a log');

done_testing();
