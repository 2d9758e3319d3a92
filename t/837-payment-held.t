#!/usr/bin/perl

# Copyright (C) oof authors

# Scheduled payments that the core has told of before their day: held for
# analysis they are cancelled with all of v4, not of v5, and alone; what it has
# settled, rejected or cancelled itself is not sent on its day.  A batch that is
# refused after it was received fails as a whole (spec 2.8, 2.9, 2.11; spec 7,
# 43).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Test::Oof::Settle;

my ($o, $core) = settlement(core => [ '--step', 20 ],
                            core_conf => 'timeout 1s; breaker off;',
                            four => 'oof_payment_wait 500ms;',
                            five => 'oof_payment_wait 500ms;');
my $cpf = $Test::Oof::Settle::Cpf;

$o->allow(qr/core "main" failed at/);

sub said { join ' ', $_[0]{status}, map { $_->{code} }
                                    @{ $_[0]{json}{errors} || [] } }

sub planned {
    my ($version, @days) = @_;

    my %schedule = (custom => { dates => [ map { day_of($_) } @days ],
                                additionalInformation => 'x' });
    $schedule{additionalInformation} = 'x' if $version == 5;

    my $c = authorised($o, version => $version, amount => '3.00',
                       date => undef, purpose => 'RECURRENT_SCHEDULED',
                       schedule => \%schedule);

    return ($c, [ map { pay_item($c, endToEndId =>
                            end_to_end(day_of($_) =~ s/-//gr . '1500')) }
                      @days ]);
}

sub scheduled {
    my ($version, @days) = @_;

    my ($c, $items) = planned($version, @days);
    my $r = pay_consent($o, $c, items => $items);

    is(join(' ', map { $_->{status} } @{ $r->{json}{data} || [] }),
       join(' ', ('SCHD') x @days), "v$version: scheduled")
        or diag($r->{text} // $r->{body});

    return ($c, $items, payment_ids($r));
}

sub told {
    my ($item, $status, %more) = @_;

    is(notify($o, undef, {
        legacyId => [ { key => 'endToEndId', value => $item->{endToEndId} } ],
        paymentStatus => $status,
        paymentStatusUpdateDateTime => text_of(time), %more })->{status}, 204,
       "$status is told");
}

my $body = { data => { status => 'CANC', cancellation => { cancelledBy => {
    document => { identification => $cpf, rel => 'CPF' } } } } };

sub cancel_all {
    my ($c) = @_;

    return pay($o, PATCH => $c->{version} == 5
               ? "/consents/$c->{urn}/pix/payments"
               : "/pix/payments/consents/$c->{urn}", $body,
               version => $c->{version});
}

# the core is asked again now

sub hurry { psql('UPDATE oof_payment_intent SET due = now() WHERE due > now()') }

sub states { join ' ', map { status_of($o, $_) } @_ }

sub why {
    my ($id, $version) = @_;

    my $d = pay($o, GET => "/pix/payments/$id", version => $version)
                ->{json}{data};

    return join ' ', $d->{status}, grep { defined }
        $d->{cancellation}{reason}, $d->{rejectionReason}{code};
}


# --- one that is held among others

for my $version (5, 4) {
    my ($c, $items, @ids) = scheduled($version, 2, 3, 4);

    told($items->[1], 'PDNG');
    is(states(@ids), 'SCHD PDNG SCHD', "v$version: the second is held");

    my $r = cancel_all($c);

    is($r->{status}, $version == 5 ? 202 : 200, "spec 2.11: v$version, all")
        or diag($r->{text} // $r->{body});
    is(states(@ids), $version == 5 ? 'CANC PDNG CANC' : 'CANC CANC CANC',
       "spec 2.11: v$version, all: which");
    is(scalar @{ $r->{json}{data} }, 3, 'spec 2.11: v4, all are listed')
        if $version == 4;

    # alone, too: it was never sent

    if ($version == 5) {
        is(said(cancel_all($c)), '422 PAGAMENTO_NAO_PERMITE_CANCELAMENTO',
           'spec 2.11: v5, what is held is none of all');
        is(pay($o, PATCH => "/pix/payments/$ids[1]", $body)->{status}, 200,
           'spec 2.11: v5, what is held, alone');
    }

    is(why($ids[1], $version), 'CANC CANCELADO_PENDENCIA',
       "spec 2.11: v$version, why");
    is(why($ids[0], $version), 'CANC CANCELADO_AGENDAMENTO',
       "spec 2.11: v$version, and the others");
    is(join(' ', map { intent_of($_) } @ids), 'void void void',
       "v$version: none is sent on its day");
}


# --- a batch that is refused after 201: all of it, for one reason, with its
# cause

for my $version (5, 4) {
    for my $n (1, 2) {
        my ($c, $items) = planned($version, 2, 3);

        if ($n == 1) {
            $c = authorised($o, version => $version, amount => '3.00',
                date => undef, purpose => 'SINGLE_SCHEDULED', schedule => {
                    single => { date => day_of(2) }, $version == 5
                        ? (additionalInformation => 'x') : () });
            $items = [ pay_item($c, endToEndId => $items->[0]{endToEndId}) ];
        }

        $core->faults({ mode => 'error', path => '/payment-validation' });

        my $r = pay_consent($o, $c, items => $items);

        is(join(' ', map { $_->{status} } @{ $r->{json}{data} || [] }),
           join(' ', ('RCVD') x $n), "v$version: $n received");
        $core->faults({ mode => 'refuse', path => '/payment-validation',
                        code => 'VALOR_ACIMA_LIMITE' });
        hurry();

        my $got = comes_to($o, $r, 'RJCT');
        my $reason = $got->{json}{data}{rejectionReason};

        is(join(' ', map { why($_, $version) } payment_ids($r)),
           join(' ', ('RJCT ' . ($n == 1 ? 'VALOR_ACIMA_LIMITE'
                                 : 'FALHA_AGENDAMENTO_PAGAMENTOS')) x $n),
           "spec 2.8: v$version: $n refused late");
        like($reason->{detail}, qr/^O valor ultrapassa o limite/,
             "spec 2.8: v$version: the cause");
        $core->faults;
    }
}


# --- the core does not answer for an hour: all are rejected

my ($late, $late_items) = planned(5, 2, 3);
$core->faults({ mode => 'error', path => '/payment-validation' });
my $r = pay_consent($o, $late, items => $late_items);
is($r->{json}{data}[0]{status}, 'RCVD', 'received');
moved_clock(3601);
hurry();
comes_to($o, $r, 'RJCT');
is(join(' ', map { why($_, 5) } payment_ids($r)),
   join(' ', ('RJCT FALHA_AGENDAMENTO_PAGAMENTOS') x 2),
   'spec 2.8: sixty minutes');
$core->faults;
moved_clock(0);


# --- what the core has done with them before their day

my (undef, $items, @ids) = scheduled(5, 1, 1 + 1, 3, 4);

told($items->[0], 'ACSC');
told($items->[1], 'RJCT', rejectionReason => { code => 'NAO_INFORMADO',
                                               detail => 'x' });
told($items->[2], 'CANC');
told($items->[3], 'ACPD');
is(states(@ids), 'ACSC RJCT CANC ACPD', 'the core has told of all');

moved_clock(5 * 86400);
wait_for(sub { (psql("SELECT count(*) FROM oof_payment_intent WHERE state ="
                     . " 'waiting'"))[0][0] == 0 }, 10, 'the day');
select undef, undef, undef, 1;
is(states(@ids), 'ACSC RJCT CANC ACPD', 'spec 2.9: and it stays so');
is(join(' ', map { debits_of($core, $_) } @$items), '0 0 0 0',
   'none is made again on its day');

done_testing();
