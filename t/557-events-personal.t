#!/usr/bin/perl

# Copyright (C) oof authors

# Documents and accounts in events: none, unless a receiver asks for them by
# "personal on"; then in the members that docs/events says, and nothing else of
# them in the logs of the database, in the stream or in another receiver.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Test::Oof::Settle;

my $plain = "$Test::Oof::Dir/plain.jsonl";
my $full = "$Test::Oof::Dir/full.jsonl";

my ($o) = settlement(http => <<"END");
    oof_events log plain { path $plain; }
    oof_events log full { path $full; personal on; }
END

my $cpf = $Test::Oof::Settle::Cpf;
my $account = $Test::Oof::Settle::Account;
my ($person, $company) = ('76109277673', '12345678000195');

sub told {
    my ($file, $key) = @_;

    return grep { $_->{subject} eq $key }
           map { JSON::PP::decode_json($_) }
           split /\n/, -e $file ? Test::Oof::slurp($file) : '';
}

sub wait_told {
    my ($key, $type) = @_;

    wait_for(sub { grep { $_->{type} eq $type } told($full, $key) }, 15,
             "$type of $key");

    return map { $_->{data}{personal} }
           grep { $_->{type} eq $type } told($full, $key);
}

sub document {
    my ($id, $rel) = @_;

    return { document => { identification => $id, rel => $rel } };
}


# --- consents to share data

my $r = $o->call(POST => "$Test::Oof::Api/consents", json => consent_body(
    loggedUser => document($person, 'CPF'),
    businessEntity => document($company, 'CNPJ')));
is($r->{status}, 201, 'a consent of a company') or diag($r->{body});

my $id = $r->{json}{data}{consentId};
my $key = $id =~ s/.*://r;

my $trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
is($o->call(DELETE => "$Test::Oof::Api/consents/$id",
            headers => [ traceparent => $trace ])->{status}, 204, 'revoked');

for my $type (qw/ created rejected /) {
    is_deeply([ wait_told($key, "oof.consent.$type") ],
              [ { loggedUser => document($person, 'CPF'),
                  businessEntity => document($company, 'CNPJ') } ],
              "$type: who it is about");
}

my ($e) = grep { $_->{type} eq 'oof.consent.rejected' } told($full, $key);
is($e->{traceparent}, $trace, 'its trace is an attribute');
is($e->{data}{traceparent}, $trace, 'and a member of data as before');


# --- payments

my $c = authorised($o, amount => '10.00');
$r = pay_consent($o, $c);
my ($payment) = payment_ids($r);
comes_to($o, $payment, 'ACSC');

my $details = $c->{body}{data}{payment}{details};
my $creditor = $c->{body}{data}{creditor};
my $money = {
    loggedUser => document($cpf, 'CPF'),
    creditor => $creditor->{cpfCnpj},
    creditorAccount => $details->{creditorAccount},
    debtorAccount => $account,
};

is_deeply([ wait_told($payment, 'oof.payment.settled') ], [ $money ],
          'a payment: all parties');
is_deeply([ wait_told($payment, 'oof.payment.received') ], [ $money ],
          'from its first event on');
is_deeply([ wait_told($c->{uuid}, 'oof.payment_consent.consumed') ],
          [ $money ], 'its consent');

# what is erased is not told any more, when it comes again

psql("UPDATE oof_payment SET personal = '\\x00' WHERE payment_id ="
     . " '$payment'");

unlink $full;
kill USR1 => $o->pid;
wait_for(sub { -e $full }, 10, 'a new file');
$r = $o->call(POST => '/oof/v1/events/replay', via => 'management',
    client => undef, token => Test::Oof::token(scope => 'oof_admin',
        claims => { cnf => undef }),
    json => { data => { consumer => 'full', position => 1 } });
is($r->{status}, 200, 'a replay') or diag($r->{body});

is_deeply([ wait_told($payment, 'oof.payment.settled') ], [ $money ],
          'what cannot be opened is left out, the rest is told');
like($o->log_text, qr/personal data of an event cannot be opened: a value of oof_payment/,
     'and the log says so');
Test::Oof->allow(qr/personal data of an event cannot be opened/);


# --- nobody else has them

my @secrets = ($cpf, $person, $company, $account->{number},
               $creditor->{cpfCnpj}, $details->{creditorAccount}{number});

wait_for(sub { grep { $_->{type} eq 'oof.payment.settled' }
               told($plain, $payment) }, 10, 'the other receiver');

my $text = Test::Oof::slurp($plain)
           . join '', map { $_->[0] } psql('SELECT data FROM oof_log');

unlike($text, qr/\Q$_\E/, 'the other receiver and the log have none')
    for @secrets;
unlike($text, qr/"personal"/, 'nor the member');
unlike($o->log_text, qr/\Q$_\E/, 'nor the error log') for @secrets;

my $said = qx{/usr/bin/python3 $Test::Oof::Root/t/lib/events-check $full};
is(join("\n", grep { /^wrong/ } split /\n/, $said), '',
   'events are of their schemas');


# --- the directive

for ([ 'personal maybe;', qr/"personal" in "oof_events log x \{ \}" must be "on" or "off"/ ],
     [ 'personal on; personal on;', qr/"personal" in .* is duplicate/ ],
     [ 'personal;', qr/"personal" in .* takes one value/ ])
{
    my ($line, $like) = @$_;
    $o->configure(http => "oof_events log x { path $plain; $line }");
    my ($ok, $out) = $o->test_config;

    ok(!$ok, "refused: $line");
    like($out, $like, 'the reason');
}

done_testing();
