#!/usr/bin/perl

# Copyright (C) oof authors

# Which transitions are told to webhooks, on which path, to whom (spec 4.1 to
# 4.4; spec 7, 44): payments and consents to pay of both versions, from the
# call that changes them to the third party.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Hooks;
use Test::Oof::Payments;
use Test::Oof::Settle;
use Time::HiRes qw/ sleep /;

my $tpp = receiver();
my $other = receiver();
my ($o, $core) = settlement(
    http => webhooks(retry => '300ms 300ms'), server => 'oof_webhooks main;');

uris(one => $tpp);

my $cpf = $Test::Oof::Settle::Cpf;
my $account = $Test::Oof::Settle::Account;
my @wanted;


sub want { push @wanted, map { "v5 $_" } @_ }


# all that has come is what is wanted, whatever the order

sub told_all {
    my ($name) = @_;

    eval { wait_for(sub { told($tpp) >= @wanted }, 15, 'the calls') };
    sleep 0.4;
    is_deeply([ sort(told($tpp)) ], [ sort @wanted ], $name);
}

sub decide {
    my ($uuid, %data) = @_;

    my %all = (customer => { cpf => $cpf }, debtorAccount => $account, %data);

    delete $all{$_} for grep { !defined $all{$_} } keys %all;

    my $r = journey($o, POST => $uuid, json => { data => \%all });

    return $r->{json}{data}{status} // $r->{body};
}

sub awaiting {
    my (%with) = @_;

    return consent_uuid(pay($o, POST => '/consents', payment_consent(
        '+loggedUser' => { document => { identification => $cpf,
                                         rel => 'CPF' } }, %with)));
}

sub time_of {
    my ($id) = @_;

    my @calls = grep { $_->{path} =~ /\Q$id\E$/ } $tpp->calls;

    return decoded($calls[-1]{body})->{data}{timestamp};
}


# --- a payment that is settled

my $c = authorised($o, amount => '10.00');
my $r = pay_consent($o, $c);
my ($id) = payment_ids($r);
comes_to($o, $id, 'ACSC');
want("consents $c->{urn}", "pix/payments $id");
told_all('a payment: consumed, settled');

is(time_of($id), Test::Oof::Settle::get_payment($o, $id)->{json}{data}{statusUpdateDateTime},
   'the timestamp is the event\'s');
is(time_of($c->{urn}), pay($o, GET => "/consents/$c->{urn}")
                           ->{json}{data}{statusUpdateDateTime},
   'of the consent too');

my $settled = $c;

# on the path of the version that made it

$c = authorised($o, amount => '10.00', version => 4);
$r = pay_consent($o, $c, version => 4);
($id) = payment_ids($r);
push @wanted, "v4 consents $c->{urn}", "v4 pix/payments $id";
told_all('version 4');

# scheduled, then cancelled: the same path twice

$c = authorised($o, date => undef, purpose => 'SINGLE_SCHEDULED',
                schedule => { single => { date => day_of(1) },
                              additionalInformation => 'uma vez' });
$r = pay_consent($o, $c, items => [ pay_item($c, endToEndId =>
         end_to_end(day_of(1) =~ s/-//gr . '1500')) ]);
($id) = payment_ids($r);
want("consents $c->{urn}", "pix/payments $id");
told_all('scheduled');

$r = pay($o, PATCH => "/pix/payments/$id", { data => {
    status => 'CANC', cancellation => { cancelledBy => { document => {
        identification => $cpf, rel => 'CPF' } } } } });
is($r->{status}, 200, 'a cancellation') or diag($r->{text});
want("pix/payments $id");
told_all('cancelled');

# held, rejected

for my $amount ('12345.00', '20201.01') {
    $c = authorised($o, amount => $amount);
    $r = pay_consent($o, $c);
    ($id) = payment_ids($r);
    want("consents $c->{urn}", "pix/payments $id");
    told_all("a payment of $amount");
}


# --- consents

my $uuid = awaiting();
is(decide($uuid, decision => 'REJECT', debtorAccount => undef), 'REJECTED',
   'refused');
want("consents urn:bank:$uuid");

$uuid = awaiting();
is(decide($uuid, decision => 'AUTHORISE'), 'AUTHORISED', 'authorised at once');

$uuid = awaiting();
is(decide($uuid, decision => 'PARTIAL'), 'PARTIALLY_ACCEPTED', 'one of two');
told_all('refused; not: created, authorised at once, accepted by one of two');

is(decide($uuid, decision => 'AUTHORISE', customer => {
       cpf => '11144477735' }), 'AUTHORISED', 'the other');
want("consents urn:bank:$uuid");
told_all('authorised by all');

$uuid = awaiting();
psql("UPDATE oof_payment_consent SET expiration = date_trunc('second',"
     . " now()) - interval '1 s' WHERE consent_id = '$uuid'");
want("consents urn:bank:$uuid");
told_all('not authorised in time');
is(time_of($uuid), pay($o, GET => "/consents/urn:bank:$uuid")
                       ->{json}{data}{statusUpdateDateTime},
   'the timestamp is that of its end');


# --- each call as the regulation says

is(join("\n", map { specified($_) } $tpp->calls), '', 'as specified');

my %seen;
$seen{$_->{headers}{'x-webhook-interaction-id'}}++ for $tpp->calls;
is(scalar keys %seen, scalar @wanted, 'interaction ids are never the same');
is((psql('SELECT count(*) FROM oof_webhook WHERE attempt <> 1'
         . " OR state <> 'delivered'"))[0][0], 0, 'one attempt was enough');


# --- whose webhook it is, and where

sub settled {
    my (%with) = @_;

    my $c = authorised($o, amount => '10.00', %with);
    my ($id) = payment_ids(pay_consent($o, $c));

    comes_to($o, $id, 'ACSC');
    return ("v5 consents $c->{urn}", "v5 pix/payments $id");
}

$tpp->forget_calls;
@wanted = ();

psql("UPDATE oof_client SET status = 'BLOCKED' WHERE client_id ="
     . ' \'client-two\'');
uris(two => $other);
uris(one => $tpp, $other);
push @wanted, settled();
told_all('two URIs: the first');
is_deeply([ sort(told($other)) ], [ sort @wanted ], 'two URIs: the second');

$other->forget_calls;
uris(one => $other);
my @moved = settled();
eval { wait_for(sub { told($other) >= 2 }, 15, 'the calls') };
is_deeply([ sort(told($other)) ], [ sort @moved ],
          'another URI: from the next event on');
told_all('another URI: the old one is told nothing');

# the second attempt goes where the first one went

$tpp->answer('*', status => 500);
uris(one => $tpp);
@moved = settled();
wait_for(sub { told($tpp) >= @wanted + 2 }, 15, 'the first attempts');
uris(one => $other);
$tpp->answer('*', status => 202);
$other->forget_calls;
wait_for(sub { (psql("SELECT count(*) FROM oof_webhook WHERE state ="
                     . " 'waiting' OR state = 'sent'"))[0][0] == 0 }, 15,
         'the others');
is(scalar(() = told($other)), 0, 'a registration that changes later');

# a client that is blocked, one that has none

$tpp->forget_calls;
uris(one => ());
settled();
psql("UPDATE oof_client SET status = 'BLOCKED', webhook_uris ="
     . " '{@{[ $tpp->url('/base') ]}}' WHERE client_id = 'client-one'");
psql('UPDATE oof_payment_consent SET expiration = now()'
     . " WHERE status = 'AUTHORISED'");
wait_for(sub { (psql("SELECT count(*) FROM oof_payment_consent WHERE status ="
                     . " 'AUTHORISED'"))[0][0] == 0 }, 15, 'the sweep');
sleep 1;
is(scalar(() = told($_)), 0, 'no registration, or a blocked one: no call')
    for $tpp, $other;


# --- what operators see

my $list = listed($o, $settled->{urn});
is($list->{status}, 200, 'the list of a consent') or diag($list->{body});
is_deeply(listed($o, $settled->{uuid})->{json}{data}, $list->{json}{data},
          'by the internal id too');

my ($paid, $used) = @{ $list->{json}{data} };
my ($attempt) = @{ $paid->{attempts} };

is(scalar @{ $list->{json}{data} }, 2, 'both calls');
is($paid->{eventType}, 'oof.payment.settled', 'the newest first');
is($used->{eventType}, 'oof.payment_consent.consumed', 'the other');
is(join(' ', sort keys %$paid),
   'attempts eventId eventType receiver status timestamp url', 'members');
is(join(' ', @{$paid}{qw/ receiver status /}), 'TPP DELIVERED', 'delivered');
like($paid->{url}, qr{^https://127.0.0.1:\d+/base/open-banking/webhook/v1/},
     'where');
is(join(' ', sort keys %$attempt),
   'httpStatus interactionId milliseconds number startDateTime', 'an attempt');
is(join(' ', @{$attempt}{qw/ number httpStatus /}), '1 202', 'the first');
is($list->{json}{meta}{totalRecords}, 2, 'meta');
is($list->{json}{links}{self}, "$Test::Oof::BaseUrl/oof/v1/webhooks/"
   . "$settled->{urn}?page=1&page-size=25", 'links');

my ($failed) = psql("SELECT consent_id FROM oof_webhook WHERE attempt > 1");
($paid) = @{ listed($o, $failed->[0])->{json}{data} };
is(join(' ', map { $_->{httpStatus} } @{ $paid->{attempts} }), '500 202',
   'two attempts');

is(listed($o, new_uuid())->{status}, 404, 'an unknown consent');
is(listed($o, 'urn:other:' . new_uuid())->{status}, 404, 'of another bank');
is(listed($o, 'x')->{status}, 404, 'no id');
is(listed($o, $settled->{urn}, scope => 'oof_journey')->{status}, 403,
   'another scope');
is(listed($o, $settled->{urn}, query => '?page=2')->{status}, 422,
   'no such page');


# --- a replay tells nobody anything twice

sub cursor { (psql("SELECT cursor FROM oof_consumer WHERE name = 'webhooks'"))
                 [0][0] }
sub rows { (psql('SELECT count(*), sum(attempt) FROM oof_webhook'))[0] }

my $head = cursor();
my $rows = rows();

$r = $o->call(POST => '/oof/v1/events/replay', via => 'management',
              client => undef,
              json => { data => { consumer => 'webhooks', position => 1 } },
              token => token(scope => 'oof_admin', claims => { cnf => undef }));
is($r->{status}, 200, 'a replay') or diag($r->{body});
eval { wait_for(sub { cursor() < $head }, 2, 'the replay to begin') };
wait_for(sub { cursor() >= $head }, 15, 'the replay to end');
sleep 0.5;
is_deeply(rows(), $rows, 'a replay makes no call');

$o->stop;

done_testing();
