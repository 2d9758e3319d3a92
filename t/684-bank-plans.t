#!/usr/bin/perl

# Copyright (C) oof authors

# No filter and no order of the bank's lists reads a whole table, nor does any
# other statement of the consent management API; and a page costs the same
# however many consents there are behind it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof;
use Test::Oof::Consents qw/ at /;
use Test::Oof::Journey qw/ bank $Ana $Bruno $Carla @Bakery /;
use Test::Oof::Bank;

my $rows = 40_000;
my $o = bank_side();

my $mine = in_state($o, 'AUTHORISED', more => {
    expirationDateTime => at(86400 * 365) });
my $joint = in_state($o, 'AUTHORISED', cpf => $Carla);
my $company = in_state($o, 'AUTHORISED', @Bakery,
                       groups => [ 'accounts', 'company' ]);
my $own = "/consents/v1/consents/$mine";


# --- many more: of all states, of a thousand customers and fifty clients

psql(<<"END");
INSERT INTO oof_client (brand, client_id, organisation_id, software_id, name,
                        logo_uri, webhook_uris, roles, status, created,
                        updated)
     SELECT brand, 'c' || i, organisation_id, software_id,
            'Organisation ' || i, logo_uri, webhook_uris, roles, status,
            created, updated
       FROM oof_client, generate_series(1, 50) i
      WHERE client_id = 'client-one';
INSERT INTO oof_consent (consent_id, brand, client_id, organisation_id, status,
                         creation, status_update, expiration, permissions,
                         authorise_until, version, stamp, personal, cpf_hmac,
                         cnpj_hmac, rejected_by, reason_code, authorised)
     SELECT gen_random_uuid(), c.brand, 'c' || (1 + i % 50),
            c.organisation_id,
            CASE i % 5 WHEN 0 THEN 'AUTHORISED'
                       WHEN 1 THEN 'AWAITING_AUTHORISATION'
                       ELSE 'REJECTED' END,
            now() - i * interval '10 s', now(),
            CASE WHEN i % 5000 = 0 THEN now() + interval '2 years'
                 WHEN i % 7 > 0 THEN now() + interval '1 year' END, 1,
            now() + interval '1 h', 1, now(), c.personal,
            sha256((i % 1000)::text::bytea),
            CASE WHEN i % 3 = 0 THEN sha256('c' || (i % 999)::text::bytea) END,
            CASE WHEN i % 5 > 1 THEN 'USER' END,
            CASE i % 5 WHEN 2 THEN 'CUSTOMER_MANUALLY_REVOKED'
                       WHEN 3 THEN 'CONSENT_MAX_DATE_REACHED'
                       WHEN 4 THEN 'CONSENT_EXPIRED' END,
            CASE WHEN i % 5 IN (0, 2, 3) THEN now() END
       FROM oof_consent c, generate_series(1, $rows) i
      WHERE c.consent_id = '$mine';
INSERT INTO oof_consent_history (consent_id, version, "at", status, actor,
                                 event_id)
     SELECT consent_id, 1, creation, 'AWAITING_AUTHORISATION', 'client',
            gen_random_uuid()
       FROM oof_consent ON CONFLICT DO NOTHING;
INSERT INTO oof_consent_search_key (consent_id, creation, brand, key_hmac)
     SELECT consent_id, creation, brand,
            sha256((row_number() OVER () % 5000)::text::bytea)
       FROM oof_consent;
INSERT INTO oof_consent_metadata (consent_id, changed, version, brand,
                                  personal)
     SELECT consent_id, creation, 1, brand, personal FROM oof_consent;
INSERT INTO oof_consent_webhook (consent_id, changed, brand, active)
     SELECT consent_id, creation, brand, true FROM oof_consent;
INSERT INTO oof_consent_resource
     SELECT consent_id, gen_random_uuid(), creation, 'ACCOUNT', 'AVAILABLE'
       FROM oof_consent;
INSERT INTO oof_consent_approver (consent_id, resource_id, "at", status,
                                  cpf_hmac, personal)
     SELECT consent_id, gen_random_uuid(), creation, 'AUTHORISED', cpf_hmac,
            personal
       FROM oof_consent WHERE status = 'AUTHORISED' ON CONFLICT DO NOTHING;
ANALYZE
END


# --- by the API: no table is ever read as a whole

my $far = at(86400 * 30);
my $near = at(-86400);
my @filters = (
    undef, (map { "cpf=$_" } $Ana, '00000000000'), "cnpj=$Bakery[3]",
    'consentOwner=' . enc(qq([{"key":"cpf","value":"$Ana"}])),
    'consentOwner=' . enc('[{"key":"conta","value":"1"}]'),
    "createdOnBegin=$near", "createdOnEnd=$far",
    "createdOnBegin=$near&createdOnEnd=$far",
    (map { "consentTermPeriod=$_" } -1, 12, 7),
    'searchKey=a', 'searchKeys=a,b,c',
    (map { "status=$_" } qw/ AUTHORISED AWAITING_AUTHORISATION REJECTED
        REVOKED EXPIRED TIMEOUT_AUTHORISATION CONSUMED /),
    'statusList=EXPIRED,REVOKED,AUTHORISED',
    'type=DATA_SHARING', 'type=PAYMENT', 'typeList=DATA_SHARING,PAYMENT',
    'modalityType=IMMEDIATE', 'paymentType=PIX',
    'orgName=organisation%2012', 'orgName=nobody',
    'orgName=organisation%207&consentTermPeriod=12',
    "cpf=$Ana&status=AUTHORISED", "cpf=$Ana&consentTermPeriod=12",
    "cpf=$Ana&orgName=client", "cpf=$Ana&searchKey=a",
    'consentTermPeriod=12&status=REVOKED', 'page=40', 'page-size=1000&page=10',
);

my $before = scans();
my $seen = 0;

for my $filter (@filters) {
    for my $order (qw/ ASC DESC OPF /) {
        my $query = join '&', "orderType=$order", $filter // ();
        my $r = list($query);

        $seen++;
        is($r->{status}, 200, "$query: status") or diag($r->{body});

        # and the page that it leads to

        my ($next) = ($r->{json}{links}{next} // '') =~ /\?(.*)/;
        is(list($next)->{status}, 200, "$query: next") if defined $next;
    }
}

is(list('orderType=OPF', customer => $_)->{status}, 200,
   "a customer's token") for $Ana, $Bruno, $Carla;
is(list(undef, customer => $Bakery[1], cnpj => $Bakery[3])->{status}, 200,
   'a token for a company');

# documents are opened there, and those of the copies are of another row

is(call(GET => '/consents/v2/active', query => "page-size=2$_")->{status}, 200,
   "active $_") for '', "&startDate=$near", "&endDate=$far",
                    "&startDate=$near&endDate=$far";

for my $uuid ($mine, $joint, $company) {
    is(call(GET => "/v1/consents/$uuid")->{status}, 200, 'a detail');
    is(call(GET => "/v1/consents/$uuid/extends")->{status}, 200, 'renewals');
}

my %yes = (json => { active => JSON::PP::true() });

for my $case (
    [ POST => "$own/search-key/k" ], [ GET => "$own/search-key/k" ],
    [ DELETE => "$own/search-key/k" ],
    [ POST => "$own/search-keys", json => [ 'a', 'b' ] ],
    [ GET => "$own/search-keys", query => 'searchKeys=a,b' ],
    [ DELETE => "$own/search-keys", query => 'searchKeys=a,b' ],
    [ PUT => "$own/meta-data", json => { data => '{"a":1}' } ],
    [ PATCH => "$own/meta-data", json => { data => '{"a":2}' } ],
    [ GET => "$own/meta-data" ], [ DELETE => "$own/meta-data" ],
    [ PATCH => "/v1/webhook/toggle/$mine", %yes ],
    [ GET => "/v1/webhook/status/$mine" ],
    [ POST => "/v1/payments/consents/$joint/authorisation",
      json => { data => { authorised => JSON::PP::true() } } ],
    (map { [ POST => '/v1/resources-notification',
             json => { data => { key => $_, type => 'LOAN' } } ] }
         $Ana, $Bakery[3], 'k'),
    [ PATCH => $own, json => { data => { rejection => { rejectedBy => 'USER',
          reason => { code => 'CUSTOMER_MANUALLY_REVOKED' } } } } ],
    [ PATCH => "/v1/consents/$joint", json => { data => { status => 'REVOKED',
          revocation => { revokedBy => 'USER', reason => {
              code => 'OTHER' } } } } ],
) {
    my ($method, $path, %args) = @$case;

    like(call($method, $path, %args)->{status}, qr/^20[04]$/,
         "$method " . $path =~ s/$mine|$joint/ID/r);
}

# a lane tells what it has done when it next ends a transaction after a second

my $after;

wait_for(sub {
    list('page-size=1') for 1 .. 8;
    call(PATCH => "/v1/webhook/toggle/$mine", %yes) for 1 .. 4;
    $after = scans();
    return $after->{oof_consent}{index}
           >= $before->{oof_consent}{index} + 3 * $seen
        && $after->{oof_consent_webhook}{index}
           > $before->{oof_consent_webhook}{index};
}, 10, 'statistics');

for my $table (sort keys %$after) {
    is($after->{$table}{seq}, $before->{$table}{seq},
       "$table is never read as a whole");
}

ok(exists $after->{$_}, "and there is $_")
    for qw/ oof_client oof_consent oof_consent_approver oof_consent_history
            oof_consent_metadata oof_consent_resource oof_consent_search_key
            oof_consent_webhook /;


# --- by EXPLAIN: the same of every statement, as a lane prepares it, and what
# a page looks at is bounded

my $one = Test::Oof::Postgres::session(database_dsn());

$one->run("SET TIME ZONE 'UTC'; SET enable_seqscan = off;"
          . ' SET plan_cache_mode = force_generic_plan');

my %types;

for my $statement (Test::Oof::Postgres::statements(
    glob "$Test::Oof::Root/ngx_oof_{common,consent}/sql/bank_*.sql"))
{
    my ($name, $types) = $statement =~ /^PREPARE (\S+) \((.*?)\)/;

    $types{$name} = [ split /, /, $types ];
    $one->run($statement);
}

cmp_ok(scalar keys %types, '>=', 18, 'statements');

for my $name (sort keys %types) {
    my $plan = join "\n", $one->run("EXPLAIN EXECUTE $name ("
                   . join(', ', ('NULL') x @{ $types{$name} }) . ')');

    like($plan, qr/cost=/, "$name has a plan");
    unlike($plan, qr/Seq Scan/, "$name: no table as a whole") or diag($plan);
}

# pages of the database that a list looks at

my $now = time;
my ($mail) = map { $_->[0] } psql("SELECT encode(sha256('1'), 'hex')");
my ($both) = map { $_->[0] } psql("SELECT encode(sha256('5'), 'hex')");
my ($firm) = map { $_->[0] } psql("SELECT encode(sha256('c9'), 'hex')");

sub streams {
    my ($asc) = @_;

    return JSON::PP->new->encode([ { k => 0, w => 126, lo => 0,
        hi => ($now + 86400) * 1e6,
        id => ($asc ? '00000000-0000-0000-0000-000000000000'
                    : 'ffffffff-ffff-ffff-ffff-ffffffffffff') } ]);
}

sub looks {
    my ($sql) = @_;

    my ($plan) = JSON::PP::decode_json(join '', $one->run(
        "EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) EXECUTE $sql"));

    return $plan->[0]{Plan}{'Shared Hit Blocks'}
           + $plan->[0]{Plan}{'Shared Read Blocks'};
}

# a page of 25 and as many to be counted behind it

for my $list (qw/ bank_list bank_list_asc /) {
    for my $case ([ 'all' ], [ 'by term', m => 12 ], [ 'a rare term', m => 24 ],
                  [ 'by client', c => 'c7' ],
                  [ 'by client and term', c => 'c7', m => 12 ]) {
        my ($name, @more) = @$case;
        my %more = @more;
        my $json = streams(scalar $list =~ /asc/);
        my $client = $more{c} ? "'[\"$more{c}\"]'" : 'NULL';
        my $term = $more{m} // 'NULL';

        cmp_ok(looks("$list ('bank', now(), '$json', 50, 20050, $client,"
                     . " NULL, $term)"), '<=', 300,
               "$list, $name: what it looks at");
    }
}

for my $case ([ cpf => $mail ], [ key => $mail ], [ cnpj => $firm ],
              [ approver => $both ]) {
    my ($way, $hmac) = @$case;

    cmp_ok(looks("bank_list_owner ('bank', now(), '[{\"t\":\"$way\",\"h\":"
                 . "\"$hmac\"}]', 'epoch', now(), 10000, NULL, NULL, NULL,"
                 . " NULL, NULL, '{\"1\":0,\"2\":0,\"3\":0,\"4\":0,"
                 . "\"5\":0,\"6\":0}', false, 25, NULL, NULL)"), '<=', 400,
           "bank_list_owner, by $way: what it looks at");

    next if $way eq 'approver';

    cmp_ok(looks("bank_notified ('bank', now(), '[{\"t\":\"$way\",\"h\":"
                 . "\"$hmac\"}]', 1, 201, 'LOAN')"), '<=', 400,
           "bank_notified, by $way: what it looks at");
}

$one->close;

done_testing();


sub call {
    my ($method, $path, %args) = @_;

    my $query = delete $args{query};

    return bank($o, $method, $Bank . $path
                             . (defined $query ? "?$query" : ''),
                scope => $method eq 'GET' ? 'oob_consents:read' : $Write,
                %args);
}


sub list { call(GET => '/v1/consents', query => $_[0], @_[1 .. $#_]) }


sub scans {
    return { map { $_->[0] => { seq => $_->[1], index => $_->[2] } }
                 psql('SELECT relname, seq_scan, coalesce(idx_scan, 0) FROM'
                      . ' pg_stat_user_tables WHERE relname LIKE'
                      . " 'oof\\_consent%' OR relname LIKE 'oof\\_event%' OR"
                      . " relname IN ('oof_client', 'oof_resource')") };
}
