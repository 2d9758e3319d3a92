package Test::Oof::Consents;

# Copyright (C) oof authors

# Calls of the consents API whose answers are compared as a whole: status,
# headers, the body byte for byte (times of the answer itself apart), rows.

use strict;
use warnings;

use JSON::PP ();
use POSIX ();
use Test::More;
use Test::Oof ();

use parent 'Exporter';

our @EXPORT = qw/
    post get_consent end_consent is_consent is_refused is_ended consent_ok
    uuid_of row history rows_of insert_consent at $Consents
    authorised extend_consent extensions renewal
/;

our @EXPORT_OK = qw/ lane blocked /;

our $Consents = "$Test::Oof::Api/consents";

my $id = qr/urn:bank:([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}
            -[0-9a-f]{12})/x;
my $time = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/;


# --- calls: words as of Test::Oof::call()

sub call {
    my ($o, $method, $path, %args) = @_;

    my $interaction = $args{interaction} // Test::Oof::new_uuid();

    my $headers = $args{headers} || {};
    $headers = [ %$headers ] if ref $headers eq 'HASH';

    my $r = $o->call($method, $path, %args,
                     headers => [ 'x-fapi-interaction-id' => $interaction,
                                  @$headers ]);

    $r->{interaction} = $interaction;

    return $r;
}


sub post {
    my ($o, $body, %args) = @_;

    return call($o, 'POST', $Consents,
                ref $body ? (json => $body) : (body => $body), %args);
}


sub get_consent {
    my ($o, $consent, %args) = @_;

    return call($o, 'GET', "$Consents/$consent", %args);
}


sub end_consent {
    my ($o, $consent, %args) = @_;

    return call($o, 'DELETE', "$Consents/$consent", %args);
}


# a new consent that its customer has agreed to: the UUID

sub authorised {
    my ($o, %data) = @_;

    my $uuid = uuid_of(post($o, Test::Oof::consent_body(%data)));

    Test::Oof::psql("UPDATE oof_consent SET status = 'AUTHORISED',"
                    . " version = 2 WHERE consent_id = '$uuid'");

    return $uuid;
}


# a good body of POST .../extends; words replace members of data (undef: out)

sub renewal {
    my (%data) = @_;

    my $body = Test::Oof::consent_body(permissions => undef, %data);

    return $body;
}


sub extend_consent {
    my ($o, $consent, $body, %args) = @_;

    my %headers = ('x-fapi-customer-ip-address' => '203.0.113.7',
                   'x-customer-user-agent' => 'Receiver/1.0 (test)',
                   %{ delete $args{headers} || {} });

    return call($o, 'POST', "$Consents/$consent/extends",
                scope => "openid consent:$consent", headers => \%headers,
                ref $body ? (json => $body) : (body => $body), %args);
}


sub extensions {
    my ($o, $consent, $query, %args) = @_;

    return call($o, 'GET', "$Consents/$consent/extensions"
                           . (defined $query ? "?$query" : ''), %args);
}


# --- judgements

# The headers of every answer.

sub headers_are {
    my ($r, $type, $name, @more) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $version = $r->{version} // '1.1';
    my %want = map { $_ => 1 } qw/ server date x-v x-fapi-interaction-id
                                   cache-control /, @more;

    $want{connection} = 1 if $version eq '1.1';
    $want{$_} = 1 for $type ? qw/ content-type content-length / : ();

    is(join(' ', sort map { $_->[0] } @{ $r->{list} }),
       join(' ', sort keys %want),
       "$name: headers");
    is($r->{headers}{'content-type'}, $type, "$name: media type");
    is($r->{headers}{'x-v'}, '3.3.1', "$name: x-v");
    is($r->{headers}{'x-fapi-interaction-id'}, $r->{interaction},
       "$name: interaction id");
    is($r->{headers}{'cache-control'}, 'no-store', "$name: not to be stored");
}


# 201 or 200 with "data" (text of its members after consentId); the UUID

sub is_consent {
    my ($r, $status, $data, $name, $operation) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->{status}, $status, "$name: status") or diag($r->{body});
    headers_are($r, 'application/json', $name);

    my $body = normal($r->{body});
    my ($uuid) = $body =~ /"consentId":"$id"/;

    if (!ok(defined $uuid, "$name: consentId")) {
        diag($body);
        return;
    }

    is($body, '{"data":{"consentId":"urn:bank:' . $uuid . '",' . $data . '},'
              . '"links":{"self":"' . "$Test::Oof::BaseUrl$Consents/urn:bank:"
              . $uuid . '"},"meta":{"requestDateTime":"NOW"}}',
       "$name: body");

    $operation //= $status == 201 ? 'POST /consents'
                                  : 'GET /consents/{consentId}';
    conforms($operation, $r, $name);

    return $uuid;
}


# an error of one item, or of several: [ code, title, detail ], ...

sub is_refused {
    my ($r, $status, $errors, $name, $operation) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $errors = [ $errors ] if !ref $errors->[0];

    is($r->{status}, $status, "$name: status") or diag($r->{body});
    headers_are($r, 'application/json; charset=utf-8', $name);

    is(normal($r->{body}),
       '{"errors":['
       . join(',', map { qq({"code":"$_->[0]","title":"$_->[1]",)
                         . qq("detail":"$_->[2]"}) } @$errors)
       . '],"meta":{"requestDateTime":"NOW"}}',
       "$name: body");

    conforms($operation, $r, $name) if defined $operation;
}


sub is_ended {
    my ($r, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->{status}, 204, "$name: status") or diag($r->{body});
    headers_are($r, undef, $name);
    is($r->{body}, '', "$name: no body");
}


# by the regulator's OpenAPI text

sub conforms {
    my ($operation, $r, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    Test::Oof::schema_ok("consents-v3 $operation", $r, "$name: as specified");
}


# the members of a new consent after consentId

sub consent_ok {
    my ($r, %args) = @_;

    my $creation = $r->{json}{data}{creationDateTime} // '';
    my @permissions = @{ $args{permissions}
                         || [ qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ
                                  RESOURCES_READ / ] };

    return qq("creationDateTime":"$creation",)
           . '"status":"AWAITING_AUTHORISATION",'
           . qq("statusUpdateDateTime":"$creation",)
           . '"permissions":[' . join(',', map { qq("$_") } @permissions) . ']'
           . ($args{expiration} ? qq(,"expirationDateTime":"$args{expiration}")
                                : '');
}


sub normal {
    my ($body) = @_;

    return $body =~ s/"requestDateTime":"$time"/"requestDateTime":"NOW"/r;
}


# --- rows

sub uuid_of {
    my ($r) = @_;

    return ($r->{json}{data}{consentId} // '') =~ s/^urn:bank://r;
}


# a consent's columns by name, times in the regulation's form

sub row {
    my ($uuid) = @_;

    my @names = qw/ brand client_id organisation_id status permissions linked
                    link_id rejected_by reason_code reason_info version /;
    my @times = qw/ creation status_update expiration authorise_until due /;

    my ($row) = Test::Oof::psql(
        'SELECT ' . join(', ', @names, map { iso($_) } @times)
        . ", encode(personal, 'hex'), encode(cpf_hmac, 'hex'),"
        . " encode(cnpj_hmac, 'hex') FROM oof_consent"
        . " WHERE consent_id = '$uuid'");

    return if !$row;

    my %row;
    @row{@names, @times, qw/ personal cpf_hmac cnpj_hmac /} = @$row;

    return \%row;
}


sub history {
    my ($uuid) = @_;

    return Test::Oof::psql('SELECT version, ' . iso('"at"') . ', status,'
                           . ' rejected_by, reason_code, actor'
                           . ' FROM oof_consent_history WHERE consent_id ='
                           . " '$uuid' ORDER BY version");
}


# how many rows the tables have

sub rows_of {
    return [ map { (Test::Oof::psql("SELECT count(*) FROM $_"))[0][0] }
                 qw/ oof_consent oof_consent_history oof_event / ];
}


# a consent in whatever state, as other parts of the bank leave it

my $inserted = 0;

sub insert_consent {
    my (%with) = @_;

    my $uuid = sprintf '01936000-0000-7000-8000-%012x', ++$inserted;

    my %row = (
        brand => 'bank', client_id => $Test::Oof::Clients{one}{client_id},
        organisation_id => $Test::Oof::Clients{one}{organisation_id},
        status => 'AWAITING_AUTHORISATION', permissions => 536870915,
        creation => at(-60), status_update => at(-60),
        authorise_until => at(3540), stamp => at(-60), version => 1,
        personal => '\x' . '00' x 40, cpf_hmac => '\x' . '00' x 32, %with,
    );

    delete $row{$_} for grep { !defined $row{$_} } keys %row;

    my @names = sort keys %row;

    Test::Oof::psql('INSERT INTO oof_consent (consent_id, '
                    . join(', ', @names) . ") VALUES ('$uuid', "
                    . join(', ', map { "'$row{$_}'" } @names) . ')');

    return $uuid;
}


# a session of the database with all statements of consents prepared, as lanes
# have them: NAME, and NAME_solo where there is one

sub lane {
    my $s = Test::Oof::Postgres::session(Test::Oof::database_dsn());

    $s->run("SET TIME ZONE 'UTC'");

    $s->run($_) for Test::Oof::Postgres::statements(
        glob "$Test::Oof::Root/ngx_oof_consent/sql/*.sql");

    return $s;
}


# so many sessions wait for a lock

sub blocked {
    my ($name, $n) = @_;

    Test::Oof::wait_for(sub {
        (Test::Oof::psql('SELECT count(*) FROM pg_stat_activity WHERE datname'
                         . ' = current_database() AND wait_event_type ='
                         . " 'Lock'"))[0][0] == ($n // 1) }, 5, $name);
    pass($name);
}


# so many seconds from now, in the regulation's form

sub at { POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + $_[0])) }


sub iso {
    return "to_char($_[0] AT TIME ZONE 'UTC',"
           . " 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
}


1;
