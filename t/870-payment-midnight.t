#!/usr/bin/perl

# Copyright (C) oof authors

# A key, a jti and an endToEndId are the same on both sides of midnight, that
# of UTC and that of Brasilia, and of each other's day (spec 2.2, 2.3, 2.7).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Test::Oof::Settle;

my ($o, $core) = settlement(workers => 1);
my $day = int(time / 86400) + 3;


# moves the clocks to an instant, and waits until nginx follows

sub at {
    my ($instant) = @_;

    my $offset = $instant - int time;

    moved_clock($offset);
    wait_for(sub { $o->log_text =~ /rule clock is at an offset of $offset s/ },
             10, 'the clock');
}


# a consent for the day that Brasilia has then

sub consent {
    my ($instant, %with) = @_;

    return authorised($o, amount => '19.00', date =>
                      POSIX::strftime('%Y-%m-%d', gmtime($instant - 3 * 3600)),
                      %with);
}

sub stamp { POSIX::strftime('%Y%m%d%H%M', gmtime $_[0]) }


for my $zone ([ UTC => 0 ], [ Brasilia => 3 * 3600 ]) {
    my ($name, $hours) = @$zone;
    my $midnight = $day++ * 86400 + $hours;
    my ($key, $jti) = (new_uuid(), new_uuid());

    at($midnight - 20);

    my $c = consent($midnight - 20);
    my $spare = consent($midnight - 20);
    my $item = pay_item($c, endToEndId => end_to_end(stamp($midnight - 20)));
    my @first = (items => [ $item ], idempotency => $key);
    my $r = pay_consent($o, $c, @first, claims => { jti => $jti });

    is($r->{status}, 201, "$name: before midnight") or diag($r->{text});
    comes_to($o, $r, 'ACSC');

    at($midnight + 20);

    is_plain_error(pay_consent($o, $c, @first, claims => { jti => $jti }), 403,
                   'INVALID_CLIENT', "$name: the message, after it");

    my $again = pay_consent($o, $c, @first);
    is($again->{status}, 201, "$name: the key, after it");
    is(join(' ', payment_ids($again)), join(' ', payment_ids($r)),
       "$name: of the same payment");

    is(errors_of(pay_consent($o, $spare, idempotency => $key)),
       'ERRO_IDEMPOTENCIA', "$name: the key with other data");

    # the same id in a consent of the day before, and in one of the new day

    for ([ $spare, 'before' ], [ consent($midnight + 20), 'after' ]) {
        my ($other, $when) = @$_;

        is(errors_of(pay_consent($o, $other, items => [
               pay_item($other, endToEndId => $item->{endToEndId}) ])),
           'DETALHE_PAGAMENTO_INVALIDO',
           "$name: the endToEndId, in a consent made $when");
    }

    # one that is made now, of the minute before midnight, is another one

    my $new = consent($midnight + 20);
    $r = pay_consent($o, $new, items => [
        pay_item($new, endToEndId => end_to_end(stamp($midnight - 60))) ]);
    is($r->{status}, 201, "$name: another endToEndId of the day before")
        or diag($r->{text});
    is(debits_of($core, $item), 1, "$name: one debit");
}

done_testing();
