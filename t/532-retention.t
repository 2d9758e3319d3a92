#!/usr/bin/perl

# Copyright (C) oof authors

# What is over and old is deleted with all that belongs to it, and nothing that
# lives, by the rule clock; a table that is added is not forgotten.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Bank;
use Test::Oof::Journey qw/ new_consent authorised decide $Ana $Carla $Davi /;
use Test::Oof::Payments qw/ pay payment_consent consent_uuid day_of /;
use Test::Oof::Settle ();

my $own = '/consents/v1/consents/{consentId}';


# --- the directive

my $conf = Test::Oof->start(hold => 1);

for (
    [ 'consents', qr/invalid number of arguments/ ],
    [ 'nothing 90d', qr/is of "consents", "payments", "history" or "attempts"/ ],
    [ 'consents 29d', qr/needs a time of 30d at least, or off/ ],
    [ 'consents x', qr/needs a time of 30d at least, or off/ ],
    [ 'consents 30d; oof_retention consents 40d',
      qr/"oof_retention consents" is there twice/ ],
) {
    my ($words, $why) = @$_;

    $conf->configure(http => "oof_retention $words;");
    my ($ok, $said) = $conf->test_config;
    ok(!$ok, "$words: refused");
    like($said, $why, "$words: why");
}

$conf->configure(http => "oof_retention consents 5y; oof_retention history off;"
                         . ' oof_retention payments 30d;');
ok($conf->test_config, 'as it may be');
$conf->allow(qr/\[emerg\]/);


# --- what is there

my ($o, $core) = Test::Oof::Settle::settlement(
    locations => "location /open-banking/resources/v3/"
                 . " { oof_api resources v3; }\n",
    management_server => "location $Bank/ { oof_api consent-management v1; }");

$o->allow(qr/core "main" failed at/, qr/younger than 30 days/);

sub uuid { $_[0] =~ s/^urn:bank://r }

my $lives = uuid(authorised($o, cpf => $Ana));
my $joint = authorised($o, cpf => $Carla);
my $ended = authorised($o, cpf => $Ana);
my $never = uuid(new_consent($o, cpf => $Davi));

is(ask($o, POST => "$own/search-key/{searchKey}", id => uuid($_),
       key => 'shop')->{status}, 204, 'a search key') for $ended, $lives;
is(ask($o, PUT => "$own/meta-data", id => uuid($_),
       json => { data => '{"a":"b"}' })->{status}, 204, 'metadata')
    for $ended, $lives;
is(ask($o, PATCH => '/v1/webhook/toggle/{consentId}', id => uuid($_),
       json => { active => JSON::PP::true })->{status}, 204, 'a switch')
    for $ended, $lives;
is($o->call(DELETE => "$Test::Oof::Api/consents/$_")->{status}, 204, 'it ends')
    for $ended, $joint;

sub paid {
    my ($c, @items) = @_;

    my $r = Test::Oof::Settle::pay_consent($o, $c, @items);
    return (Test::Oof::Settle::payment_ids($r))[0];
}

my $done = Test::Oof::Settle::authorised($o, amount => '1.00');
my $settled = paid($done);
Test::Oof::Settle::comes_to($o, $settled, 'ACSC');

my $later = Test::Oof::Settle::authorised($o, amount => '2.00', date => undef,
    purpose => 'SINGLE_SCHEDULED', schedule => { single => {
        date => day_of(60) }, additionalInformation => 'x' });
my $scheduled = paid($later, items => [ Test::Oof::Settle::pay_item($later,
    endToEndId => Test::Oof::Settle::end_to_end(day_of(60) =~ s/-//gr
                                                . '1500')) ]);
Test::Oof::Settle::comes_to($o, $scheduled, 'SCHD');

my $unused = consent_uuid(pay($o, POST => '/consents', payment_consent()));


# rows of a table that belong to consents and payments

my @tables = map { $_->[0] } psql(
    "SELECT c.relname, string_agg(a.attname, ',') FROM pg_attribute a"
    . " JOIN pg_class c ON c.oid = a.attrelid WHERE c.relkind = 'r' AND"
    . " c.relname LIKE 'oof_%' AND a.attname IN ('consent_id', 'payment_id')"
    . " AND c.relname NOT IN ('oof_webhook') GROUP BY 1 ORDER BY 1");

cmp_ok(scalar @tables, '>', 13, 'there are tables');

sub rows_of {
    my ($table, @ids) = @_;

    my $list = join ',', map { "'$_'" } @ids;
    my ($has) = (psql("SELECT string_agg(attname, ',') FROM pg_attribute WHERE"
        . " attrelid = '$table'::regclass AND attname IN ('consent_id',"
        . " 'payment_id')"))[0][0];

    return (psql("SELECT count(*), md5(coalesce(string_agg(t::text, ' '"
                 . " ORDER BY t::text), '')) FROM $table t WHERE "
                 . join(' OR ', map { "$_ IN ($list)" } split /,/, $has)))[0];
}

my @alive = ($lives, $later->{uuid}, $scheduled);
my @over = (uuid($ended), uuid($joint), $never, $done->{uuid}, $settled,
            $unused);

sub of_all {
    my @ids = @_;
    return { map { $_ => join ' ', @{ rows_of($_, @ids) } } @tables };
}

my %filled = map { $_ => 1 } grep { rows_of($_, @over)->[0] } @tables;

ok($filled{$_}, "$_ has rows of what ends")
    for qw/ oof_consent oof_consent_history oof_consent_resource
            oof_consent_approver oof_consent_search_key oof_consent_metadata
            oof_consent_webhook oof_payment oof_payment_history
            oof_payment_intent oof_payment_consent
            oof_payment_consent_history /;

my $alive = of_all(@alive);

sub with {
    my ($text) = @_;

    my $file = "$o->{dir}/nginx.conf";
    my $old = Test::Oof::slurp($file, 1);
    $old =~ s/oof_retention .*?;\n//g;
    $old =~ s/(http \{\n)/$1$text/;
    Test::Oof::spew($file, $old);
    $o->reload;
}

sub deleted { $o->metric('oof_retention_deleted_total', what => $_[0]) // 0 }


# --- too young

with("oof_retention consents 30d;\noof_retention payments 30d;\n");
$o->clock(29 * 86400);

# what was not authorised or used in time is over since its first hour

wait_for(sub { (psql("SELECT count(*) FROM oof_consent c, oof_payment_consent p"
    . " WHERE c.consent_id = '$never' AND c.status = 'REJECTED' AND"
    . " p.consent_id = '$unused' AND p.status = 'REJECTED'"))[0][0] }, 15,
         'time ends them');
sleep 2;
is(rows_of('oof_consent', @over)->[0], 3, 'after 29 days all consents are there');
is(rows_of('oof_payment_consent', @over)->[0], 2, 'and consents to pay');


# --- histories and attempts

with("oof_retention history 30d;\noof_retention attempts 30d;\n");
$o->clock(35 * 86400);

wait_for(sub { rows_of('oof_payment_intent', @over)->[0] == 0 }, 15,
         'attempts go');
wait_for(sub { deleted('payment_history') && deleted('consent_history') }, 15,
         'histories go');
wait_for(sub { rows_of('oof_consent_history', @over)->[0] == 3 }, 15,
         'of each consent');

is(join(' ', map { $_->[0] } psql('SELECT status FROM oof_consent_history'
   . " WHERE consent_id = '@{[ uuid($ended) ]}'")), 'REJECTED',
   'of a history its end stays');
wait_for(sub { rows_of('oof_payment_history', $settled)->[0] == 1 }, 15,
         'of the payment');
is(join(' ', map { $_->[0] } psql('SELECT status FROM oof_payment_history'
   . " WHERE payment_id = '$settled'")), 'ACSC', 'of a payment\'s too');
is(pay($o, GET => "/pix/payments/$settled")->{json}{data}{status}, 'ACSC',
   'it is still told');
is_deeply(of_all(@alive), $alive, 'of what lives nothing is gone');


# --- all of it, in batches that go on after a kill

$o->allow(qr/exited on signal 9/);
with("oof_retention consents 30d;\noof_retention payments 30d;\n");
kill 'KILL', $o->worker_pids;
wait_for(sub { eval { $o->get('/ready')->{status} == 200 } }, 10, 'a worker');

wait_for(sub { rows_of('oof_payment_consent', @over)->[0] == 0
               && rows_of('oof_consent', @over)->[0] == 0 }, 20, 'all goes');

is(rows_of($_, @over)->[0], 0, "nothing is left in $_") for @tables;
is_deeply(of_all(@alive), $alive, 'of what lives nothing is gone');
is($o->call(GET => "$Test::Oof::Api/consents/$ended")->{status}, 404,
   'it is unknown');
like($o->log_text, qr/\[notice\].* rows of "consents" that were over and older/,
     'the log tells of it');


# --- the function itself

my ($epoch) = (psql("SELECT epoch FROM oof_lease WHERE name = 'maintenance'"))
              [0][0];

is((psql("SELECT deleted FROM oof_retain('consents', now(), NULL, 10, -1)"))
   [0][0], 0, 'not for who has not the lease');
like(eval { psql("SELECT oof_retain('consents', now() + interval '36 days',"
                 . " NULL, 10, $epoch)"); '' } // $@,
     qr/younger than 30 days/, 'nothing young, whoever asks');
like(eval { psql("SELECT oof_retain('oof_event', now() - interval '1 y', NULL,"
                 . " 10, $epoch)"); '' } // $@,
     qr/nothing that is deleted/, 'no other table');

done_testing();
