#!/usr/bin/perl

# Copyright (C) oof authors

# Days are Brasilia's: what may be asked for, paid and cancelled between 21:00
# and midnight, when UTC is a day ahead, at the ends of months and years and
# around 29 February (spec 2.4, 2.6 to 2.8, 2.11; spec 7, 34, 43).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Test::Oof::Settle;
use Time::Local qw/ timegm /;

my ($o, $core) = settlement(core => [ '--step', 20 ],
                            core_conf => 'timeout 1500ms;');
my $cpf = $Test::Oof::Settle::Cpf;
my $now;


# --- the clock: "2028-02-28 21:30" of Brasilia

sub at { clock_at($now = $_[0]) }

# the day that is so many days after that of the clock

sub day {
    my ($days) = @_;

    my ($year, $month, $day) = $now =~ /\d+/g;

    return POSIX::strftime('%Y-%m-%d', gmtime(
        timegm(0, 0, 12, $day, $month - 1, $year) + $days * 86400));
}


# --- short hands

sub said { join ' ', $_[0]{status}, map { $_->{code} }
                                    @{ $_[0]{json}{errors} || [] } }

sub terms {
    my ($version, %schedule) = @_;

    $schedule{additionalInformation} = 'x' if $version == 5;

    return (date => undef, schedule => \%schedule, purpose =>
            $schedule{single} ? 'SINGLE_SCHEDULED' : 'RECURRENT_SCHEDULED');
}

sub consent {
    my (%with) = @_;

    my $version = delete $with{version} // 5;

    $with{purpose} = undef if $version == 4;

    return pay($o, POST => '/consents', payment_consent(
        '+loggedUser' => { document => { identification => $cpf,
                                         rel => 'CPF' } },
        date => day(0), %with), version => $version);
}

sub fixed { end_to_end($_[0] =~ s/-//gr . '1500') }

# scheduled payments on days from now on, their ids after the consent

sub scheduled {
    my ($version, @days) = @_;

    my $c = authorised($o, version => $version, amount => '3.00',
        terms($version, custom => { dates => [ map { day($_) } @days ],
                                    additionalInformation => 'x' }));
    my $r = pay_consent($o, $c, items => [
        map { pay_item($c, endToEndId => fixed(day($_))) } @days ]);

    is(join(' ', map { $_->{status} } @{ $r->{json}{data} || [] }),
       join(' ', ('SCHD') x @days), "$now: v$version scheduled")
        or diag($r->{text} // $r->{body});

    return ($c, payment_ids($r));
}

my $body = { data => { status => 'CANC', cancellation => { cancelledBy => {
    document => { identification => $cpf, rel => 'CPF' } } } } };

sub cancel {
    my ($version, $id) = @_;

    return said(pay($o, PATCH => "/pix/payments/$id", $body,
                    version => $version));
}

sub cancel_all {
    my ($c) = @_;

    my $path = $c->{version} == 5 ? "/consents/$c->{urn}/pix/payments"
                                  : "/pix/payments/consents/$c->{urn}";

    return said(pay($o, PATCH => $path, $body, version => $c->{version}));
}

sub states { join ' ', map { status_of($o, $_) } @_ }

my $No = '422 PAGAMENTO_NAO_PERMITE_CANCELAMENTO';
my $Date = '422 DATA_PAGAMENTO_INVALIDA';


# --- evenings: [ the day, the one after it ]

for my $case ([ '2026-12-31', '2027-01-01' ], [ '2027-02-28', '2027-03-01' ],
              [ '2028-02-28', '2028-02-29' ], [ '2028-02-29', '2028-03-01' ])
{
    my ($today, $tomorrow) = @$case;

    at("$today 21:30");
    is(day(1), $tomorrow, "$now: tomorrow");

    is(said(consent(date => $today)), '201', "spec 7, 34: $now: today");
    is(said(consent(date => $tomorrow)), $Date,
       "spec 7, 34: $now: UTC's day is tomorrow's");
    is(said(consent(terms(5, single => { date => $tomorrow }))), '201',
       "spec 7, 34: $now: scheduled for tomorrow");
    is(said(consent(terms(5, single => { date => $today }))), $Date,
       "spec 7, 43: $now: scheduled for today");
    is(said(consent(terms(5, custom => { dates => [ $today, $tomorrow ] }))),
       $Date, "spec 7, 43: $now: from today on");

    # paid at once: its endToEndId has the day of UTC

    my $c = authorised($o, amount => '2.00', date => $today);
    my $item = pay_item($c);
    is(substr($item->{endToEndId}, 9, 10), $tomorrow =~ s/-//gr . '00',
       "spec 7, 34: $now: the day of UTC");
    is(said(pay_consent($o, $c, items => [ $item ])), '201',
       "spec 7, 34: $now: paid");

    my ($five, @five) = scheduled(5, 1, 2);

    is(cancel_all($five), '202', "spec 2.11: $now: v5, all");
    is(states(@five), 'CANC CANC', "spec 2.11: $now: v5, tomorrow's too");

    # one of a month's end, one of a leap year

    next if $today =~ /^2027|29$/;

    my ($other, @other) = scheduled(5, 1, 2);
    my ($four, @four) = scheduled(4, 1, 2);
    my ($last, @last) = scheduled(4, 1, 2);
    my ($held, @held) = scheduled(5, 1, 2);

    at("$today 22:30");
    is(cancel_all($other), '202', "spec 2.11: $now: v5, all");
    is(states(@other), 'SCHD CANC', "spec 2.11: $now: v5, not tomorrow's");
    is(cancel_all($other), $No, "spec 2.11: $now: v5, tomorrow's alone");
    is(cancel_all($four), '200', "spec 2.11: $now: v4, all");
    is(states(@four), 'CANC CANC', "spec 2.11: $now: v4, tomorrow's too");
    is(cancel(5, $other[0]), '200', "spec 2.11: $now: v5, one");

    $core->faults({ mode => 'error' });
    at("$tomorrow 00:05");
    is(cancel(4, $last[0]), $No, "spec 2.11: $now: v4, one of today");
    is(cancel(5, $held[0]), $No, "spec 2.11: $now: v5, one of today");
    is(cancel_all($last), '200', "spec 2.11: $now: v4, all");
    is(cancel_all($held), '202', "spec 2.11: $now: v5, all");
    is(join(' ', map { (split ' ', in_database($_))[0] } $last[1], $held[1]),
       'CANC CANC', "spec 2.11: $now: those of tomorrow");
    isnt(status_of($o, $_), 'CANC', "spec 2.11: $now: not today's")
        for $last[0], $held[0];
    is(said(consent(date => $today)), $Date, "$now: yesterday");
    $core->faults;
}

$o->allow(qr/core "main" failed at/, qr/core "main" .*left alone/);

done_testing();
