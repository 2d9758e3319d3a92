#!/usr/bin/perl

# Copyright (C) oof authors

# What a request causes is of its trace (W3C Trace Context 1): each event of a
# payment, whoever composes it, the webhooks that tell of it, and those of the
# bank; and calls of webhooks are reported as ours (spec 4, the platform of
# metrics).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof;
use Test::Oof::Bank;
use Test::Oof::Hooks;
use Test::Oof::Payments;
use Test::Oof::Settle;

my $tpp = receiver();
my $bank = receiver();

my ($o, $core) = settlement(
    http => webhooks(retry => '300ms 300ms', timeout => '1s',
                     bank_url => $bank->url('/notify'),
                     bank_ca => pki('root.pem')) . 'oof_call_reports on;',
    server => 'oof_webhooks main;');

uris(one => $tpp);

my $cpf = $Test::Oof::Settle::Cpf;
my $n = 0;

sub trace { return sprintf '%032x', ++$n }

sub parent {
    my ($trace, $flags) = @_;

    return (traceparent => "00-$trace-00f067aa0ba902b7-" . ($flags // '01'));
}

# by type, the traces of what a key has been told

sub traces_of {
    my ($key) = @_;

    my @events = events("key = '$key'");

    return { map { $_->{type} => ($_->{data}{traceparent} // 'none')
                                     =~ s/^00-(\w+)-.*/$1/r } @events };
}

sub calls_of {
    my ($id) = @_;

    wait_for(sub { grep { $_->{path} =~ /\Q$id\E$/ } $tpp->calls }, 15,
             "a call for $id");

    return grep { $_->{path} =~ /\Q$id\E$/ } $tpp->calls;
}


# --- a payment: made by one statement, told of by the core

my $c = authorised($o, amount => '10.00');
my $made = trace();
my $r = pay_consent($o, $c, headers => { parent($made) });
my ($id) = payment_ids($r);
comes_to($o, $id, 'ACSC');

my $e = traces_of($id);
is($e->{'oof.payment.received'}, $made, 'received: the trace of the call');
is(traces_of($c->{uuid})->{'oof.payment_consent.consumed'}, $made,
   'the consent, which is consumed by it');

my ($call) = calls_of($c->{urn});
like($call->{headers}{traceparent}, qr/^00-$made-[0-9a-f]{16}-01$/,
     'the webhook is of the trace');
unlike($call->{headers}{traceparent}, qr/00f067aa0ba902b7/,
       'with a span of its own');

# a schedule, by the other statement, and its cancellation

$c = authorised($o, date => undef, purpose => 'SINGLE_SCHEDULED',
                schedule => { single => { date => day_of(1) },
                              additionalInformation => 'uma vez' });
$made = trace();
$r = pay_consent($o, $c, items => [ pay_item($c, endToEndId =>
         end_to_end(day_of(1) =~ s/-//gr . '1500')) ],
         headers => { parent($made) });
($id) = payment_ids($r);
comes_to($o, $id, 'SCHD');

my $ended = trace();
$r = pay($o, PATCH => "/pix/payments/$id", { data => {
    status => 'CANC', cancellation => { cancelledBy => { document => {
        identification => $cpf, rel => 'CPF' } } } } },
    headers => { parent($ended) });
is($r->{status}, 200, 'a cancellation') or diag($r->{text});

$e = traces_of($id);
is($e->{'oof.payment.received'}, $made, 'a schedule: received');
is($e->{'oof.payment.cancelled'}, $ended, 'cancelled by another call');

wait_for(sub { calls_of($id) >= 2 }, 15, 'both calls');
like((grep { $_->{headers}{traceparent} =~ /$ended/ } calls_of($id))[0]
         {headers}{traceparent}, qr/^00-$ended-[0-9a-f]{16}-01$/,
     'the webhook of the cancellation');

# what nobody records leaves no trace

$c = authorised($o, amount => '10.00');
$r = pay_consent($o, $c, headers => { parent(trace(), '00') });
($id) = payment_ids($r);
comes_to($o, $id, 'ACSC');
is(traces_of($id)->{'oof.payment.received'}, 'none', 'not recorded: not kept');
is((calls_of($c->{urn}))[0]{headers}{traceparent}, undef,
   'and no webhook has one');


# --- reports of the calls

sub reports {
    return map { @{ decoded($_->[0])->{calls} } }
               psql('SELECT data FROM oof_call ORDER BY stamp');
}

my ($seen) = calls_of($id);
my $interaction = $seen->{headers}{'x-webhook-interaction-id'};

wait_for(sub { grep { $_->{fapiInteractionId} eq $interaction } reports() },
         10, 'its report');

my ($report) = grep { $_->{fapiInteractionId} eq $interaction } reports();
my $time = delete $report->{processTimespan};
my $at = delete $report->{timestamp};

like($time, qr/^\d+$/, 'how long it took');
like($at, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'and when it began');
is_deeply($report, {
    fapiInteractionId => $interaction,
    role => 'CLIENT',
    endpoint => '/open-banking/webhook/v1/payments/v5/pix/payments/{paymentId}',
    httpMethod => 'POST',
    statusCode => 202,
    serverOrgId => (psql('SELECT organisation_id FROM oof_client WHERE'
                         . " client_id = 'client-one'"))[0][0],
    clientOrgId => $Test::Oof::Organisation,
    additionalInfo => { consentId => $c->{urn} },
}, 'the report of a webhook that was called');

($seen) = calls_of($c->{urn});
$interaction = $seen->{headers}{'x-webhook-interaction-id'};
wait_for(sub { grep { $_->{fapiInteractionId} eq $interaction } reports() },
         10, 'the report of the consent\'s');
is((grep { $_->{fapiInteractionId} eq $interaction } reports())[0]{endpoint},
   '/open-banking/webhook/v1/payments/v5/consents/{consentId}',
   'the endpoint of a consent');

# each attempt that was answered; none of one that was not

$tpp->forget_calls;
$tpp->answer('*', status => 500);
$c = authorised($o, amount => '10.00');
($id) = payment_ids(pay_consent($o, $c));
wait_for(sub { calls_of($id) >= 3 }, 15, 'three attempts');

my %own = map { $_->{headers}{'x-webhook-interaction-id'} => 1 } calls_of($id);
wait_for(sub { (grep { $own{ $_->{fapiInteractionId} } } reports()) >= 3 }, 10,
         'three reports');
is(join(' ', map { $_->{statusCode} }
                 grep { $own{ $_->{fapiInteractionId} } } reports()),
   '500 500 500', 'a report for each attempt');

my $server = () = grep { $_->{role} eq 'SERVER' } reports();
cmp_ok($server, '>', 0, 'calls of third parties are reported beside them');

my $client = grep { $_->{role} eq 'CLIENT' } reports();

$tpp->answer('*', hang => 1);
$c = authorised($o, amount => '10.00');
($id) = payment_ids(pay_consent($o, $c));
wait_for(sub { (psql('SELECT count(*) FROM oof_webhook w JOIN'
                     . ' oof_webhook_attempt a USING (event_id, target) WHERE'
                     . " w.url LIKE '%$id' AND a.ended IS NOT NULL"))[0][0]
               >= 1 }, 15, 'an attempt without an answer');

my %silent = map { $_->[0] => 1 } psql('SELECT a.interaction_id FROM'
    . ' oof_webhook w JOIN oof_webhook_attempt a USING (event_id, target)'
    . " WHERE w.url LIKE '%$id'");
is(scalar(grep { $silent{ $_->{fapiInteractionId} } } reports()), 0,
   'what has no answer has no report');
$tpp->answer('*', status => 202);


# --- the bank's own webhook, and a client's registration

$c = authorised($o, amount => '10.00');
my $uuid = consent_uuid(pay($o, POST => '/consents', payment_consent(
    '+loggedUser' => { document => { identification => $cpf, rel => 'CPF' } },
    ), headers => { parent(trace()) }));

is((keys %{ traces_of($uuid) })[0], 'oof.payment_consent.created',
   'a consent to pay');

$made = trace();
$r = journey($o, POST => $uuid, json => { data => { decision => 'REJECT',
    customer => { cpf => $cpf } } }, headers => [ parent($made) ]);
is(traces_of($uuid)->{'oof.payment_consent.rejected'}, $made,
   'a decision of the channel');

done_testing();
