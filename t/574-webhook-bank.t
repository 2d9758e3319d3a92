#!/usr/bin/perl

# Copyright (C) oof authors

# The bank's own webhook: of which consents it is told, when, and what; the
# switch that the management API has for each of them.  Third parties are told
# nothing of consents to share data (spec 4).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof;
use Test::Oof::Bank qw/ bank_side ask in_state due_now /;
use Test::Oof::Hooks;
use Test::Oof::Http;
use Test::Oof::Journey qw/ $Ana $Bruno /;
use Time::HiRes qw/ sleep /;

my $tpp = receiver();
my $bank = Test::Oof::Http->start;
$bank->answer('/told', status => 200);

my $o = bank_side(
    leases => 1, server => 'oof_webhooks main;',
    http => webhooks(bank_url => $bank->url('/told'),
                     retry => '200ms 200ms'));

uris(one => $tpp);


sub toggle {
    my ($id, $on) = @_;

    my $r = ask($o, 'PATCH', '/v1/webhook/toggle/{consentId}', id => $id,
                json => { active => $on ? JSON::PP::true()
                                        : JSON::PP::false() });

    is($r->{status}, 204, 'the switch');
}

sub told_of { grep { decoded($_->{body})->{data}{consentId} =~ /$_[0]$/ }
                   $bank->calls('/told') }

sub wait_told { my ($id) = @_;
                wait_for(sub { told_of($id) }, 15, 'the bank to be told');
                return told_of($id) }

# its end has been written

sub settled {
    my ($id) = @_;

    wait_for(sub { (psql('SELECT version FROM oof_consent WHERE consent_id ='
                         . " '$id'"))[0][0] > 1 }, 15, 'the sweep');
}


# --- nobody has authorised it in time

my ($on, $off, $unsaid) = map { in_state($o, 'AWAITING_AUTHORISATION',
                                         cpf => $Ana) } 1 .. 3;
toggle($on, 1);
toggle($off, 1);
toggle($off, 0);
due_now($_, 1) for $off, $unsaid, $on;

my ($call) = wait_told($on);
my ($row) = psql('SELECT to_char(status_update AT TIME ZONE \'UTC\','
                 . ' \'YYYY-MM-DD"T"HH24:MI:SS"Z"\') FROM oof_consent'
                 . " WHERE consent_id = '$on'");

is_deeply(decoded($call->{body}), { data => {
    consentVersion => 3,
    eventType => 'CONSENT_AUTHORIZATION_EXPIRED',
    message => decoded('"O cliente n\u00e3o autorizou o consentimento no'
                       . ' prazo."'),
    status => 'REJECTED',
    updateStatusTimestamp => $row->[0],
    consentId => "urn:bank:$on",
    brandId => 'bank',
} }, 'what it is told');
like($call->{headers}{'x-webhook-interaction-id'}, qr/^@{[ uuid_re() ]}$/,
     'with an interaction id');
is($call->{headers}{'content-type'}, 'application/json', 'as JSON');

settled($_) for $off, $unsaid;

my $revoked = in_state($o, 'AUTHORISED', cpf => $Ana);
toggle($revoked, 1);
$o->call(DELETE => "$Test::Oof::Api/consents/urn:bank:$revoked");
settled($revoked);
sleep 1;
is(scalar(() = told_of($off)), 0, 'not of one that was switched off');
is(scalar(() = told_of($unsaid)), 0, 'nor of one of which nothing was said');
is(scalar(() = told_of($revoked)), 0, 'nor of one that was revoked');
is(scalar(() = told_of($on)), 1, 'once');
is(scalar(() = $tpp->calls), 0, 'third parties are told nothing');

my $list = listed($o, $on)->{json}{data};
is(scalar @$list, 1, 'the list has it');
is(join(' ', @{ $list->[0] }{qw/ receiver status eventType url /}),
   'BANK DELIVERED oof.consent.rejected ' . $bank->url('/told'),
   'as the bank\'s');


# --- three attempts for it too

$bank->answer('/told', status => 500);
$on = in_state($o, 'AWAITING_AUTHORISATION', cpf => $Ana);
toggle($on, 1);
due_now($on, 1);
wait_for(sub { told_of($on) == 3 }, 15, 'three attempts');
sleep 0.6;
is(scalar(() = told_of($on)), 3, 'three attempts and no more');
$bank->answer('/told', status => 200);


# --- it ends soon

sub ends { psql("UPDATE oof_consent SET expiration = now() + interval '$_[1]'"
                . " WHERE consent_id = '$_[0]'") }

# who takes the lease looks at once, and then each minute

sub look_again {
    my $epoch = epoch();

    $o->reload;
    wait_for(sub { epoch() > $epoch }, 10, 'the lease');
    sleep 2;
}

sub epoch { (psql("SELECT epoch FROM oof_lease WHERE name = 'webhooks'"))
                [0][0] }

my ($soon, $later, $silent) = map { in_state($o, 'AUTHORISED', cpf => $Bruno) }
                                  1 .. 3;
ends($soon, '23 hours');
ends($later, '25 hours');
ends($silent, '23 hours');
toggle($_, 1) for $soon, $later;
look_again();

($call) = wait_told($soon);
is_deeply([ @{ decoded($call->{body})->{data} }{qw/ consentVersion eventType
              status consentId brandId /} ],
          [ 3, 'CONSENT_AUTHORIZATION_ABOUT_TO_EXPIRE', 'AUTHORISED',
            "urn:bank:$soon", 'bank' ], 'a consent that ends within a day');
is(scalar(() = told_of($later)), 0, 'not yet of one that ends later');
is(scalar(() = told_of($silent)), 0, 'nor of one whose switch is off');

look_again();
is(scalar(() = told_of($soon)), 1, 'told once');

ends($soon, '22 hours');
look_again();
wait_for(sub { told_of($soon) == 2 }, 10, 'the new end');
pass('and once for another end');


# --- consents to pay

my %wanted = (
    AUTHORISED => 'CONSENT_AUTHORIZATION_NOT_COMPLETED',
    AWAITING_AUTHORISATION => 'CONSENT_AUTHORIZATION_EXPIRED',
);

for my $status (sort keys %wanted) {
    my $id = new_uuid();
    my $code = $status eq 'AUTHORISED' ? 'TEMPO_EXPIRADO_CONSUMO'
                                       : 'TEMPO_EXPIRADO_AUTORIZACAO';

    psql('INSERT INTO oof_payment_consent (consent_id, organisation_id,'
         . ' creation, status_update, expiration, stamp, amount, version, api,'
         . ' payments, first_day, brand, client_id, status, personal,'
         . " cpf_hmac) VALUES ('$id',"
         . " '$Test::Oof::Clients{one}{organisation_id}', now(), now(), now(),"
         . " now(), 1, 2, 5, 1, 0, 'bank', 'client-one', 'REJECTED', '', '')");
    psql('INSERT INTO oof_consent_webhook (consent_id, changed, brand, active)'
         . " VALUES ('$id', now(), 'bank', true)");
    psql('INSERT INTO oof_event (id, type, brand, key, version, time, stamp,'
         . ' data) VALUES (gen_random_uuid(), \'oof.payment_consent.rejected\','
         . " 'bank', '$id', 2, now(), now(), '" . json({
             consentId => "urn:bank:$id", status => 'REJECTED',
             previousStatus => $status, rejectionReason => { code => $code } })
         . "')");

    ($call) = wait_told($id);
    my $data = decoded($call->{body})->{data};

    is($data->{eventType}, $wanted{$status}, "a consent to pay: $status");
    is($data->{consentVersion}, 5, 'the version of its API');
}

$o->stop;

done_testing();
