#!/usr/bin/perl

# Copyright (C) oof authors

# Payments and settlement never read a whole table, not even one that was small
# when the lanes prepared their statements.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Test::Oof::Settle;

my ($o, $core) = settlement(workers => 1);

sub scans {
    return { map { $_->[0] => { seq => $_->[1], all => $_->[2] } }
                 psql('SELECT relname, seq_scan, seq_scan + idx_scan FROM'
                      . ' pg_stat_user_tables WHERE relname LIKE'
                      . " 'oof\\_payment%' OR relname IN ('oof_idempotency',"
                      . " 'oof_jti')") };
}

sub round {
    my ($n) = @_;

    my $day = day_of(1);

    for (1 .. $n) {
        my $c = authorised($o, amount => '10.00');
        my $r = pay_consent($o, $c);
        comes_to($o, $r, 'ACSC');

        $c = authorised($o, amount => '20422.00');
        pay_consent($o, $c);

        $c = authorised($o, amount => '12345.00');
        $r = pay_consent($o, $c);
        my ($id) = payment_ids($r);
        my $cancel = { data => { status => 'CANC', cancellation => {
            cancelledBy => { document => {
                identification => $Test::Oof::Settle::Cpf,
                rel => 'CPF' } } } } };
        pay($o, PATCH => "/pix/payments/$id", $cancel);
        notify($o, undef, {
            legacyId => [ { key => 'endToEndId', value =>
                                $r->{json}{data}[0]{endToEndId} } ],
            paymentStatus => 'CANC',
            paymentStatusUpdateDateTime => text_of(time) });

        $c = authorised($o, date => undef, purpose => 'SINGLE_SCHEDULED',
            schedule => { single => { date => $day },
                          additionalInformation => 'x' });
        pay_consent($o, $c, items => [ pay_item($c,
            endToEndId => end_to_end($day =~ s/-//gr . '1500')) ]);
        pay($o, GET => "/consents/$c->{urn}/pix/payments");
        pay($o, PATCH => "/consents/$c->{urn}/pix/payments", $cancel);
    }
}

# the own statements of the test use indexes too

$ENV{PGOPTIONS} = "-c enable_seqscan=off";

my $before = scans();
round(6);

# a lane tells what it has done when it next ends a transaction after a second

select undef, undef, undef, 1.2;
round(1);
select undef, undef, undef, 1.2;
round(1);
my $after = scans();

for my $table (sort keys %$after) {
    cmp_ok($after->{$table}{all}, '>', $before->{$table}{all},
           "$table is read") if $table !~ /history|approver/;
    is($after->{$table}{seq}, $before->{$table}{seq}, "$table: by an index");
}

done_testing();
