#!/usr/bin/perl

# Copyright (C) oof authors

# Events of every type, as a consumer gets them, are of the schemas of
# docs/events, and docs/events.md tells of each.  No document of a person and no
# account is in any.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX qw/ strftime /;
use Test::More;
use Test::Oof;
use Test::Oof::Bank;
use Test::Oof::Journey ();
use Test::Oof::Payments;
use Test::Oof::Settle;

my $file = "$Test::Oof::Dir/events.jsonl";

plan(skip_all => 'python3-jsonschema is not there')
    if system('/usr/bin/python3 -c "import jsonschema" 2> /dev/null') != 0;


# what the sources can tell of

my @types = grep { $_ ne 'oof.consent.expiring' }   # a webhook's alone
            sort keys %{ { map { $_ => 1 } map {
    Test::Oof::slurp($_) =~ /["'](oof\.(?:consent|payment_consent|client|api)
                                  \.[a-z_]+)["']/gx
} glob("$Test::Oof::Root/ngx_oof_*/src/*.[ch]"),
  glob("$Test::Oof::Root/ngx_oof_*/sql/*.sql") } };

push @types, map { "oof.payment.$_" }
             qw/ received held scheduled accepted sent settled rejected
                 cancelled /;

cmp_ok(scalar @types, '>=', 22, 'there are types');

my $doc = Test::Oof::slurp("$Test::Oof::Root/docs/events.md");

for (@types) {
    ok(-e "$Test::Oof::Root/docs/events/$_.json", "$_: a schema");
    ok($doc =~ /`\Q$_\E`/, "$_: told of");
}


my ($o, $core) = settlement(workers => 1,
    http => "oof_events log { path $file; } oof_call_reports on;",
    locations => <<'END',
        location /open-banking/resources/v3/ { oof_api resources v3; }
END
    management_server => <<'END');
        location /open-banking/oob-consents/ {
            oof_api consent-management v1;
        }
END

my $api = "$Test::Oof::Api/consents";
my $cpf = $Test::Oof::Settle::Cpf;


# --- data consents

my $id = Test::Oof::Journey::authorised($o, cpf => $Test::Oof::Journey::Carla);
is(ask($o, 'POST', '/v1/payments/consents/{consentId}/authorisation',
       id => $id =~ s/.*://r, json => { data => {
           authorised => JSON::PP::true() } })->{status}, 204, 'all agree');

$id = Test::Oof::Journey::authorised($o);
is(Test::Oof::Consents::extend_consent($o, $id,
       Test::Oof::Consents::renewal(
           loggedUser => { document => {
               identification => $Test::Oof::Journey::Ana, rel => 'CPF' } },
           expirationDateTime => strftime('%Y-%m-%dT%H:%M:%SZ',
                                          gmtime(time + 300 * 86400))))
   ->{status}, 201, 'extended');
is($o->call(DELETE => "$api/$id")->{status}, 204, 'ended');

$id = Test::Oof::Journey::new_consent($o);
Test::Oof::Journey::decide($o, $id, 'REJECT');

due_now(Test::Oof::Journey::new_consent($o) =~ s/.*://r, 5);


# --- clients

my $client = { data => {
    organisationId => $Test::Oof::Clients{one}{organisation_id},
    softwareId => $Test::Oof::Clients{one}{software_id}, name => 'Another',
    logoUri => 'https://logo.oof.test/', roles => [ 'DADOS' ],
    webhookUris => [] } };

for (1, 2) {
    my $r = Test::Oof::Journey::bank($o, 'PUT', '/oof/v1/clients/another',
                                     json => $client);
    like($r->{status}, qr/^20[01]$/, 'a client') or diag($r->{body});
}

is(Test::Oof::Journey::bank($o, 'DELETE', '/oof/v1/clients/another')
   ->{status}, 204, 'removed');

is((psql("SELECT string_agg(type || ' ' || version, ', ' ORDER BY stamp) FROM"
         . " oof_event WHERE type LIKE 'oof.client.%'"))[0][0],
   'oof.client.registered 1, oof.client.updated 2, oof.client.removed 3',
   'in order');


# --- consents to pay

sub to_pay {
    return consent_uuid(pay($o, POST => '/consents', payment_consent(
        '+loggedUser' => { document => { identification => $cpf,
                                         rel => 'CPF' } }, @_)));
}

sub decides {
    my ($uuid, $decision, %data) = @_;

    return Test::Oof::Payments::journey($o, POST => $uuid, json => { data => {
        decision => $decision, customer => { cpf => $cpf },
        $decision eq 'REJECT' ? ()
            : (debtorAccount => $Test::Oof::Settle::Account) } });
}

for my $decision (qw/ AUTHORISE PARTIAL REJECT /) {
    my $r = decides(to_pay(), $decision);
    is($r->{status}, 200, "a consent to pay: $decision") or diag($r->{body});
}


# --- payments

my $r = pay_consent($o, authorised($o, amount => '10.00'));
comes_to($o, $r, 'ACSC');

$r = pay_consent($o, authorised($o, amount => '20201.02'));
comes_to($o, $r, 'RJCT');

$r = pay_consent($o, authorised($o, amount => '12345.00'));
comes_to($o, $r, 'PDNG');

my ($payment) = payment_ids($r);
$r = pay($o, PATCH => "/pix/payments/$payment", { data => {
    status => 'CANC', cancellation => { cancelledBy => { document => {
        identification => $cpf, rel => 'CPF' } } } } });
is($r->{status}, 200, 'cancelled') or diag($r->{text} // $r->{body});

for ([ '1334.00', 'ACPD' ], [ '1335.00', 'ACCP' ]) {
    my ($amount, $state) = @$_;
    comes_to($o, pay_consent($o, authorised($o, amount => $amount)), $state);
}

my $day = day_of(1);
my $c = authorised($o, date => undef, amount => '10.00',
                   purpose => 'SINGLE_SCHEDULED',
                   schedule => { single => { date => $day },
                                 additionalInformation => 'um dia' });
$r = pay_consent($o, $c, items => [
    pay_item($c, endToEndId => end_to_end($day =~ s/-//gr . '1500')) ]);
is($r->{json}{data}[0]{status}, 'SCHD', 'scheduled') or diag($r->{text});


# --- all of them, as the consumer has them

my $all = (psql('SELECT count(*) FROM oof_event'))[0][0];

wait_for(sub {
    -e $file && (() = Test::Oof::slurp($file) =~ /"type":"oof\.api\.calls"/g)
    && (() = Test::Oof::slurp($file) =~ /\n/g)
       >= (psql('SELECT count(*) FROM oof_log'))[0][0];
}, 20, 'all events');

my $text = Test::Oof::slurp($file);
my $said = qx{/usr/bin/python3 $Test::Oof::Root/t/lib/events-check $file};

is(join("\n", grep { /^wrong/ } split /\n/, $said), '', 'all as they should be');

my %seen = map { /^(oof\S+) (\d+)$/ ? ($1 => $2) : () } split /\n/, $said;

is_deeply([ grep { !$seen{$_} } @types ], [], 'of every type one at least');
is_deeply([ grep { !-e "$Test::Oof::Root/docs/events/$_.json" } keys %seen ],
          [], 'and of no other');

unlike($text, qr/\Q$_\E/, 'nobody\'s document or account')
    for $cpf, $Test::Oof::Journey::Carla, $Test::Oof::Journey::Ana,
        $Test::Oof::Settle::Account->{number};

done_testing();
