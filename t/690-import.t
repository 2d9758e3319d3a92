#!/usr/bin/perl

# Copyright (C) oof authors

# Clients, ids of resources and consents of another platform: what build/import
# stores the module serves as if it were its own: read, gate, resources, bank's
# search, renewal, revocation.  Dry run, faults, twice, killed midway; and with
# "build.sh test --long" how fast.  Spec 1.7, 1.8.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof;
use Test::Oof::Bank;
use Test::Oof::Consents qw/ at extend_consent extensions get_consent renewal
                            end_consent /;
use Test::Oof::Gate ();
use Test::Oof::Journey qw/ resources $Ana @Bakery /;
use Time::HiRes qw/ sleep /;

my $dir = $Test::Oof::Dir;
my $import = "$Test::Oof::Root/build/import";
my $json = JSON::PP->new->canonical->utf8;
my $gate = '/open-banking/accounts/v2/accounts';
my $behind = Test::Oof::Gate::bank();
my %one = %{ $Test::Oof::Clients{one} };

my $o = bank_side(locations => Test::Oof::location_defaults() . <<'END'
        location /open-banking/resources/v3/ {
            oof_api resources v3;
        }
END
    . Test::Oof::Gate::gate_locations($behind, [ 'accounts', 'v2' ]));

Test::Oof::key_file($_) for qw/ encrypt lookup /;
Test::Oof::spew("$dir/keys.conf", <<'END');
# as nginx has them
encrypt k1 encrypt.hex;
lookup  l1 lookup.hex;
END


# --- what is there to import

my ($account, $loan, $person, $company, $ended, $awaiting)
    = map { new_uuid() } 1 .. 6;

my $client = { kind => 'client', clientId => 'moved', name => 'Moved Ltda',
               organisationId => $one{organisation_id},
               webhookUris => [ 'https://moved.oof.test/hook' ],
               roles => [ 'DADOS' ] };
my $resource = { kind => 'resource', resourceId => uc $account,
    type => 'ACCOUNT', holders => [ $Ana ],
    legacyId => [ { key => 'number', value => '00017' },
                  { key => 'branch', value => "caf\x{e9} \"1\"\t" } ] };
my $other = { kind => 'resource', resourceId => $loan, type => 'LOAN',
              legacyId => [ { key => 'contract', value => 'L-1' } ] };

sub consent {
    my ($id, %more) = @_;

    my %line = (kind => 'consent', consentId => "urn:bank:$id",
        clientId => $one{client_id}, organisationId => $one{organisation_id},
        status => 'AUTHORISED', creationDateTime => at(-864000),
        statusUpdateDateTime => at(-863000),
        expirationDateTime => at(8640000),
        permissions => [ qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ
                             RESOURCES_READ / ],
        loggedUser => owner($Ana, 'CPF'), %more);

    delete $line{$_} for grep { !defined $line{$_} } keys %line;

    return \%line;
}

sub owner {
    return { document => { identification => $_[0], rel => $_[1] } };
}

my %bakery = @Bakery;
my $renewed = at(-86400);
my @consents = (
    consent($person, resources => [ { resourceId => $account } ]),
    consent($company, expirationDateTime => '2300-01-01T00:00:00Z',
        loggedUser => owner($bakery{cpf}, 'CPF'),
        businessEntity => owner($bakery{cnpj}, 'CNPJ'),
        resources => [ { resourceId => $account, status => 'UNAVAILABLE' } ],
        extensions => [ { loggedUser => owner($bakery{cpf}, 'CPF'),
            requestDateTime => $renewed,
            expirationDateTime => '2300-01-01T00:00:00Z',
            previousExpirationDateTime => at(8640000),
            xFapiCustomerIpAddress => '203.0.113.9',
            xCustomerUserAgent => 'Old/1.0' } ]),
    consent($ended, status => 'REJECTED', rejection => {
        rejectedBy => 'USER', reason => {
            code => 'CUSTOMER_MANUALLY_REVOKED' } },
        history => [
            { status => 'AWAITING_AUTHORISATION', dateTime => at(-864000),
              actor => 'client' },
            { status => 'AUTHORISED', dateTime => at(-863500),
              actor => 'customer' },
            { status => 'REJECTED', dateTime => at(-863000),
              actor => 'customer' } ]),
    consent($awaiting, status => 'AWAITING_AUTHORISATION',
            creationDateTime => at(-60), statusUpdateDateTime => at(-60)));

my @lines = ($client, $resource, $other, @consents);


# --- dry run

my $before = tables();
my $run = import(\@lines, '--dry-run', '--database', dsn(), '--brand', 'bank');
is($run->{code}, 0, 'a dry run is fine') or diag($run->{err});
like($run->{out}, qr/^consents\s+would be new 4, there already 0, refused 0$/m,
     'it tells what would be new');
like($run->{out}, qr/nothing was written/, 'and that nothing was written');
is(tables(), $before, 'which is so');

$run = import(\@lines, '--dry-run');
is($run->{code}, 0, 'a dry run needs neither database nor keys');


# --- the real one

my @args = ('--database', dsn(), '--keys', "$dir/keys.conf", '--brand', 'bank',
            '--namespace', 'bank');

$run = import(\@lines, @args);
is($run->{code}, 0, 'imported') or diag($run->{err});
is($run->{err}, '', 'without a word of faults');
like($run->{out}, qr/^clients\s+new 1,/m, 'a summary of clients');
like($run->{out}, qr/^resources\s+new 2,/m, 'of resources');
like($run->{out}, qr/^consents\s+new 4,/m, 'and of consents');

my $stored = tables();
my $used = (psql('SELECT sum(reserved) FROM oof_key_usage'
                 . " WHERE name = 'import/k1'"))[0][0];
$run = import(\@lines, @args);
is($run->{code}, 0, 'once more');
like($run->{out}, qr/^consents\s+new 0, there already 4, refused 0$/m,
     'all is there already');
is(tables(), $stored, 'and nothing has changed');
is((psql('SELECT sum(reserved) FROM oof_key_usage'
         . " WHERE name = 'import/k1'"))[0][0], $used,
   'nothing was sealed again');
is((psql("SELECT DISTINCT key_id FROM oof_key_usage"))[0][0]
       && scalar(psql('SELECT DISTINCT key_id FROM oof_key_usage')), 1,
   'its use is counted with that of the module, by the same fingerprint');
is((psql('SELECT count(*) FROM oof_event'))[0][0], 0, 'nothing is an event');


# --- served

my $r = get_consent($o, "urn:bank:$person");
is($r->{status}, 200, 'GET by the third party');
is($r->{json}{data}{status}, 'AUTHORISED', 'its status');
is($r->{json}{data}{creationDateTime}, $consents[0]{creationDateTime},
   'since when');
is($r->{json}{data}{expirationDateTime}, $consents[0]{expirationDateTime},
   'until when');
is_deeply([ sort @{ $r->{json}{data}{permissions} } ],
          [ sort @{ $consents[0]{permissions} } ], 'its permissions');
schema_ok('consents-v3 GET /consents/{consentId}', $r, 'as specified');

$r = get_consent($o, "urn:bank:$company");
ok(!exists $r->{json}{data}{expirationDateTime}, '2300 is an indefinite term');
$r = get_consent($o, "urn:bank:$ended");
is($r->{json}{data}{rejection}{reason}{code}, 'CUSTOMER_MANUALLY_REVOKED',
   'why one has ended');
is(get_consent($o, "urn:bank:$awaiting")->{json}{data}{status},
   'AWAITING_AUTHORISATION', 'one that waits for its customer');

$behind->answer("$gate/$account", body => '{"data":{}}',
                headers => { 'Content-Type' => 'application/json' });
$r = Test::Oof::Gate::get($o, "urn:bank:$person", "$gate/$account");
is($r->{status}, 200, 'the gate lets it through') or diag($r->{body});
my $seen = Test::Oof::Gate::seen($behind);
my ($told) = grep { /00017/ } map { ref $_ ? @$_ : $_ }
             values %{ $seen->{headers} };
like($told // '', qr/number.*00017/, 'how the core calls the account');
is(Test::Oof::Gate::get($o, "urn:bank:$ended", "$gate/$account")->{status},
   401, 'one that has ended gives nothing');

$r = resources($o, "urn:bank:$person");
is_deeply([ map { "$_->{resourceId} $_->{type} $_->{status}" }
                @{ $r->{json}{data} } ],
          [ "$account ACCOUNT AVAILABLE" ], 'its resources');
$r = resources($o, "urn:bank:$company");
is($r->{json}{data}[0]{status}, 'UNAVAILABLE', 'each with its status');

like(listed($o, "cpf=$Ana"), qr/\b$person\b/, "the bank finds it by CPF");
like(listed($o, "cnpj=$bakery{cnpj}"), qr/\b$company\b/, 'and by CNPJ');
$r = ask($o, 'GET', '/v1/consents/{consentId}', id => "urn:bank:$person");
is($r->{status}, 200, 'its detail');
like($r->{body}, qr/00017/, 'with the legacy id');

$r = extensions($o, "urn:bank:$company");
is_deeply($r->{json}{data}, [ { loggedUser => owner($bakery{cpf}, 'CPF'),
    requestDateTime => $renewed, previousExpirationDateTime =>
        $consents[1]{extensions}[0]{previousExpirationDateTime},
    xFapiCustomerIpAddress => '203.0.113.9',
    xCustomerUserAgent => 'Old/1.0' } ], 'its renewals, as they were');

$r = extend_consent($o, "urn:bank:$person", renewal(
    loggedUser => owner($Ana, 'CPF'), expirationDateTime => at(9000000)));
is($r->{status}, 201, 'it is renewed') or diag($r->{body});
is(end_consent($o, "urn:bank:$person")->{status}, 204, 'and revoked');
is(get_consent($o, "urn:bank:$person")->{json}{data}{status}, 'REJECTED',
   'and over');
is(join(' ', map { "$_->[0]:$_->[1]" }
             psql("SELECT version, status FROM oof_consent_history WHERE"
                  . " consent_id = '$person' ORDER BY version")),
   '1:AWAITING_AUTHORISATION 2:AUTHORISED 3:AUTHORISED 4:REJECTED',
   'one history of both');
my $after = tables();
import(\@lines, @args);
is(tables(), $after, 'another run does not bring it back');


# --- faults, each told with its line and nothing of its values

my $secret = '98765432100';
my @bad = (
    [ '{', qr/it is no JSON/ ],
    [ '[1]', qr/it is no JSON object/ ],
    [ '{"kind":"client","kind":"client"}', qr/a member is there twice/ ],
    [ { kind => 'payment' }, qr/kind is none of/ ],
    [ { %$client, clientId => undef }, qr/clientId is missing/ ],
    [ { %$client, organisationId => 'x' }, qr/organisationId does not have/ ],
    [ { %$client, webhookUris => [ 'http://x' ] }, qr/webhookUris does not/ ],
    [ { %$client, status => 'GONE' }, qr/status is none of/ ],
    [ { %$client, extra => 1 }, qr/a member that is not known/ ],
    [ { %$resource, type => 'HOUSE' }, qr/type is none of/ ],
    [ { %$resource, legacyId => [] }, qr/legacyId is missing, or empty/ ],
    [ { %$resource, legacyId => [ { value => $secret } ] },
      qr/legacyId\.key is missing/ ],
    [ { %$resource, holders => [ "${secret}1" ] }, qr/holders has an elem/ ],
    [ consent(new_uuid(), consentId => new_uuid()), qr/consentId is no URN/ ],
    [ consent(new_uuid(), consentId => 'urn:else:' . new_uuid()),
      qr/another namespace/ ],
    [ consent('not-a-uuid'), qr/does not end with a UUID/ ],
    [ consent(uc(new_uuid()) =~ s/.\z/A/r), qr/capital letters/ ],
    [ consent(new_uuid(), status => 'CONSUMED'), qr/status is none of/ ],
    [ consent(new_uuid(), creationDateTime => '2025-02-30T00:00:00Z'),
      qr/creationDateTime is no date/ ],
    [ consent(new_uuid(), statusUpdateDateTime => at(-999999)),
      qr/statusUpdateDateTime is before/ ],
    [ consent(new_uuid(), expirationDateTime => at(-864000)),
      qr/expirationDateTime is not after/ ],
    [ consent(new_uuid(), permissions => []), qr/permissions is empty/ ],
    [ consent(new_uuid(), permissions => [ 'ACCOUNTS_WRITE' ]),
      qr/permissions has one that there is not/ ],
    [ consent(new_uuid(), permissions => [
        'CUSTOMERS_BUSINESS_IDENTIFICATIONS_READ' ]), qr/of a company/ ],
    [ consent(new_uuid(), loggedUser => owner("${secret}9", 'CPF')),
      qr/loggedUser\.document\.identification does not have the form/ ],
    [ consent(new_uuid(), loggedUser => owner($secret, 'RG')),
      qr/loggedUser\.document\.rel/ ],
    [ consent(new_uuid(), businessEntity => owner($secret, 'CNPJ')),
      qr/businessEntity\.document\.identification/ ],
    [ consent(new_uuid(), status => 'REJECTED'), qr/rejection is missing/ ],
    [ consent(new_uuid(), rejection => { rejectedBy => 'USER' }),
      qr/the consent is not REJECTED/ ],
    [ consent(new_uuid(), resources => [ { resourceId => new_uuid() } ]),
      qr/resources has one that is not there/ ],
    [ consent(new_uuid(), resources => [ ({ resourceId => $account }) x 2 ]),
      qr/resources has one twice/ ],
    [ consent(new_uuid(), history => [ { status => 'AUTHORISED',
                                         dateTime => at(-9) } ]),
      qr/history does not begin/ ],
    [ consent(new_uuid(), extensions => [ { requestDateTime => at(-9) } ]),
      qr/extensions\.loggedUser is missing/ ],
    [ { %$resource, resourceId => new_uuid() }, qr/legacyId has another/ ],
    [ { %$resource, legacyId => [ { key => 'x', value => 'y' } ] },
      qr/resourceId is that of another/ ],
    [ consent(new_uuid(), clientId => 'moved', organisationId => new_uuid()),
      qr/./ ],
);

pop @bad;    # of a client that is in the same files: below

my $good = new_uuid();
my @mixed = map { $_->[0] } @bad;
splice @mixed, 20, 0, consent($good);
$run = import(\@mixed, @args);
is($run->{code}, 1, 'lines are refused');

my %fault = map { /^\S+?:(\d+): (.*)/ ? ($1 => $2) : () }
            split /\n/, $run->{err};

for my $i (0 .. $#bad) {
    my $line = $i < 20 ? $i + 1 : $i + 2;
    like($fault{$line} // 'nothing', $bad[$i][1], "line $line: refused");
}

is(scalar keys %fault, scalar @bad, 'and no other');
unlike($run->{err} . $run->{out}, qr/$secret/, 'no personal data is told');
is(get_consent($o, "urn:bank:$good")->{status}, 200, 'the good one is stored');

$run = import([ $client, consent(new_uuid(), clientId => 'moved',
                                 organisationId => new_uuid()) ],
              '--dry-run');
like($run->{err}, qr/:2: organisationId is not that of its client/,
     'a client of another organisation');
my $twice = consent(new_uuid());
$run = import([ $twice, $twice ], '--dry-run');
like($run->{err}, qr/:2: it is there twice, first in line 1/, 'a line twice');
$run = import([ consent(new_uuid(), resources => [
                    { resourceId => new_uuid() } ]) ], '--dry-run');
like($run->{err}, qr/:1: resources has one that is not there/,
     'a dry run misses resources, too');
$run = import([ 'x' x 300000, $twice ], '--dry-run');
like($run->{err}, qr/:1: it has more than 262144 bytes/, 'a line too long');
like($run->{out}, qr/^consents\s+would be new 1/m, 'and the next is read');

is(import(\@lines)->{code}, 2, 'without its words it does not begin');
is(import(\@lines, '--database', 'host=127.0.0.1 port=1', @args[2 .. 7])
       ->{code}, 3, 'nor without the database');


# --- the schema in docs/ says the same of good lines

schema_says(\@lines);


# --- killed midway, and called again; traffic goes on beside it

my $made = at(-864000);
my @many = map { consent(new_uuid(), creationDateTime => $made) } 1 .. 4000;
lines_to("$dir/many.ndjson", \@many);
my $pid = fork // die $!;

if (!$pid) {
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', "$dir/many.err";
    exec '/usr/bin/python3', $import, "$dir/many.ndjson", @args;
}

wait_for(sub { stored() >= 500 || -s "$dir/many.err" }, 60,
         'the first batches');
is(Test::Oof::slurp("$dir/many.err", 1), '', 'nothing is wrong');
kill KILL => $pid;
waitpid $pid, 0;
sleep 0.3;
my $part = stored();
cmp_ok($part, '<', 4000, "killed after $part");
is($part % 500, 0, 'batches are whole');

$run = import(undef, "$dir/many.ndjson", @args);
is($run->{code}, 0, 'called again') or diag($run->{err});
is(stored(), 4000, 'all are there');
like($run->{out}, qr/^consents\s+new @{[ 4000 - $part ]}, there already $part,/m,
     'those of before were left alone');
is((psql("SELECT count(*) FROM oof_consent c WHERE (SELECT count(*) FROM"
         . ' oof_consent_history h WHERE h.consent_id = c.consent_id) < 1'))
   [0][0], 0, 'each with its history');


SKIP: {
    skip('how fast: only with test --long', 1) if !$ENV{OOF_MEASURE};

    my @fast = map { consent(new_uuid(), resources => [
                                 { resourceId => $account } ]) } 1 .. 20000;
    lines_to("$dir/fast.ndjson", \@fast);
    $run = import(undef, "$dir/fast.ndjson", @args);
    my ($rate) = $run->{out} =~ /, (\d+)\/s/;
    diag("consents imported a second: $rate");
    cmp_ok($rate, '>=', 1000, "$rate consents a second");
}

done_testing();


sub dsn { return database_dsn() }

sub stored {
    return (psql('SELECT count(*) FROM oof_consent WHERE consent_id IN ('
                 . "SELECT consent_id FROM oof_consent WHERE creation ="
                 . " '$many[0]{creationDateTime}')"
                 . " AND client_id = 'client-one' AND consent_id NOT IN"
                 . " ('$person', '$company', '$ended', '$good')"))[0][0];
}

sub lines_to {
    my ($path, $lines) = @_;

    open my $f, '>', $path or die $!;

    for my $line (@$lines) {
        my %said = ref $line ? %$line : ();

        delete $said{$_} for grep { !defined $said{$_} } keys %said;
        print $f ref $line eq 'HASH' ? $json->encode(\%said) : $line, "\n";
    }

    close $f;
}

sub import {
    my ($lines, @args) = @_;

    if ($lines) {
        lines_to("$dir/in.ndjson", $lines);
        unshift @args, "$dir/in.ndjson";
    }

    my $code = system("/usr/bin/python3 $import "
                      . join(' ', map { quotemeta } @args)
                      . " > $dir/out 2> $dir/err");

    return { code => $code >> 8, out => Test::Oof::slurp("$dir/out", 1),
             err => Test::Oof::slurp("$dir/err", 1) };
}

# every row of what is imported

sub tables {
    return join "\n", map { $_->[0] // '' } psql(join ' UNION ALL ', map {
        "SELECT '$_ ' || count(*) || ' ' || coalesce(md5(string_agg(t::text,"
        . " '|' ORDER BY t::text)), '') FROM $_ t" }
        qw/ oof_client oof_resource oof_consent oof_consent_history
            oof_consent_extension oof_consent_resource /);
}

sub schema_says {
    my ($lines) = @_;

    lines_to("$dir/judged.ndjson", $lines);
    is(system('/usr/bin/python3', '-c', <<'END', $Test::Oof::Root,
import json, sys
import jsonschema
schema = json.load(open(sys.argv[1] + '/docs/import.schema.json'))
jsonschema.Draft7Validator.check_schema(schema)
judge = jsonschema.Draft7Validator(schema)
for line in open(sys.argv[2]):
    judge.validate(json.loads(line))
for bad in ({}, {'kind': 'consent'}, {'kind': 'house'},
            {'kind': 'resource', 'resourceId': 'x'}):
    assert not judge.is_valid(bad)
consent = schema['definitions']['consent']['properties']
source = open(sys.argv[1] + '/build/import').read()
names = source.split('PERMISSIONS = """')[1].split('"""')[0].split()
assert consent['permissions']['items']['enum'] == names
c = open(sys.argv[1] + '/ngx_oof_consent/src/ngx_oof_consent_permission.c')
c = c.read().split('ngx_oof_consent_names[]')[1].split('ngx_null_string')[0]
assert [x.split('"')[1] for x in c.split('\n') if 'ngx_string' in x] == names
END
        "$dir/judged.ndjson"), 0, 'docs/import.schema.json says the same');
}
