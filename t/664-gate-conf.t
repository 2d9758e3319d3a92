#!/usr/bin/perl

# Copyright (C) oof authors

# Directives of the gate: APIs and locations that no table knows, what is inside
# a guarded location, and configurations that would let something through.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Gate;

my $bank = bank();
my $proxy = "proxy_pass http://127.0.0.1:$bank->{port};";

my $o = Test::Oof->start(locations => <<"END");
        location ~ ^/own/(?<own>[^/]+)\$ {
            oof_permission ACCOUNTS_READ ACCOUNTS_BALANCES_READ;
            oof_resource \$own;
            oof_version 1.2.3;
            $proxy
        }
        location ~ ^/typed/(?<typed>[^/]+)\$ {
            oof_permission RESOURCES_READ;
            oof_scope own-scope;
            oof_resource LOAN \$typed;
            $proxy
        }
        location = /list {
            oof_permission LOANS_READ;
            oof_resources;
            $proxy
        }
        location = /customer {
            oof_permission CUSTOMERS_PERSONAL_IDENTIFICATIONS_READ;
            $proxy
        }
        location /open-banking/accounts/v2/ {
            oof_api accounts v2;
            oof_version 2.4.2;
            $proxy

            location ~ /balances\$ {
                $proxy
            }

            if (\$arg_if) {
                $proxy
            }

            location ~ /overdraft-limits\$ {
                oof_permission ACCOUNTS_OVERDRAFT_LIMITS_READ;
                $proxy
            }
        }
        location /open-banking/loans/v2/ {
            oof_api loans v2;
            allow 127.0.0.1;
            deny all;
            auth_request /auth;
            $proxy
        }
        location /auth {
            internal;
            return 204;
        }
END

my %answer = (body => '{"data":[]}',
              headers => { 'Content-Type' => 'application/json' });
my $consent = authorised();
my $account = resource(number => '10000011');
my $loan = resource(type => 'LOAN', number => '7');
my $accounts = "/open-banking/accounts/v2/accounts/$account";

share($consent, $_) for $account, $loan;

$bank->answer($_, %answer)
    for "/own/$account", "/typed/$loan", '/list', '/customer', $accounts,
        "$accounts/balances", "$accounts/overdraft-limits",
        "/open-banking/loans/v2/contracts/$loan";


# --- oof_permission

my $scope = "openid consent:$consent accounts";
my $r = get($o, $consent, "/own/$account", scope => $scope);

passed($r, 'own');
is($r->{headers}{'x-v'}, '1.2.3', 'own: x-v');
is(seen($bank)->{headers}{'x-oof-resource'}, 'account=10000011',
   'own: resource');
is(seen($bank)->{headers}{'x-oof-consent-id'}, $consent, 'own: consent');

is_error(get($o, $consent, "/own/$loan", scope => $scope), 403,
         'RESOURCE_FORBIDDEN', 'own: a resource of another type');
is_error(get($o, $consent, '/own/a_b', scope => $scope), 400,
         'PARAMETRO_INVALIDO', 'own: a bad id');
is_error(get($o, $consent, "/own/$account", scope => "consent:$consent loans"),
         403, 'FORBIDDEN', 'own: another scope');
is_error(get($o, $consent, "/own/$account", scope => 'accounts'), 401,
         'UNAUTHORIZED', 'own: a token of a client');
is_error(get($o, $consent, "/own/$account", scope => $scope,
             method => 'POST'),
         405, 'METHOD_NOT_ALLOWED', 'own: POST');

my $less = authorised(permissions => [ qw/ ACCOUNTS_READ RESOURCES_READ / ]);

share($less, $account);
is_error(get($o, $less, "/own/$account",
             scope => "consent:$less accounts"),
         403, 'FORBIDDEN', 'own: all permissions are needed');

passed(get($o, $consent, "/typed/$loan", scope => "consent:$consent own-scope"),
       'typed');
is(seen($bank)->{headers}{'x-oof-resource'}, 'account=7', 'typed: resource');
$r = get($o, $consent, "/typed/$account",
         scope => "consent:$consent own-scope");
is_error($r, 403, 'RESOURCE_FORBIDDEN', 'typed: another type');
ok(!exists $r->{headers}{'x-v'}, 'typed: no version, no x-v');

passed(get($o, $consent, '/list', scope => "consent:$consent loans"), 'list');
is(seen($bank)->{headers}{'x-oof-resources'}, "$loan;account=7",
   'list: resources');

passed(get($o, $consent, '/customer', scope => "consent:$consent customers"),
       'customer');

like($o->call('GET', '/metrics', via => 'management', client => undef)
         ->{body},
     qr/api="gate v1",operation="gate",code="200"\} [1-9]/, 'counted');


# --- inside a guarded location

$r = get($o, $consent, $accounts);
passed($r, 'outer');
is($r->{headers}{'x-v'}, '2.4.2', 'outer: x-v');

$r = get($o, $consent, "$accounts/balances");
passed($r, 'inner');
is($r->{headers}{'x-v'}, '2.4.2', 'inner: x-v');
is_error(get($o, authorised(status => 'REJECTED'), "$accounts/balances"),
         401, 'UNAUTHORIZED', 'inner: guarded');
is_error(get($o, $less, "$accounts/balances"), 403, 'FORBIDDEN',
         'inner: its own permission');

passed(get($o, $consent, "$accounts?if=1"), 'if');
is_error(get($o, authorised(status => 'REJECTED'), "$accounts?if=1"), 401,
         'UNAUTHORIZED', 'if: guarded');

$r = get($o, $consent, "$accounts/overdraft-limits");
passed($r, 'an inner one of its own');
is_error(get($o, $less, "$accounts/overdraft-limits"), 403, 'FORBIDDEN',
         'an inner one of its own: guarded');


# --- with others that judge access

passed(get($o, $consent, "/open-banking/loans/v2/contracts/$loan"),
       'allow and auth_request');


# --- a reload

$o->reload;
passed(get($o, $consent, $accounts), 'after a reload');
is_error(get($o, $less, "$accounts/balances"), 403, 'FORBIDDEN',
         'after a reload, refused');


# --- configurations that are told at the start

my %bad = (
    'serves nothing: set "proxy_pass"' =>
        'location /a/ { oof_api accounts v2; }',
    'must not have "satisfy any"' =>
        "location /a/ { oof_api accounts v2; satisfy any; $proxy }",
    'there is no permission "X_READ"' =>
        "location /a/ { oof_permission X_READ; $proxy }",
    'there is no type "X" of resources' =>
        "location /a/ { oof_permission LOANS_READ; oof_resource X y; $proxy }",
    'need "oof_permission"' => "location /a/ { oof_resource x; $proxy }",
    '"oof_permission" directive and "oof_api" are not for the same location'
        => "location /a/ { oof_api accounts v2; oof_permission LOANS_READ;"
           . " $proxy }",
    '"oof_api" directive is duplicate' =>
        "location /a/ { oof_permission LOANS_READ; oof_api accounts v2;"
        . " $proxy }",
    '"oof_permission" directive is duplicate' =>
        "location /a/ { oof_permission LOANS_READ; oof_permission LOANS_READ;"
        . " $proxy }",
    '"oof_resources" directive is duplicate, or with the other' =>
        "location /a/ { oof_permission LOANS_READ; oof_resource x;"
        . " oof_resources; $proxy }",
    'no API has the permission: set "oof_scope"' =>
        "location /a/ { oof_permission RESOURCES_READ; $proxy }",
    'give "oof_resource" and "oof_resources" a type' =>
        "location /a/ { oof_permission RESOURCES_READ; oof_scope x;"
        . " oof_resource x; $proxy }",
    'must be three numbers, as in 2.5.1' =>
        "location /a/ { oof_api accounts v2; oof_version 2.5; $proxy }",
    'unknown API "gate v1"' => "location /a/ { oof_api gate v1; $proxy }",
    'unknown API "accounts v3"' =>
        "location /a/ { oof_api accounts v3; $proxy }",
    'invalid value "x"' => 'oof_customer x;',
);

for my $said (sort keys %bad) {
    my $bad = Test::Oof->start(hold => 1, locations => $bad{$said});
    my ($fine, $out) = $bad->test_config;

    ok(!$fine, "refused: $said");
    like($out, qr/\Q$said\E/, "told: $said");
}

done_testing();
