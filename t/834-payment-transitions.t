#!/usr/bin/perl

# Copyright (C) oof authors

# Every transition of a consent to pay and of a payment is made, in both
# versions, and no other: the tables are the regulation's state machines, what
# was made is what the histories and events say (spec 2.9; spec 7, 23, 39).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Test::Oof::Settle;

my ($o, $core) = settlement(
    core => [ '--step', 20 ], core_conf => 'timeout 1s; breaker off;',
    four => 'oof_payment_wait 0;', five => 'oof_payment_wait 0;');

$o->allow(qr/core "main" failed at/);

my $version;

# in the order in which a state leads to the next; all others are of the end

my %Consent = (
    AWAITING_AUTHORISATION => [ qw/ PARTIALLY_ACCEPTED AUTHORISED REJECTED / ],
    PARTIALLY_ACCEPTED => [ qw/ AUTHORISED REJECTED / ],
    AUTHORISED => [ qw/ CONSUMED REJECTED / ],
);

my %Payment = (
    RCVD => [ qw/ PDNG SCHD ACCP ACPD ACSC RJCT / ],
    PDNG => [ qw/ SCHD ACCP ACPD ACSC RJCT CANC / ],
    SCHD => [ qw/ PDNG ACCP ACPD ACSC RJCT CANC / ],
    ACCP => [ qw/ ACPD ACSC RJCT / ],
    ACPD => [ qw/ ACSC RJCT / ],
);

my @States = qw/ RCVD PDNG SCHD ACCP ACPD ACSC RJCT CANC /;


# --- consents

sub consent {
    my $body = payment_consent(
        '+loggedUser' => { document => { rel => 'CPF',
            identification => $Test::Oof::Settle::Cpf } });

    delete $body->{data}{payment}{purpose} if $version == 4;

    return consent_uuid(pay($o, POST => '/consents', $body,
                            version => $version));
}

sub decide {
    my ($uuid, $decision) = @_;

    return journey($o, POST => $uuid, json => { data => {
        decision => $decision, customer => {
            cpf => $Test::Oof::Settle::Cpf },
        $decision eq 'REJECT' ? ()
            : (debtorAccount => $Test::Oof::Settle::Account) } });
}

my %does = (
    PARTIALLY_ACCEPTED => sub { decide($_[0], 'PARTIAL')->{status} },
    AUTHORISED => sub { decide($_[0], 'AUTHORISE')->{status} },
    CONSUMED => sub {
        pay_consent($o, { urn => "urn:bank:$_[0]", version => $version,
                          body => payment_consent() })->{status};
    },
    REJECTED => sub {
        my ($uuid) = @_;

        # the customer, or the time

        my $r = decide($uuid, 'REJECT');
        return $r->{status} if $r->{status} == 200;

        psql('UPDATE oof_payment_consent SET expiration = now() - interval'
             . " '1 s' WHERE consent_id = '$uuid' AND status = 'AUTHORISED'");
        wait_for(sub { payment_row($uuid)->{status} ne 'AUTHORISED' }, 10,
                 'the sweep') if payment_row($uuid)->{status} eq 'AUTHORISED';
        return 200;
    },
);

my %way = (AWAITING_AUTHORISATION => [],
           PARTIALLY_ACCEPTED => [ 'PARTIALLY_ACCEPTED' ],
           AUTHORISED => [ 'AUTHORISED' ], REJECTED => [ 'REJECTED' ],
           CONSUMED => [ 'AUTHORISED', 'CONSUMED' ]);

sub consents {
    for my $from (sort keys %way) {
        my %may = map { $_ => 1 } @{ $Consent{$from} || [] };

        for my $to (sort keys %does) {
            my $uuid = consent();

            $does{$_}->($uuid) for @{ $way{$from} };
            is(payment_row($uuid)->{status}, $from,
               "v$version consent: it is $from");

            $does{$to}->($uuid);
            is(payment_row($uuid)->{status}, $may{$to} ? $to : $from,
               "spec 2.9: v$version consent: $from, "
               . ($may{$to} ? '' : 'not ') . $to);
        }
    }
}


# --- payments: whatever the core tells

my %way_of = (RCVD => [], SCHD => [ 'SCHD' ], PDNG => [ 'PDNG' ],
              ACCP => [ 'ACCP' ], ACPD => [ 'ACPD' ], ACSC => [ 'ACSC' ],
              RJCT => [ 'RJCT' ], CANC => [ 'PDNG', 'CANC' ]);

sub told {
    my ($item, $status) = @_;

    return notify($o, undef, {
        legacyId => [ { key => 'endToEndId', value => $item->{endToEndId} } ],
        paymentStatus => $status,
        paymentStatusUpdateDateTime => text_of(time) })->{status};
}

sub payment {
    my ($scheduled) = @_;

    my %plan = !$scheduled ? () : (
        date => undef, purpose => 'SINGLE_SCHEDULED', schedule => {
            single => { date => day_of(2) },
            $version == 5 ? (additionalInformation => 'x') : () });
    my $c = authorised($o, version => $version, %plan);
    my $item = pay_item($c, $scheduled
        ? (endToEndId => end_to_end(day_of(2) =~ s/-//gr . '1500')) : ());
    my ($id) = payment_ids(pay_consent($o, $c, items => [ $item ]));

    return ($item, $id);
}

sub at {
    my ($from, $scheduled) = @_;

    my ($item, $id) = payment($scheduled);

    told($item, $_) for @{ $way_of{$from} };
    is(status_of($o, $id), $from, "v$version payment: it is $from");

    return ($item, $id);
}

sub payments_of {
    for my $from (@States) {
        my %may = map { $_ => 1 } @{ $Payment{$from} || [] };
        my $planned = $from eq 'SCHD';
        my ($item, $id) = at($from, $planned);

        # what it may not, first: it stays; one that has no day is never
        # scheduled

        for my $to (grep { !$may{$_} || $_ eq 'SCHD' && !$planned } @States) {
            is(told($item, $to), 204, "v$version: $to is told");
            is(status_of($o, $id), $from,
               "spec 2.9: v$version payment: $from, not $to");
        }

        for my $to (@{ $Payment{$from} || [] }) {
            ($item, $id) = at($from, $planned || $to eq 'SCHD');

            is(told($item, $to), 204, "v$version: $to is told");
            is(status_of($o, $id), $to,
               "spec 2.9: v$version payment: $from, $to");
        }
    }
}


for (5, 4) {
    $version = $_;

    $core->faults;
    consents();
    $core->faults({ mode => 'error' });
    payments_of();
}


# --- the tables are the histories'

sub made {
    my ($what, $id) = @_;

    return { map { ("$_->[0]: $_->[1] $_->[2]" => 1) } psql(
        "SELECT DISTINCT c.api, b.status, a.status FROM ${what}_history a"
        . " JOIN ${what}_history b USING ($id) JOIN $what c USING ($id)"
        . ' WHERE a.version = b.version + 1') };
}

sub table {
    my (%next) = @_;

    return { map { my $v = $_; map { my $s = $_;
             map { ("$v: $s $_" => 1) } @{ $next{$s} } } keys %next } 4, 5 };
}

is_deeply(made('oof_payment_consent', 'consent_id'), table(%Consent),
          'spec 2.9: every transition of consents, and no other');
is_deeply(made('oof_payment', 'payment_id'), table(%Payment),
          'spec 2.9: every transition of payments, and no other');

is((psql('SELECT count(*) FROM oof_payment_history h LEFT JOIN oof_event e ON'
         . ' e.id = h.event_id AND e.key = h.payment_id AND e.version ='
         . " h.version AND e.data::json ->> 'status' = h.status"
         . ' WHERE e.id IS NULL'))[0][0], 0, 'each is told by an event');

done_testing();
