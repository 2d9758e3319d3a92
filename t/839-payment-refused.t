#!/usr/bin/perl

# Copyright (C) oof authors

# What is refused with 422 was never a payment for who asked for it: no list, no
# GET, no PATCH and no webhook has it; what is refused after 201 is told once
# (spec 2.8, 2.14; spec 7, 33, 44).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Hooks;
use Test::Oof::Payments;
use Test::Oof::Settle;

my $tpp = receiver();
my ($o, $core) = settlement(
    http => webhooks(retry => '300ms 300ms'), server => 'oof_webhooks main;',
    four => 'oof_payment_wait 0;');

uris(one => $tpp);

my @wanted;

sub ids_of {
    map { $_->[0] } psql('SELECT payment_id FROM oof_payment WHERE consent_id ='
                         . " '$_[0]{uuid}' ORDER BY position");
}

for my $n (1, 2) {
    my %plan = $n == 1 ? () : (date => undef, purpose => 'RECURRENT_SCHEDULED',
        schedule => { custom => { dates => [ map { day_of($_) } 2, 3 ] },
                      additionalInformation => 'x' });
    my $c = authorised($o, amount => '20422.01', %plan);
    my $key = new_uuid();
    my @how = (idempotency => $key, items => [ $n == 1 ? pay_item($c)
        : map { pay_item($c, endToEndId => end_to_end(
                    day_of($_) =~ s/-//gr . '1500')) } 2, 3 ]);
    my $r = pay_consent($o, $c, @how);

    is("$r->{status} " . errors_of($r), '422 VALOR_ACIMA_LIMITE', "$n refused");

    my @ids = ids_of($c);

    is(scalar @ids, $n, "$n: the bank knows of them");
    is_deeply(pay($o, GET => "/consents/$c->{urn}/pix/payments")->{json}{data},
              [], "spec 2.14: $n: none is listed");
    is(pay($o, GET => "/pix/payments/$ids[0]")->{status}, 404,
       "spec 2.14: $n: nor read");
    is(pay($o, PATCH => "/pix/payments/$ids[0]", { data => {
           status => 'CANC', cancellation => { cancelledBy => { document => {
               identification => $Test::Oof::Settle::Cpf, rel => 'CPF' } } } }
       })->{status}, 404, "spec 2.14: $n: nor cancelled");

    $r = pay_consent($o, $c, @how);
    is("$r->{status} " . errors_of($r), '422 VALOR_ACIMA_LIMITE',
       "$n: the same answer again");

    push @wanted, "v5 consents $c->{urn}";
}


# --- received, and rejected after it

my $c = authorised($o, amount => '20422.01', version => 4);
my $r = pay_consent($o, $c);
is($r->{status}, 201, 'received');
comes_to($o, $r, 'RJCT');
push @wanted, "v4 consents $c->{urn}", 'v4 pix/payments ' . (payment_ids($r))[0];

eval { wait_for(sub { told($tpp) >= @wanted }, 15, 'the calls') };
select undef, undef, undef, 0.4;
is_deeply([ sort(told($tpp)) ], [ sort @wanted ],
          'spec 7, 44: each is told once, and what never was is not');

done_testing();
