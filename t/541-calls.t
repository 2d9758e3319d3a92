#!/usr/bin/perl

# Copyright (C) oof authors

# Reports of calls (PCM): a record for each call of a third party whose
# certificate is known, gathered in a worker, written in rows; what is kept
# while the database is away, what is dropped, what a quitting worker does.
# Spec 6.4 (each authenticated call is reported), platform 2.9 and 4 (fields).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Compress::Zlib qw/ crc32 /;
use JSON::PP ();
use Test::More;
use Test::Oof;
use Time::HiRes qw/ sleep time /;

my $uuid = qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
my $one = $Test::Oof::Clients{one}{organisation_id};


# rows, oldest first; records of all of them

sub rows {
    return map { { id => $_->[0], key => $_->[1], type => $_->[2],
                   brand => $_->[3], version => $_->[4],
                   late => $_->[5], data => decoded($_->[6]) } }
           psql('SELECT id, key, type, brand, version,'
                . ' round(extract(epoch FROM stamp - "time") * 1000), data'
                . ' FROM oof_call ORDER BY stamp');
}

sub records { return map { @{ $_->{data}{calls} } } rows() }

sub clear { psql('DELETE FROM oof_call') }

sub wait_records {
    my ($n) = @_;

    wait_for(sub { records() >= $n }, 10, "$n records");
}


my $o = Test::Oof->start(http => 'oof_call_reports on; oof_call_buffer 128k;',
    locations => Test::Oof::location_defaults() . <<'END');
        location /open-banking/consents/v3/off/ {
            oof_api consents v3;
            oof_call_reports off;
        }
END


# a call, the whole record

my $id = new_uuid() =~ s/^./A/r;
my $before = time;
my $r = $o->call(POST => "$Test::Oof::Api/consents", json => consent_body(),
                 headers => { 'x-fapi-interaction-id' => $id });
is($r->{status}, 201, 'a consent');
my $consent = $r->{json}{data}{consentId};

wait_records(1);
my ($row) = rows();
my ($c) = records();

like($row->{id}, qr/^[0-9a-f]{8}-[0-9a-f]{4}-7/, 'the row has a UUIDv7');
is($row->{key}, $row->{id}, 'its key is its own');
is($row->{type}, 'oof.api.calls', 'type');
is($row->{brand}, 'bank', 'brand');
is($row->{version}, 1, 'version');
cmp_ok($row->{late}, '>=', 900, 'it was gathered for a second');

my $start = delete $c->{timestamp};
like($start, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'when it came');
like(delete $c->{processTimespan}, qr/^\d+$/, 'how long it took');
is_deeply($c, {
    fapiInteractionId => $id, role => 'SERVER', httpMethod => 'POST',
    endpoint => '/open-banking/consents/v3/consents', statusCode => 201,
    serverOrgId => $Test::Oof::Organisation, clientOrgId => $one,
    additionalInfo => { clientIp => '127.0.0.1', consentId => $consent },
}, 'a call that went well: the whole record');


# refusals; what nobody is known to have called is not reported

clear();

$o->call(GET => "$Test::Oof::Api/consents/urn:bank:" . new_uuid(),
         scope => 'payments');
$o->call(GET => "$Test::Oof::Api/consents/urn:bank:" . new_uuid(),
         token => 'x', client => 'two');
$o->call(POST => "$Test::Oof::Api/consents",
         json => consent_body(permissions => []));
$o->call(GET => "$Test::Oof::Api/consents/urn:bank:" . new_uuid(),
         headers => { 'x-fapi-interaction-id' => undef });
$o->call(GET => "$Test::Oof::Api/nothing");
$o->call(GET => "$Test::Oof::Api/consents/urn:bank:" . new_uuid(),
         cert => undef);
$o->call(GET => "$Test::Oof::Api/off/consents/1");

wait_records(4);
sleep 0.3;

is(join("\n", map { join ' ', $_->{httpMethod}, $_->{endpoint} =~ s/.*v3//r,
                              $_->{statusCode}, $_->{errorCode} // '-',
                              $_->{clientOrgId} eq $one ? 'one' : 'two' }
              records()), <<'END' =~ s/\n$//r, 'refused calls');
GET /consents/{consentId} 403 FORBIDDEN one
GET /consents/{consentId} 401 UNAUTHORIZED two
POST /consents 400 PARAMETRO_INVALIDO one
GET /consents/{consentId} 400 BAD_REQUEST one
END

like($_->{fapiInteractionId}, qr/^$uuid$/i, 'has an interaction id')
    for records();

my $text = join '', map { JSON::PP::encode_json($_) } rows();
unlike($text, qr/48847377765/, 'no document of a person');
unlike($text, qr/eyJ/, 'no token');


# many: a row is at most 500 records and 64 KB

clear();
my $token = token();
my $kept = $o->connect('plain');
my ($headers) = $o->request_parts('plain', token => $token);

for (1 .. 600) {
    $kept->request(GET => "$Test::Oof::Api/consents/$consent", $headers);
}

wait_records(600);
my @rows = rows();

is(scalar(records()), 600, 'each call is there, once');
cmp_ok(scalar @rows, '>', 1, 'in several rows');
is(scalar(grep { $_->[0] > 65536 || $_->[1] > 500 }
          psql("SELECT octet_length(data), (SELECT count(*) FROM"
               . " json_array_elements(data::json -> 'calls')) FROM oof_call")),
   0, 'none of which is too large');
is($o->metric('oof_call_reports_total', result => 'written'), 605,
   'the metric counts them');
is($o->metric('oof_call_reports_total', result => 'dropped'), 0,
   'none was dropped');


# without waiting for the disk, and only they

is((psql("SELECT setting FROM pg_settings WHERE name = 'synchronous_commit'"))
       [0][0], 'on', 'the server waits for the disk');

my $s = Test::Oof::Postgres::session(database_dsn());
my $sql = Test::Oof::slurp("$Test::Oof::Root/ngx_oof_common/sql/call_add.sql");
$sql =~ s/^\s*--.*\n//mg;
$s->run("PREPARE a (uuid, timestamptz, timestamptz, text, text) AS $sql");
my $again = '01936000-0000-7000-8000-000000000001';
my $waits = sub { ($s->run('SHOW synchronous_commit'))[0] };

$s->run("BEGIN; EXECUTE a ('$again', now(), now(), 'b', '{}')");
is($waits->(), 'off', 'whose commit does not wait for it');
$s->run('COMMIT');
is($waits->(), 'on', 'as the next one does');
is((psql("SELECT count(*) FROM oof_call WHERE id = '$again'"))[0][0], 1,
   'a row is written');
$s->run("EXECUTE a ('$again', now(), now(), 'b', '{}')");
is((psql("SELECT count(*) FROM oof_call WHERE id = '$again'"))[0][0], 1,
   'a row that comes again is the same');
$s->close;


# the table is away: calls go on, records wait, and come when it is back

clear();
psql('ALTER TABLE oof_call RENAME TO oof_call_away');

for (1 .. 20) {
    is($kept->request(GET => "$Test::Oof::Api/consents/$consent",
                      $headers)->{status}, 200, 'served') if $_ == 1;
    $kept->request(GET => "$Test::Oof::Api/consents/$consent", $headers)
        if $_ > 1;
}

sleep 1.3;
psql('ALTER TABLE oof_call_away RENAME TO oof_call');
wait_records(20);
is(scalar(records()), 20, 'what waited is there, once');

# more than there is room for is dropped and counted, and nothing else happens

$kept->close;
$kept = $o->connect('plain');
psql('ALTER TABLE oof_call RENAME TO oof_call_away');
my $dropped = $o->metric('oof_call_reports_total', result => 'dropped');

for (1 .. 500) {
    $r = $kept->request(GET => "$Test::Oof::Api/consents/$consent", $headers);
}

is($r->{status}, 200, 'still served');
cmp_ok($o->metric('oof_call_reports_total', result => 'dropped') - $dropped,
       '>', 50, 'what has no room is dropped, and counted');
like($o->log_text, qr/\[error\].*reports of calls are dropped/, 'and told');
is(() = $o->log_text =~ /reports of calls are dropped/g, 1, 'once');

psql('ALTER TABLE oof_call_away RENAME TO oof_call');
wait_for(sub { records() > 200 }, 10, 'what had room');

# what the server refuses again and again is dropped, and holds up no other

clear();
psql("ALTER TABLE oof_call ADD CONSTRAINT broken CHECK (data NOT LIKE '%"
     . ($id = new_uuid()) . "%') NOT VALID");
$dropped = $o->metric('oof_call_reports_total', result => 'dropped');
$o->call(GET => "$Test::Oof::Api/consents/$consent", token => $token,
         headers => { 'x-fapi-interaction-id' => $id });
wait_for(sub { $o->metric('oof_call_reports_total', result => 'dropped')
               == $dropped + 1 }, 20, 'the end of its tries');
psql('ALTER TABLE oof_call DROP CONSTRAINT broken');
like($o->log_text, qr/\[error\].*1 reports .* dropped: the database refuses/,
     'which is told');


# a worker that quits writes what it has at once

clear();
$kept->request(GET => "$Test::Oof::Api/consents/$consent", $headers)
    for 1 .. 3;
$kept->close;
$before = time;
$o->stop;
cmp_ok(time - $before, '<', 1.5, 'it quits soon');
is(scalar(records()), 3, 'with everything written');


# a share of them: the same calls whoever is asked

clear();
$o->configure(http => 'oof_call_reports 37.5%;', workers => 2);
$o->launch;

my @ids = map { new_uuid() } 1 .. 40;
for my $id (@ids, @ids) {
    $o->call(GET => "$Test::Oof::Api/consents/$consent", token => $token,
             headers => { 'x-fapi-interaction-id' => $id });
}

$o->stop;
my %seen;
$seen{$_->{fapiInteractionId}}++ for records();
is_deeply(\%seen, { map { $_ => 2 } grep { crc32($_) % 10000 < 3750 } @ids },
          'by their ids');


# consumers get them as events of their own type

clear();
my $told = "$Test::Oof::Dir/told.jsonl";
$o->configure(http => "oof_call_reports on; oof_events log { path $told; }",
              workers => 1, leases => 1);
$o->launch;

sub told { grep { $_->{type} eq 'oof.api.calls' }
           map { decoded($_) } split /\n/, Test::Oof::slurp($told, 1) }

wait_for(sub { ($o->metric('oof_lease_held', lease => 'relay') // 0) == 1 },
         15, 'the relay');
$id = new_uuid();
$o->call(GET => "$Test::Oof::Api/consents/$consent", token => $token,
         headers => { 'x-fapi-interaction-id' => $id });
wait_for(sub { scalar told() }, 15, 'an event');

my ($event) = told();
($row) = rows();
is($event->{id}, $row->{id}, 'the event is the row');
is($event->{subject}, $row->{id}, 'of a subject of its own');
is($event->{dataschema}, 'urn:oof:event:oof.api.calls', 'whose schema is told');
is($event->{data}{calls}[0]{fapiInteractionId}, $id, 'it has the call');
$o->stop;


# what the directives do not take

for ([ 'oof_call_reports maybe;', qr/must be "on", "off" or a share/ ],
     [ 'oof_call_reports 0%;', qr/must be a share of 0.01% to 100%/ ],
     [ 'oof_call_reports 101%;', qr/must be a share of 0.01% to 100%/ ],
     [ 'oof_call_reports on; oof_call_reports on;', qr/is duplicate/ ],
     [ 'oof_call_buffer 64k;', qr/"oof_call_buffer" is too small/ ])
{
    my ($text, $why) = @$_;

    $o->configure(http => $text);
    my ($fine, $said) = $o->test_config;
    ok(!$fine, "$text is refused");
    like($said, $why, 'and it says why');
}

done_testing();
