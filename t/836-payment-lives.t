#!/usr/bin/perl

# Copyright (C) oof authors

# Months that lack a day, the last day of a schedule, the hours around a payment
# that is made at once; how long consents live, around midnight (spec 2.6, 2.7,
# 2.9; spec 7, 39, 43).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Test::Oof::Settle;

my ($o, $core) = settlement(core => [ '--step', 20 ],
                            core_conf => 'timeout 1500ms;');
my $cpf = $Test::Oof::Settle::Cpf;
my $Date = '422 DATA_PAGAMENTO_INVALIDA';
my $Today = '2028-01-30';

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
        date => $Today, %with), version => $version);
}

sub decide {
    my ($uuid, $decision) = @_;

    return journey($o, POST => $uuid, json => { data => {
        decision => $decision, customer => { cpf => $cpf },
        debtorAccount => $Test::Oof::Settle::Account } });
}

sub lives {
    my ($r) = @_;

    my $data = pay($o, GET => '/consents/' . $r->{json}{data}{consentId})
                   ->{json}{data};

    return join ' ', $data->{status},
                     grep { defined } $data->{rejectionReason}{code};
}


# --- months that lack a day: the day after; the day before is another one

clock_at("$Today 12:00");

sub monthly {
    my (@days) = @_;

    my $c = authorised($o, amount => '3.00', terms(5, monthly => {
        dayOfMonth => 31, startDate => '2028-01-31', quantity => 3 }));

    return pay_consent($o, $c, items => [ map {
        pay_item($c, endToEndId => end_to_end(s/-//gr . '1500')) } @days ]);
}

is(said(monthly(qw/ 2028-01-31 2028-03-01 2028-03-31 /)), '201',
   'spec 2.6: the 31st of February is the 1st of March');
is(said(monthly(qw/ 2028-01-31 2028-02-29 2028-03-31 /)),
   '422 PAGAMENTO_DIVERGENTE_CONSENTIMENTO', 'spec 2.6: not the 29th');

my $r = monthly(qw/ 2028-01-31 2028-02-31 2028-03-31 /);
is(said($r), '422 PARAMETRO_INVALIDO', 'spec 2.6: nor itself');
is($r->{json}{errors}[0]{detail}, "Data de liquida\xe7\xe3o inv\xe1lida",
   'spec 2.6: nor itself, in words');

# two years: to the day in v5, 730 days for one of v4

for my $case ([ 5, '2030-01-30', '201' ], [ 5, '2030-01-31', $Date ],
              [ 4, '2030-01-29', '201' ], [ 4, '2030-01-30', $Date ])
{
    my ($version, $date, $want) = @$case;

    is(said(consent(version => $version,
                    terms($version, single => { date => $date }))), $want,
       "spec 2.6: v$version, until $date");
}

# twelve hours before and after, for what is paid at once

for my $case ([ -719, '201' ], [ -721, '422 PARAMETRO_INVALIDO' ],
              [ 718, '201' ], [ 721, '422 PARAMETRO_INVALIDO' ])
{
    my ($minutes, $want) = @$case;

    my $c = authorised($o, amount => '2.00', date => $Today);
    my $id = end_to_end(POSIX::strftime('%Y%m%d%H%M', gmtime(
        time + moved_clock() + 60 * $minutes)));

    is(said(pay_consent($o, $c, items => [ pay_item($c,
           endToEndId => $id) ])), $want, "spec 2.7: $minutes minutes");
}


# --- how long consents live

clock_at('2028-01-30 21:30');

my ($waits, $ready, $some) = map { consent() } 1 .. 3;
my $later = consent(terms(5, single => { date => '2028-02-02' }));

is(decide(consent_uuid($ready), 'AUTHORISE')->{status}, 200, 'authorised');
is(decide(consent_uuid($_), 'PARTIAL')->{status}, 200, 'one of several')
    for $some, $later;

is(lives($waits), 'AWAITING_AUTHORISATION', 'spec 7, 39: at first');
clock_at('2028-01-30 21:36');
is(lives($waits), 'REJECTED TEMPO_EXPIRADO_AUTORIZACAO',
   'spec 7, 39: five minutes');
is(lives($ready), 'AUTHORISED', 'spec 7, 39: not an hour');
clock_at('2028-01-30 22:31');
is(lives($ready), 'REJECTED TEMPO_EXPIRADO_CONSUMO', 'spec 7, 39: an hour');
is(lives($some), 'PARTIALLY_ACCEPTED', 'spec 7, 39: of the same day');
clock_at('2028-01-31 00:00');
is(lives($some), 'REJECTED TEMPO_EXPIRADO_AUTORIZACAO',
   'spec 7, 39: overnight');
is(lives($later), 'PARTIALLY_ACCEPTED', 'spec 7, 39: of a later day');
clock_at('2028-02-01 23:59');
is(lives($later), 'PARTIALLY_ACCEPTED', 'spec 2.9: until the day before');
clock_at('2028-02-02 00:00');
is(lives($later), 'REJECTED TEMPO_EXPIRADO_AUTORIZACAO',
   'spec 2.9: not on the day');

done_testing();
