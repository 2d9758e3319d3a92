#!/usr/bin/perl

# Copyright (C) oof authors

# The public endpoints of the regulation (spec 6.3, 8.3): status, outages that
# the bank plans, failures that are opened and closed by what is seen, metrics
# from what was counted; the answers judged by the regulator's texts.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX qw/ strftime /;
use Test::More;
use Test::Oof;
use Time::HiRes qw/ sleep time /;
use Test::Oof::Consents qw/ at /;
use Test::Oof::Gate qw/ bank gate_locations /;
use Test::Oof::Journey ();

my $discovery = '/open-banking/discovery/v2';
my $metrics = '/open-banking/admin/v2/metrics';
my $consents = "$Test::Oof::Api/consents";
my $one = "$consents/{consentId}";

my $o = Test::Oof::Journey::journey(core => undef, leases => 1,
    http => 'underscores_in_headers on;',
    locations => Test::Oof::location_defaults() . <<"END");
        location $discovery/ { oof_api discovery v2; }
        location /open-banking/admin/v2/ { oof_api admin v2; }
        location /away/ { oof_api discovery v2; }
        location /hasty/ {
            rewrite ^/hasty(/.*)\$ \$1 break;
            oof_api consents v3;
            client_body_timeout 300ms;
        }
END


# a call without a certificate, a token or an interaction id

sub public {
    my ($path, %args) = @_;

    my $r = $o->call(GET => $path, client => undef,
                     headers => { 'x-fapi-interaction-id' => undef }, %args);
    my ($text, $api) = $path =~ m{^/open-banking/(discovery|admin)/v2(/\w+)};

    my %plain = (%$r, headers => { %{ $r->{headers} },
        'content-type' => ($r->{headers}{'content-type'} // '')
                          =~ s/; charset=utf-8$//r }) if $r->{status} == 200;

    schema_ok("$text-v2 GET $api", $r->{status} == 200 ? \%plain : $r,
              "$path: as specified");

    return $r;
}

sub admin {
    my ($method, $path, %args) = @_;

    return Test::Oof::Journey::bank($o, $method, "/oof/v1$path",
                                    scope => 'oof_admin', %args);
}

# moves the clock, and waits until nginx knows it

sub moved {
    my ($offset) = @_;

    $o->clock($offset);
    wait_for(sub { admin(GET => '/clock')->{json}{data}{offset} == $offset },
             10, 'the clock');
}

sub status { return public("$discovery/status") }

sub codes { join ' ', sort map { $_->{code} }
                      @{ status()->{json}{data}{status} } }


# everything is fine

my $r = status();
is($r->{status}, 200, 'status is there');
is($r->{headers}{'x-v'}, '2.0.1', 'of version 2.0.1');
is_deeply([ map { [ @$_{qw/ code explanation /} ] }
                @{ $r->{json}{data}{status} } ],
          [ [ 'OK', 'Retorno com Sucesso' ] ], 'all is fine');
is($r->{json}{meta}{totalRecords}, 1, 'one record');
is($r->{json}{links}{self},
   "$Test::Oof::BaseUrl$discovery/status?page=1&page-size=25", 'links');

$r = public("$discovery/outages");
is_deeply($r->{json}{data}, [], 'nothing is planned');
is(public("$discovery/outages?page=x")->{status}, 400, 'no page');
is($o->call(POST => "$discovery/status", client => undef, body => '{}')
       ->{status}, 405, 'it is only read');


# planned

$r = admin(POST => '/outages', json => { data => {
    start => at(3600), end => at(3600 + 9000),
    explanation => 'Atualização do API Gateway' } });
is($r->{status}, 201, 'an outage is planned') or diag($r->{body});
my $plan = $r->{json}{data};
is($plan->{status}, 'PLANNED', 'it is to come');
is_deeply($plan->{endpoints}, [], 'of everything');
ok(!$plan->{partial}, 'which is not partial');
my $id = $plan->{outageId};

$r = admin(POST => '/outages', json => { data => {
    start => at(7200), end => at(7260), explanation => 'Manutenção',
    endpoints => [ $consents ] } });
is($r->{status}, 201, 'another one, of an endpoint');
my $other = $r->{json}{data}{outageId};

$r = public("$discovery/outages");
is_deeply($r->{json}{data}, [
    { outageTime => $plan->{start}, duration => 'PT2H30M',
      isPartial => JSON::PP::false, explanation => 'Atualização do API Gateway' },
    { outageTime => $r->{json}{data}[1]{outageTime}, duration => 'PT1M',
      isPartial => JSON::PP::true, explanation => 'Manutenção' } ],
    'both are announced, the next one first');
is(codes(), 'OK', 'the status is what is now');

$r = admin(PATCH => "/outages/$id",
           json => { data => { explanation => 'Janela de manutenção' } });
is($r->{status}, 200, 'it is changed') or diag($r->{body});
is($r->{json}{data}{explanation}, 'Janela de manutenção', 'as was told');
is($r->{json}{data}{end}, $plan->{end}, 'the rest stays');

moved(7200);
wait_for(sub { codes() eq 'SCHEDULED_OUTAGE SCHEDULED_OUTAGE' }, 5, 'outage');
$r = status();
my ($all) = grep { !$_->{unavailableEndpoints} }
                 @{ $r->{json}{data}{status} };
my ($some) = grep { $_->{unavailableEndpoints} }
                  @{ $r->{json}{data}{status} };
is($all->{explanation}, 'Janela de manutenção', 'it is in force');
is($all->{expectedResolutionTime}, $plan->{end}, 'until then');
is_deeply($some->{unavailableEndpoints}, [ "$Test::Oof::BaseUrl$consents" ],
          'endpoints are named by their URL');

is(admin(DELETE => "/outages/$other")->{status}, 204, 'one is cancelled');
is(admin(DELETE => "/outages/$other")->{status}, 204, 'once more');
is(codes(), 'SCHEDULED_OUTAGE', 'and over');
is(admin(PATCH => "/outages/$other", json => { data => { end => at(99999) } })
       ->{status}, 409, 'what is cancelled stays so');

moved(20000);
wait_for(sub { codes() eq 'OK' }, 5, 'the end');
is_deeply(public("$discovery/outages")->{json}{data}, [],
          'what is over is not announced');
is(admin(DELETE => "/outages/$id")->{status}, 409, 'nor can it be cancelled');

$r = admin(GET => '/outages');
is_deeply([ map { $_->{status} } @{ $r->{json}{data} } ],
          [ 'CANCELLED', 'ENDED' ], 'the bank sees all, the latest first');

for ([ { }, 'nothing' ],
     [ { data => { start => at(9), end => at(10) } }, 'no explanation' ],
     [ { data => { start => at(9), end => at(10), explanation => ' x' } },
       'white space' ],
     [ { data => { start => at(10), end => at(9), explanation => 'x' } },
       'the end before the start' ],
     [ { data => { start => 'x', end => at(9), explanation => 'x' } },
       'no time' ],
     [ { data => { start => at(9), end => at(10), explanation => 'x',
                   endpoints => [ 'x y' ] } }, 'no path' ])
{
    my ($body, $name) = @$_;
    $r = admin(POST => '/outages', json => $body);
    is("$r->{status} $r->{json}{errors}[0]{code}", '400 PARAMETRO_INVALIDO',
       $name);
}

is(admin(PATCH => "/outages/$id", json => { data => { end => at(-9999999) } })
       ->{status}, 409, 'one that is over');
is(admin(PATCH => '/outages/' . new_uuid(), json => { data => {} })->{status},
   404, 'an unknown one');
is(admin(DELETE => '/outages/x')->{status}, 404, 'no id');
is(Test::Oof::Journey::bank($o, GET => '/oof/v1/outages')->{status}, 403,
   'another scope');
is(admin(GET => '/failures', customer => '76109277673')->{status}, 403,
   "a customer's token");


# failures: opened when fewer than 95 % of the calls of two minutes succeed,
# five of them at least; closed when they do

moved(0);
psql('ALTER TABLE oof_consent RENAME TO oof_consent_away');
my $token = token();

for (1 .. 6) {
    $r = $o->call(GET => "$consents/urn:bank:" . new_uuid(), token => $token);
}

cmp_ok($r->{status}, '>=', 500, 'calls fail');
psql('ALTER TABLE oof_consent_away RENAME TO oof_consent');

wait_for(sub { codes() ne 'OK' }, 20, 'a failure');
is(codes(), 'PARTIAL_FAILURE', 'an endpoint fails');
$r = status();
my $s = $r->{json}{data}{status}[0];
is_deeply($s->{unavailableEndpoints}, [ "$Test::Oof::BaseUrl$one" ],
          'which one is told');
cmp_ok($s->{expectedResolutionTime}, 'gt', $s->{detectionTime},
       'and when it is expected to end');
like($o->log_text, qr/\[error\].*1 endpoints of database "main" fail/,
     'the log tells of it');
is($o->metric('oof_failures_total'), 1, 'so does the metric');

my ($failure) = @{ admin(GET => '/failures')->{json}{data} };
is($failure->{status}, 'OPEN', 'the bank sees it');
is($failure->{endpoint}, $one, 'with the endpoint');

$r = admin(PATCH => "/failures/$failure->{failureId}", json => { data => {
    explanation => 'Falha de rede', expectedEnd => at(5400) } });
is($r->{status}, 200, 'and says what it is');
$s = status()->{json}{data}{status}[0];
is($s->{explanation}, 'Falha de rede', 'which the status tells');
is($s->{expectedResolutionTime}, $r->{json}{data}{expectedEnd},
   'with when it will end');

# every endpoint of an API

psql("INSERT INTO oof_failure (failure_id, brand, endpoint, detected, expected,"
     . " changed) SELECT gen_random_uuid(), 'bank', e,"
     . " now() - interval '3 hours', now() - interval '90 minutes', now()"
     . " FROM unnest(ARRAY['$consents', '$one/extends', '$one/extensions']) e");
my @all = @{ status()->{json}{data}{status} };
is(join(' ', map { $_->{code} } @all),
   'UNAVAILABLE UNAVAILABLE UNAVAILABLE UNAVAILABLE',
   'an API of which every endpoint fails');
is(scalar(grep { $_->{expectedResolutionTime} gt at(0) } @all), 4,
   'that one was to end before is expected to end later');
psql("DELETE FROM oof_failure WHERE endpoint <> '$one'");

# it works again: as a later minute is, in which all is well

moved(180);
$r = $o->call(POST => $consents, json => consent_body(), token => $token);
my $consent = $r->{json}{data}{consentId};
is($o->call(GET => "$consents/$consent", token => $token)->{status}, 200,
   'it works again') for 1 .. 2;
wait_for(sub { codes() eq 'OK' }, 30, 'the end of the failure');
is(codes(), 'OK', 'and the failure is closed');
($failure) = @{ admin(GET => '/failures')->{json}{data} };
is($failure->{status}, 'CLOSED', 'which stays to be seen');
is(admin(PATCH => "/failures/$failure->{failureId}",
         json => { data => { explanation => 'x' } })->{status}, 409,
   'and is told no more');


# metrics: days are made by the holder of the lease, at once when it begins

psql("INSERT INTO oof_meter_minute SELECT 'bank', '$consents',"
     . " date_trunc('minute', now() - interval '1 day'), 110, 90, 10, 10, 5000,"
     . ' array_fill(0, ARRAY[59]) || ARRAY[7]');
$o->stop;
$o->launch;
wait_for(sub { (psql('SELECT count(DISTINCT day) FROM oof_meter_day'))[0][0]
               == 2 }, 15, 'both days');
psql('INSERT INTO oof_meter_day (brand, endpoint, day, calls, errors,'
     . ' rejections, millis, peak, down, planned)'
     . ' SELECT brand, endpoint, day - 2, 30, 0, 0, 30, 1, 0, 0'
     . ' FROM oof_meter_day'
     . " WHERE calls = 110 AND endpoint = '$consents'");

$r = public("$metrics?period=ALL");
my %m = map { $_->{endpoint} => $_ } @{ $r->{json}{data} };
my $created = $m{"$Test::Oof::BaseUrl$consents"};
my $read = $m{"$Test::Oof::BaseUrl$one"};

is($created->{invocations}{currentDay}, 1, 'calls of today');
is_deeply($created->{invocations}{previousDays}, [ 110, 0, 30 ],
          'and of the days before, yesterday first');
is($created->{rejections}{previousDays}[0], 10, 'what a limit refused');
is($created->{averageResponse}{previousDays}[0], 50,
   'what the others took');
is($created->{peakTps}{previousDays}[0], 7, 'most in a second');
is($created->{errors}{previousDays}[0], 10, 'errors');
is($created->{availability}{downtime}{partialDowntime}, 60,
   'a minute of which a tenth failed counts as down');
is($read->{errors}{currentDay}, 6, 'errors of today');
is($read->{invocations}{currentDay}, 8, 'with all calls');
is($created->{availability}{downtime}{generalDowntime}, 120,
   'all minutes in which anything was down');
cmp_ok($created->{availability}{uptime}{uptimeRate}, 'gt',
       $created->{availability}{uptime}{generalUptimeRate}, 'rates');

$r = public($metrics);
($created) = grep { $_->{endpoint} =~ m{/consents$} } @{ $r->{json}{data} };
is_deeply($created->{invocations}, { currentDay => 1, previousDays => [] },
          'without a period: the current day');
is(public("$metrics?period=NONE")->{status}, 400, 'no period');
is($r->{json}{meta}{totalPages}, 1, 'pages');

my ($said) = grep { $_->{endpoint} =~ m{discovery/v2/status$} }
                  @{ $r->{json}{data} };
cmp_ok($said->{invocations}{currentDay}, '>', 5, 'these count themselves');


# a second batch of the same number is not counted again

my $sql = Test::Oof::slurp("$Test::Oof::Root/ngx_oof_common/sql/meter_add.sql");
$sql =~ s/^\s*--.*\n//mg;
my $session = Test::Oof::Postgres::session(database_dsn());
$session->run("PREPARE m (uuid, int8, timestamptz, text, text) AS $sql");
my $writer = new_uuid();
my $rows = sub { '[{"e":"/x","m":29000000,"c":3,"g":3,"x":0,"r":0,"t":9,"s":['
                 . join(',', 3, (0) x 59) . ']}]' };
$session->run("EXECUTE m ('$writer', $_, now(), 'bank', '"
              . $rows->() . "')") for 1, 1, 2;
is((psql("SELECT calls || ' ' || good || ' ' || millis || ' ' || seconds[1]"
         . " FROM oof_meter_minute WHERE endpoint = '/x'"))[0][0], '6 6 18 6',
   'a batch that comes twice is counted once');
$session->close;


# whose body does not come in time is an error, as the regulation has it

my $errors = sub { (psql("SELECT sum(errors) FROM oof_meter_minute"
                         . " WHERE endpoint = '$consents'"))[0][0] };
my $before = $errors->();
my ($headers) = $o->request_parts('plain', json => {});
my $c = $o->connect('plain');
$c->write("POST /hasty$consents HTTP/1.1\r\nContent-Length: 9\r\n"
          . join('', map { "$_->[0]: $_->[1]\r\n" } @$headers) . "\r\n{");
ok($c->closed(5), 'a body that does not come');
wait_for(sub { $errors->() > $before }, 10, 'its count');
pass('counts as an error');


# the database is away: that is told, within the second that who watches waits

my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64,
                                   LocalPort => free_port())
    or die "no port: $!";

for ([ 1, 'refused' ], [ $silent->sockport, 'silent' ]) {
    my ($port, $how) = @$_;

    my $lost = Test::Oof->start(wait => 0, http => <<"END",
    oof_database lost {
        connect "host=127.0.0.1 port=$port dbname=x user=x";
        lease off;
    }
END
        locations => <<"END");
        location $discovery/ {
            oof_api discovery v2;
            oof_database lost;
        }
END

    my $start = time;
    $r = $lost->call(GET => "$discovery/status", client => undef,
                     headers => { 'x-fapi-interaction-id' => undef });
    is($r->{status}, 200, "a database that is $how: an answer");
    is($r->{json}{data}{status}[0]{code}, 'UNAVAILABLE', 'nothing is there');
    cmp_ok(time - $start, '<', 2, 'before who watches goes away');
    $lost->stop;
}

done_testing();
