#!/usr/bin/perl

# Copyright (C) oof authors

# All that is held of one customer, by pages: every table that knows him is in
# it, with every row; who else is named there is not told; and nothing of it in
# a log.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Bank;
use Test::Oof::Consents qw/ at extend_consent renewal /;
use Test::Oof::Journey qw/ bank new_consent authorised $Ana $Bruno $Carla
                           $Davi @Bakery /;
use Test::Oof::Payments qw/ pay payment_consent consent_uuid /;
use Test::Oof::Settle ();

my $own = '/consents/v1/consents/{consentId}';
my $joint = { %$Test::Oof::Settle::Account, number => '40000013' };

my ($o, $core) = Test::Oof::Settle::settlement(
    locations => "location /open-banking/resources/v3/"
                 . " { oof_api resources v3; }\n",
    management_server => "location $Bank/ { oof_api consent-management v1; }");

$o->allow(qr/core "main" failed at/);

sub uuid { $_[0] =~ s/^urn:bank://r }

sub export {
    my (%data) = @_;

    return bank($o, POST => '/oof/v1/customer-data', scope => 'oof_admin',
                json => { data => \%data });
}

# every page: records, and how many pages there were

sub all_of {
    my (%data) = @_;

    my (@records, $pages, $after);

    do {
        my $r = export(%data, defined $after ? (after => $after) : ());
        die "no page: $r->{status} $r->{body}" if $r->{status} != 200;

        push @records, @{ $r->{json}{data}{records} };
        $after = $r->{json}{data}{next};
        $pages++;
    } while (defined $after && $pages < 50);

    return (\@records, $pages);
}

sub codes { join ' ', $_[0]{status}, map { $_->{code} }
                                    @{ $_[0]{json}{errors} || [] } }


# --- who may, and what is asked for

is(codes(export()), '400 PARAMETRO_INVALIDO', 'of nobody');
is(codes(export(cpf => '123')), '400 PARAMETRO_INVALIDO', 'no CPF');
is(codes(export(cpf => $Ana, cnpj => 5)), '400 PARAMETRO_INVALIDO', 'no CNPJ');
is(codes(export(cpf => $Ana, after => $_)), '400 PARAMETRO_INVALIDO',
   "nowhere: $_") for 'x', 'consents', 'consents:1', 'more:';
is(bank($o, POST => '/oof/v1/customer-data',
        json => { data => { cpf => $Ana } })->{status}, 403,
   'the scope of another');

my ($records, $pages) = all_of(cpf => $Ana);
is(scalar @$records, 0, 'of whom nothing is held');


# --- one of whom there is everything

my $consent = authorised($o, cpf => $Carla);
my $uuid = uuid($consent);

# what several must agree to is not renewed

my $alone = authorised($o, cpf => $Carla, groups => [ 'person' ]);
my $other = uuid($alone);

is(extend_consent($o, $alone, renewal(
       expirationDateTime => at(200 * 86400), loggedUser => { document => {
           identification => $Carla, rel => 'CPF' } }))->{status}, 201,
   'a renewal');
is(ask($o, POST => "$own/search-key/{searchKey}", id => $uuid,
       key => enc('the shop'))->{status}, 204, 'a search key');
is(ask($o, PUT => "$own/meta-data", id => $uuid,
       json => { data => '{"note":1.1}' })->{status}, 204, 'metadata');
is(ask($o, PATCH => '/v1/webhook/toggle/{consentId}', id => $uuid,
       json => { active => JSON::PP::true })->{status}, 204, 'a switch');

my $waits = consent_uuid(pay($o, POST => '/consents', payment_consent(
    '+loggedUser' => { document => { identification => $Carla,
                                     rel => 'CPF' } })));
is(Test::Oof::Payments::journey($o, POST => $waits, json => { data => {
       decision => 'PARTIAL', debtorAccount => $joint,
       customer => { cpf => $Carla } } })->{status}, 200, 'of two people');
is(Test::Oof::Payments::journey($o, POST => $waits, json => { data => {
       decision => 'AUTHORISE', customer => { cpf => $Davi } } })->{status},
   200, 'who both agree');

my $paid = { uuid => $waits, urn => "urn:bank:$waits", version => 5,
             body => payment_consent() };
my ($payment) = Test::Oof::Settle::payment_ids(
    Test::Oof::Settle::pay_consent($o, $paid));
ok($payment, 'a payment');
wait_for(sub { (psql('SELECT status FROM oof_payment WHERE payment_id ='
                     . " '$payment'"))[0][0] eq 'ACSC' }, 10, 'it is settled');

psql("INSERT INTO oof_webhook (event_id, consent_id, time, stamp, target,"
     . " attempt, brand, type, state, host, url, body) SELECT event_id,"
     . " consent_id, now(), now(), 1, 1, '$Test::Oof::Brand', 'x', 'delivered',"
     . " 'h', 'u', '{}' FROM oof_consent_history WHERE consent_id = '$uuid'"
     . ' AND version = 1');
psql('INSERT INTO oof_webhook_attempt (event_id, interaction_id, started,'
     . ' target, attempt, status) SELECT event_id, event_id, now(), 1, 1, 200'
     . ' FROM oof_webhook');

# somebody else's

authorised($o, cpf => $Ana);


($records) = all_of(cpf => $Carla);

my %by;
push @{ $by{$_->{table}} }, $_ for @$records;

my ($c) = grep { $_->{data}{consent_id} eq $uuid } @{ $by{oof_consent} };

is($c->{data}{consent_id}, $uuid, 'the consent');
is($c->{data}{status}, 'AUTHORISED', 'its state');
is($c->{personal}{loggedUser}{document}{identification}, $Carla, 'whose it is');
ok(!exists $c->{data}{cpf_hmac}, 'no look-up value');
is($by{oof_consent_search_key}[0]{searchKey}, 'the shop', 'the search key');
is($by{oof_consent_metadata}[0]{metadata}{note}, 1.1, 'the metadata');
is($by{oof_consent_extension}[0]{personal}{xCustomerUserAgent},
   'Receiver/1.0 (test)', 'from where it was renewed');
is($by{oof_payment_consent}[0]{debtor}{number}, '40000013', 'the account');
is($by{oof_payment}[0]{data}{payment_id}, $payment, 'the payment');
like(JSON::PP->new->encode($by{oof_consent_resource}[0]{legacy}), qr/\d{6}/,
     'the account of the core');

for my $table (qw/ oof_consent_approver oof_payment_approver /) {
    my %people = map { $_->{personal}{cpf} => $_->{personal}{name} }
                 @{ $by{$table} };

    is_deeply(\%people, { $Carla => 'Carla Dias', '***' => '***' },
              "$table: who else is there is not told");
}

# every table that could know him, and every row of it

my @tables = psql(
    "SELECT c.relname, string_agg(a.attname, ' ') FROM pg_attribute a JOIN"
    . " pg_class c ON c.oid = a.attrelid WHERE c.relkind = 'r' AND c.relname"
    . " LIKE 'oof_%' AND a.attnum > 0 AND (a.attname LIKE '%\\_hmac' OR"
    . " a.attname IN ('consent_id', 'payment_id', 'personal')) GROUP BY 1"
    . ' ORDER BY 1');

cmp_ok(scalar @tables, '>', 15, 'there are tables');

my ($resource) = map { $_->[0] } psql('SELECT resource_id FROM'
    . " oof_consent_resource WHERE consent_id = '$uuid'");

for (@tables) {
    my ($table, $columns) = @$_;

    my @where = map { "$_ IN ('$uuid', '$other', '$waits', '$payment')" }
                $columns =~ /\b(consent_id|payment_id)\b/g;
    @where = ("resource_id = '$resource'") if $table eq 'oof_resource';

    my $rows = (psql("SELECT count(*) FROM $table WHERE "
                     . join ' OR ', @where))[0][0];

    cmp_ok($rows, '>', 0, "$table has a row of the customer");
    is(scalar @{ $by{$table} || [] }, $rows, "$table: all of them are told");
}

is(scalar @{ $by{oof_webhook_attempt} || [] }, 1, 'the attempt of a webhook');
cmp_ok(scalar @{ $by{oof_event} || [] }, '>', 4, 'events');
is(scalar(grep { $_->{data}{key} ne $uuid && $_->{data}{key} ne $waits
                 && $_->{data}{key} ne $other
                 && $_->{data}{key} ne $payment } @{ $by{oof_event} }), 0,
   'of nothing else');

my $text = JSON::PP->new->encode($records);
unlike($text, qr/$Davi|Davi Rocha|$Ana/, 'nobody else is told');
unlike($text, qr/unreadable|hmac|"\\\\x/, 'all of it can be read');


# --- who is only one of those that agree

($records) = all_of(cpf => $Davi);
%by = ();
push @{ $by{$_->{table}} }, $_ for @$records;

is(join(' ', map { $_->{data}{consent_id} } @{ $by{oof_consent} }), $uuid,
   'the other one: the consent');
is($by{oof_consent}[0]{personal}{loggedUser}{document}{identification}, '***',
   'the other one: whose it is is not told');
ok(!$by{oof_consent_extension}, 'the other one: not what is the first\'s alone');
is(join(' ', sort map { $_->{personal}{cpf} } @{ $by{oof_consent_approver} }),
   "*** $Davi", 'the other one: himself');
ok(!$by{oof_consent_metadata} && !$by{oof_consent_search_key},
   'the other one: not what the bank keeps for the first');
unlike(JSON::PP->new->encode($records), qr/$Carla|Carla Dias/,
       'the other one: the first is not told');


# --- a company

my $business = authorised($o, @Bakery);
my $company = uuid($business);

is(extend_consent($o, $business, renewal(
       expirationDateTime => at(200 * 86400), loggedUser => { document => {
           identification => $Bakery[1], rel => 'CPF' } },
       businessEntity => { document => {
           identification => $Bakery[3], rel => 'CNPJ' } }))->{status}, 201,
   'a renewal');
my $second = uuid(authorised($o, cpf => $Bruno, cnpj => $Bakery[3]));

($records) = all_of(cpf => $Bruno, cnpj => $Bakery[3]);
is(join(' ', sort map { $_->{data}{consent_id} }
             grep { $_->{table} eq 'oof_consent' } @$records),
   join(' ', sort $company, $second), 'a company: all of its consents');
$text = JSON::PP->new->encode($records);
like($text, qr/$Bakery[3]/, 'a company is no person');
unlike($text, qr/$Bakery[1]/, 'who else acts for it is not told');
is((map { $_->{personal}{xFapiCustomerIpAddress} }
    grep { $_->{table} eq 'oof_consent_extension' } @$records)[0], '***',
   'nor from where');
($records) = all_of(cpf => $Bruno);
is(join(' ', map { $_->{data}{consent_id} }
             grep { $_->{table} eq 'oof_consent' } @$records), $second,
   'a person alone');


# --- pages

new_consent($o, cpf => $Ana) for 1 .. 24;
($records, $pages) = all_of(cpf => $Ana);

my %seen;
$seen{$_->{data}{consent_id}}++
    for grep { $_->{table} eq 'oof_consent' } @$records;

is(scalar keys %seen, 25, 'all consents');
is((grep { $_ != 1 } values %seen)[0], undef, 'each once');
cmp_ok($pages, '>', 3, 'by pages');
is(scalar(grep { $_->{table} eq 'oof_consent_history' } @$records), 26,
   'with all of their states');

like($o->log_text, qr/all that is held of a customer is told to "\S+"/,
     'the log tells that it was asked for');
unlike($o->log_text . $o->access_text, qr/$Ana|$Bruno|$Carla|$Davi/,
       'and not of whom');

done_testing();
