#!/usr/bin/perl

# Copyright (C) oof authors

# Consents to pay that several must agree to: who they are is the core's word
# on the account; each agrees once, all of them authorise it, one refusal rejects
# it, and nobody else has a say (spec 2.9, 2.12; spec 7, 39).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Bank;
use Test::Oof::Payments;
use Test::Oof::Settle ();

Test::Oof::Settle->import(qw/ settlement pay_consent errors_of /);

my ($Carla, $Davi, $Ana) = qw/ 39053344705 86413425750 76109277673 /;
my $joint = { %$Test::Oof::Settle::Account, number => '40000013' };

my ($o, $core) = settlement(
    core => [ '--step', 20 ], core_conf => 'timeout 1s; breaker off;',
    workers => 2,
    management_server => "location $Bank/ { oof_api consent-management v1; }");

$o->allow(qr/core "main" failed at/);

sub joint {
    my (%with) = @_;

    my $version = delete $with{version} // 5;
    $with{purpose} = undef if $version == 4;

    my $body = payment_consent(
        '+loggedUser' => { document => { identification => $Carla,
                                         rel => 'CPF' } }, %with);
    my $uuid = consent_uuid(pay($o, POST => '/consents', $body,
                                version => $version));

    return { uuid => $uuid, urn => "urn:bank:$uuid", body => $body,
             version => $version };
}

sub says {
    my ($c, $cpf, $decision, %data) = @_;

    my $r = journey($o, POST => $c->{uuid}, json => { data => {
        decision => $decision, debtorAccount => $joint,
        defined $cpf ? (customer => { cpf => $cpf }) : (), %data } });

    return join ' ', $r->{status}, $r->{json}{data}{status}
                                   // errors_of($r);
}

sub status { pay($o, GET => "/consents/$_[0]{urn}",
                 version => $_[0]{version})->{json}{data}{status} }

sub approvers {
    return join ' ', map { $_->[0] } psql(
        'SELECT (agreed IS NOT NULL)::int FROM oof_payment_approver'
        . " WHERE consent_id = '$_[0]{uuid}' ORDER BY agreed NULLS LAST");
}

# somebody who never agrees

sub third {
    psql('INSERT INTO oof_payment_approver (consent_id, cpf_hmac, personal)'
         . " VALUES ('$_[0]{uuid}', '\\x00', '\\x00')");
}


# --- both

for my $version (4, 5) {
    my $c = joint(version => $version);

    is(says($c, $Carla, 'PARTIAL'), '200 PARTIALLY_ACCEPTED',
       "spec 2.9: v$version: one has agreed");
    is(approvers($c), '1 0', "v$version: the core names two");
    is(says($c, $Ana, 'AUTHORISE'), '403 CPF_MISMATCH',
       "v$version: who is none of them does not agree");
    is(says($c, $Ana, 'REJECT'), '403 CPF_MISMATCH',
       "v$version: who is none of them does not refuse");
    is(says($c, $Carla, 'AUTHORISE'), '409 PARTIALLY_ACCEPTED',
       "v$version: nobody agrees twice");
    is(status($c), 'PARTIALLY_ACCEPTED', "v$version: it waits");

    my $people = ask($o, GET => '/v1/consents/{consentId}', id => $c->{uuid})
                 ->{json}{data}{authorizations};

    is_deeply([ map { [ @$_{qw/ personDocumentNumber status /} ] } @$people ],
              [ [ $Carla, 'PARTIALLY_ACCEPTED' ],
                [ $Davi, 'AWAITING_AUTHORISATION' ] ],
              "v$version: the bank sees who must agree");
    is($people->[1]{personName}, 'Davi Rocha', "v$version: by name");

    is(says($c, $Davi, 'AUTHORISE'), '200 AUTHORISED',
       "spec 2.9: v$version: all have agreed");
    is(approvers($c), '1 1', "v$version: both");
    is(pay_consent($o, $c)->{status}, 201, "v$version: it is used");
}


# --- one refuses

my $c = joint();
says($c, $Carla, 'PARTIAL');
is(says($c, $Davi, 'REJECT'), '200 REJECTED', 'spec 2.9: one refuses');
is(says($c, $Davi, 'AUTHORISE'), '409 REJECTED', 'it is over');
is(pay($o, GET => "/consents/$c->{urn}")->{json}{data}{rejectionReason}{code},
   'REJEITADO_USUARIO', 'spec 2.12: why');

$c = joint();
says($c, $Carla, 'PARTIAL');
is(says($c, $Carla, 'REJECT'), '200 REJECTED', 'who has agreed may refuse');

$c = joint();
says($c, $Carla, 'PARTIAL');
is(says($c, undef, 'REJECT', reason => { code => 'SALDO_INSUFICIENTE' }),
   '200 REJECTED', 'the bank refuses, for nobody');


# --- three: all of them, whoever is last

$c = joint();
says($c, $Carla, 'PARTIAL');
third($c);
is(says($c, $Davi, 'AUTHORISE'), '200 PARTIALLY_ACCEPTED',
   'spec 2.9: two of three');
is(status($c), 'PARTIALLY_ACCEPTED', 'two of three: it waits');
is(join(' ', map { $_->{data}{status} } events("key = '$c->{uuid}'")),
   'AWAITING_AUTHORISATION PARTIALLY_ACCEPTED PARTIALLY_ACCEPTED',
   'two of three: each is an event');
is((psql("SELECT version FROM oof_payment_consent WHERE consent_id ="
         . " '$c->{uuid}'"))[0][0], 3, 'two of three: each is a version');
is(says($c, $Davi, 'AUTHORISE'), '409 PARTIALLY_ACCEPTED', 'not twice');

# two at the same moment: each sees the other

for (1 .. 5) {
    my $c = joint();
    says($c, $Carla, 'PARTIAL');
    psql("UPDATE oof_payment_approver SET agreed = NULL WHERE consent_id ="
         . " '$c->{uuid}'");

    my @pids;

    for my $cpf ($Carla, $Davi) {
        my $pid = fork // die;

        if ($pid == 0) {
            $Test::Builder::Test->no_ending(1) if $Test::Builder::Test;
            says($c, $cpf, 'AUTHORISE');
            POSIX::_exit(0);
        }

        push @pids, $pid;
    }

    waitpid $_, 0 for @pids;
    is(status($c), 'AUTHORISED', 'two at once: all have agreed');
}


# --- the core has no word, or names one alone

$c = joint();
$core->faults({ mode => 'error', path => '/account-discovery', times => 1 });
is(says($c, $Carla, 'PARTIAL'), '503 SERVICE_UNAVAILABLE',
   'no word of the core: nothing is decided') ;
is(status($c), 'AWAITING_AUTHORISATION', 'no word of the core: it waits');
$core->faults;
is(says($c, $Carla, 'PARTIAL'), '200 PARTIALLY_ACCEPTED', 'and again');

my $body = payment_consent('+loggedUser' => { document => {
    identification => $Ana, rel => 'CPF' } });
my $uuid = consent_uuid(pay($o, POST => '/consents', $body));
my $alone = { uuid => $uuid, urn => "urn:bank:$uuid", version => 5 };
my @account = (debtorAccount => $Test::Oof::Settle::Account);

is(says($alone, $Ana, 'PARTIAL', @account), '200 PARTIALLY_ACCEPTED',
   'the core names one alone');
is(approvers($alone), '', 'nobody is named');
is(says($alone, $Davi, 'AUTHORISE', @account), '200 AUTHORISED',
   'it is the bank\'s word');


# --- the deadline

$c = joint();
says($c, $Carla, 'PARTIAL');
psql("UPDATE oof_payment_consent SET expiration = now() - interval '1 s'"
     . " WHERE consent_id = '$c->{uuid}'");
is(says($c, $Davi, 'AUTHORISE'), '409 REJECTED',
   'spec 2.9: too late for the last one');
is(pay($o, GET => "/consents/$c->{urn}")->{json}{data}{rejectionReason}{code},
   'TEMPO_EXPIRADO_AUTORIZACAO', 'spec 2.12: too late');

done_testing();
