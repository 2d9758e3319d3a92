#!/usr/bin/perl

# Copyright (C) oof authors

# The sandbox that ./build.sh run makes: its demonstration, what is told about
# it in sandbox.json, its command line, payments of both versions, TLS as the
# regulation wants it, and that everything comes back after kill -9 (spec 2.8 to
# 2.11).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Cwd qw/ abs_path /;
use Digest::SHA ();
use File::Path qw/ make_path /;
use JSON::PP ();
use POSIX ();
use Test::More;
use Test::Oof;
use Time::HiRes qw/ sleep time /;

my $root = abs_path("$FindBin::Bin/..");
my $home = "$Test::Oof::Var/test/sandbox";
my $consents = '/open-banking/consents/v3/consents';

make_path($home);
chmod 0700, $home;

$ENV{OOF_VAR} = "$home/var";
$ENV{OOF_NGINX} = $ENV{TEST_NGINX_BINARY};
delete $ENV{OOF_CONF_EXTRA};

my $owner = $$;
END { system("$root/sandbox/ctl drop > /dev/null 2>&1") if $$ == $owner }

system("$root/sandbox/ctl drop > /dev/null 2>&1");
unlink glob "$home/var/nginx/logs/*";


# --- a first run

my $out = ctl('up');
is($?, 0, 'run: exit status') or die $out;
like($out, qr/^demonstration: ok\n\z/m, 'run: ends with demonstration: ok');
like($out, qr/^< HTTP\/1\.1 $_ /m, "run: shows the answer $_")
    for 200, 201, 204, 401, 403;
unlike($out, qr/ey[\w-]{30}/, 'run: shows no token');
is(join(' ', $out =~ /"status": "(CONSUMED|ACSC|SCHD|CANC)"/g),
   'ACSC ACSC CONSUMED SCHD CANC CANC CANC',
   'run: a payment is settled, another cancelled');
unlike($out, qr/NOT verified/, 'run: the bank has signed');

my $box = JSON::PP::decode_json(slurp("$home/var/sandbox.json"));
my $core = $box->{core};
my %balance = map { $_->{number} => $_->{balance} }
              map { @{ $_->{accounts} } } @{ $box->{customers} };
my @debits = ledger();

$balance{10000011} = '99998667.00';
is(join(' ', map { "$_->{account} $_->{amount}" } @debits),
   '10000011 1333.00', 'run: one debit');
is_deeply(JSON::PP::decode_json(http("$core/_ledger"))->{balances}, \%balance,
          'run: and nothing else has moved');

ok(JSON::PP::decode_json(http("$core/_push"))->{enabled},
   'run: the core tells what becomes of payments');
wait_for(sub { JSON::PP::decode_json(http("$core/_push"))->{pending} == 0 },
         20);
pass('run: and has told');

for my $name (qw/ api management metrics plain keystore core hooks /) {
    like($box->{$name}, qr{^https?://[\w.-]+:\d+}, "sandbox.json: $name");
}

# webhooks: what the demonstration has shown, and how to make them fail

my @told = hooks();
my $hex = qr/[0-9a-f-]{36}/;

is(join("\n", sort map { $_->{path} =~ s{/(urn:sandbox:)?$hex$}{}r } @told),
   join("\n", ("/one/open-banking/webhook/v1/payments/v5/consents") x 2,
        ("/one/open-banking/webhook/v1/payments/v5/pix/payments") x 3),
   'run: webhooks of two consents, and three states of payments');
is(join(' ', map { $_->{client} } @told), 'one one one one one', 'whose');
is(scalar(grep { $_->{body} !~ /^\{"data":\{"timestamp":"[\d-]+T[\d:]+Z"\}\}$/
                 || $_->{headers}{'x-webhook-interaction-id'} !~ /^$hex$/
                 || $_->{at} < 1e9 } @told), 0, 'and what they were told');
like($box->{clients}[$_]{webhook_uri}, qr{^https://127.0.0.1:\d+/\w+$},
     "sandbox.json: webhook_uri of client $_") for 0, 1;

for my $mode (qw/ error slow redirect dead ok /) {
    like(http("$box->{hooks}/_hooks", '-d', JSON::PP::encode_json({
             client => 'two', mode => $mode, ms => 1 })), qr/"$mode"/,
         "hooks: $mode");
}

like(http("$box->{hooks}/_hooks", '-d', '{"client":"two","mode":"odd"}'),
     qr/bad_request/, 'hooks: another mode');
is(scalar(() = `curl -sk $box->{clients}[0]{webhook_uri}/x -d x 2>&1`), 0,
   'hooks: nobody comes in without the bank\'s certificate');
is(scalar(hooks()), 5, 'hooks: nor is it written down');

like($out, qr{"self": "\Q$box->{management}\E/open-banking/oob-consents/},
     "run: links of the bank's side lead to the bank's side");

ok(-f $box->{ca}, 'sandbox.json: ca');
ok(-f $box->{nginx}{$_}, "sandbox.json: nginx $_")
    for qw/ binary conf pid error_log access_log /;
is(join(' ', map { $_->{name} } @{ $box->{clients} }), 'one two',
   'sandbox.json: clients');
is((stat $box->{clients}[0]{transport_key})[2] & 0777, 0600,
   'a private key is the owner\'s alone');
cmp_ok(scalar @{ $box->{customers}[0]{accounts} }, '>=', 2,
       'customer 0 has two accounts');
is($box->{customers}[0]{accounts}[$_]{balance}, '100000000.00',
   "account $_ is rich") for 0, 1;
ok($box->{customers}[2]{cnpj}, 'customer 2 is a company');

my ($socket) = $box->{postgres} =~ /host=(\S+)/;
cmp_ok(length "$socket/.s.PGSQL.5432", '<', 100, 'a short socket path');
is((stat $socket)[2] & 0777, 0700, 'the folder of the cluster is private');


# --- the command line

my $body = "$home/body.json";
spew($body, JSON::PP::encode_json({ data => {
    loggedUser => { document => {
        identification => $box->{customers}[0]{cpf}, rel => 'CPF' } },
    permissions => [ qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ
                         RESOURCES_READ / ] } }));

$out = oof("call --client one --scope consents POST $consents --json $body");
is($?, 0, 'call: exit status');
like($out, qr{^HTTP/1\.1 201 Created\n}, 'call: the status line');
like($out, qr{^x-fapi-interaction-id: [0-9a-f-]{36}$}mi, 'call: headers');
my ($id) = $out =~ /"consentId": "(urn:[^"]+)"/;
ok(defined $id, 'call: the body') or die $out;

is(status("--client one --scope consents GET $consents/$id"), 200, 'read');
is(status("--client two --scope consents GET $consents/$id"), 403, 'foreign');
is(status("--no-certificate --scope consents GET $consents/$id"), 401,
   'no certificate');

my %bad = (
    'expired' => '--ttl -10',
    'forged' => '--key other',
    'alg none' => '--alg none',
    'alg HS256' => '--alg HS256',
    'alg RS256' => '--alg RS256',
    'another issuer' => '--claim iss=https://elsewhere.test',
    'another audience' => '--claim aud=https://elsewhere.test',
    'no expiry' => '--claim exp=null',
);

for my $name (sort keys %bad) {
    my $token = oof("token --client one --scope consents $bad{$name}");
    chomp $token;
    is(status("--client one --token $token GET $consents/$id"), 401,
       "a bad token: $name");
}

my $token = oof('token --client one --scope consents');
chomp $token;
is(status("--client two --token $token GET $consents/$id"), 401,
   'a token of another certificate');

for my $kind (qw/ old bmp printable t61 universal upper /) {
    is(status("--client $kind --scope consents GET $consents/$id"), 200,
       "organisation in the form \"$kind\"");
}

for my $kind (qw/ foreign revoked expired future untrusted none /) {
    is(status("--client $kind --scope consents GET $consents/$id"), 401,
       "certificate \"$kind\"");
}

$token = oof("token --client one --scope 'openid consent:$id'"
             . " --cpf $box->{customers}[0]{cpf}");
chomp $token;
my $claims = JSON::PP::decode_json(decoded_part($token, 1));
is($claims->{sub}, JSON::PP::decode_json(decoded_part(
       oof("token --client one --scope 'openid consent:urn:x:1'"
           . " --cpf $box->{customers}[0]{cpf}"), 1))->{sub},
   'a customer\'s sub is stable');
unlike(decoded_part($token, 1), qr/$box->{customers}[0]{cpf}/,
       'no CPF in a token');
is(status("--client one --token $token GET $consents/$id"), 401,
   'an authorization-code token is of the wrong grant');


# --- the customer, in the bank's app

sub consent {
    my ($cpf) = @_;

    spew("$home/app.json", JSON::PP::encode_json({ data => {
        loggedUser => { document => { identification => $cpf,
                                      rel => 'CPF' } },
        permissions => [ qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ
                             RESOURCES_READ / ] } }));

    return oof("call --client one --scope consents POST $consents --json"
               . " $home/app.json") =~ /"consentId": "(\S+?)"/ ? $1 : undef;
}

sub app {
    my $out = oof("authorise $_[0]");
    return ($? >> 8) . " $out";
}

sub listed {
    my ($urn) = @_;

    my $out = oof("call --client one --scope 'openid consent:$urn resources'"
                  . ' GET /open-banking/resources/v3/resources');
    return join ' ', $out =~ /^HTTP\S+ (\d+)/,
                     sort $out =~ /"status": "(\w+)"/g;
}

my ($ana, $bruno) = map { $box->{customers}[$_]{cpf} } 0, 1;
my $urn = consent($ana);

oof("token --checked --client one --scope 'openid consent:$urn'");
is($? >> 8, 3, 'token --checked: not yet');
like(app("$urn --cpf $bruno"), qr/^3 refused: 403 CPF_MISMATCH$/m,
     'authorise: another customer');
like(app("$urn"), qr/^0 AUTHORISED$/m, 'authorise');
is(listed($urn), '200 AVAILABLE AVAILABLE', 'authorise: all accounts');
like(app("$urn"), qr/^3 AUTHORISED\nrefused: 409 ESTADO_/m,
     'authorise: again, with the state');
like(oof("token --checked --client one --scope 'openid consent:$urn'"),
     qr/^[\w-]+\.[\w-]+\.[\w-]+$/, 'token --checked');
is($? >> 8, 0, 'token --checked: exit status');

$urn = consent($ana);
like(app("$urn --account 10000029"), qr/^0 AUTHORISED$/m,
     'authorise: one account');
is(listed($urn), '200 AVAILABLE', 'authorise: that one');
$urn = consent($ana);
like(app("$urn --partial"), qr/^0 AUTHORISED$/m, 'authorise: partial');
is(listed($urn), '200 PENDING_AUTHORISATION PENDING_AUTHORISATION',
   'authorise: others must agree');
$urn = consent($ana);
like(app("$urn --reject CUSTOMER_MANUALLY_REJECTED"), qr/^0 REJECTED$/m,
     'authorise: refused');
is(listed($urn), '401', 'authorise: nothing is listed');
like(app('urn:sandbox:' . new_uuid()), qr/^3 refused: 404 NOT_FOUND$/m,
     'authorise: an unknown one');

my $bank = oof("bank-token --customer $ana");
chomp $bank;
my $whose = JSON::PP::decode_json(decoded_part($bank, 1));
is($whose->{cpf}, $ana, 'bank-token --customer: whose');
like($whose->{scope}, qr/ oob_customer$/, 'bank-token --customer: its scope');


# --- the life of a consent, from its creation to the gate that has closed

my $resources = '/open-banking/resources/v3/resources';
my $accounts = '/open-banking/accounts/v2/accounts';

$urn = consent($ana);
is(oof_status("--scope 'openid consent:$urn accounts' GET $accounts"), 401,
   'walk: the gate is closed before the customer has authorised');
like(app("$urn"), qr/^0 AUTHORISED$/m, 'walk: authorised in the app');

chomp(my $walker = oof("token --checked --client one --cpf $ana --scope"
                       . " 'openid consent:$urn resources accounts'"));
$out = oof("call --client one --token $walker GET $resources");
like($out, qr/^HTTP\S+ 200 /, 'walk: resources');
my ($account) = $out =~ /"resourceId": "(\S+?)"/;

like(oof("call --client one --token $walker GET $accounts"),
     qr/^HTTP\S+ 200 .*"accountId": "$account"/s,
     'walk: accounts, behind the gate');
is(oof_status("--token $walker GET $accounts/$account/balances"), 200,
   'walk: a balance');
is(oof_status("--token $walker GET $accounts/$account/transactions"), 403,
   'walk: not what the consent does not permit');

spew("$home/extend.json", JSON::PP::encode_json({ data => {
    loggedUser => { document => { identification => $ana, rel => 'CPF' } },
    expirationDateTime => POSIX::strftime('%Y-%m-%dT%H:%M:%SZ',
                                          gmtime(time + 86400)) } }));
my $extend = "POST $consents/$urn/extends --json $home/extend.json"
             . " -H 'x-fapi-customer-ip-address: 203.0.113.7'"
             . " -H 'x-customer-user-agent: Receiver/1.0'";

is(oof_status("--token $walker $extend"), 422,
   'walk: an indefinite term is not made shorter');
spew("$home/extend.json", JSON::PP::encode_json({ data => {
    loggedUser => { document => { identification => $ana,
                                  rel => 'CPF' } } } }));
is(oof_status("--token $walker $extend"), 201, 'walk: extended');

my ($uuid) = $urn =~ /([^:]+)$/;

like(oof("bank list --cpf $ana --status AUTHORISED"), qr/"id": "$uuid"/,
     'walk: the bank lists it');
unlike(oof("bank list --cpf $bruno"), qr/$uuid/, 'walk: not for another');
like(oof("bank show $urn"), qr/"status": "AUTHORISED"/,
     'walk: the bank shows it');
is(oof_status("--token $walker GET $accounts"), 200, 'walk: still open');
like(oof("bank revoke $urn"), qr/"status": "REVOKED"/,
     'walk: the bank revokes it');
is($? >> 8, 0, 'walk: exit status of bank revoke');
is(oof_status("--token $walker GET $_"), 401, "walk: closed at once: $_")
    for $accounts, "$accounts/$account/balances", $resources;
oof("bank revoke $urn");
is($? >> 8, 3, 'walk: the bank cannot revoke it again');
oof("bank show $uuid");
is($? >> 8, 0, 'walk: exit status of bank show');


# --- payments, in the bank's app and on the command line

my %dict = %{ $box->{dict}[0] };

# a third party's signed call of a version

sub signed {
    my ($version, $scope, $call, $data) = @_;

    spew("$home/claims.json", JSON::PP::encode_json({ data => $data }));
    return oof("call --client one --scope '$scope' "
               . ($call =~ s{ /}{ /open-banking/payments/v$version/}r)
               . ($data ? " --claims $home/claims.json" : ''));
}

sub to_pay {
    my ($version, $amount) = @_;

    my $out = signed($version, 'payments', 'POST /consents', {
        loggedUser => { document => { identification => $ana,
                                      rel => 'CPF' } },
        creditor => { map { $_ => $dict{$_} }
                          qw/ personType cpfCnpj name / },
        payment => {
            type => 'PIX', currency => 'BRL', amount => $amount,
            date => POSIX::strftime('%Y-%m-%d', gmtime(time - 3 * 3600)),
            $version == 5 ? (purpose => 'IMMEDIATE') : (),
            details => { localInstrument => 'DICT', proxy => $dict{key},
                         creditorAccount => $dict{account} },
        },
    });

    return $out =~ /"consentId": "(\S+?)"/ ? $1 : diag($out);
}

sub made {
    my ($version, $urn, $amount) = @_;

    return signed($version, "openid consent:$urn payments",
                  'POST /pix/payments', [ {
        endToEndId => 'E11222333'
            . POSIX::strftime('%Y%m%d%H%M', gmtime)
            . sprintf('%011d', rand 1e11),
        localInstrument => 'DICT', proxy => $dict{key},
        payment => { amount => $amount, currency => 'BRL' },
        creditorAccount => $dict{account}, cnpjInitiator => '11222333000181',
    } ]);
}

for my $version (5, 4) {
    my $urn = to_pay($version, "10.0$version");

    like(app("$urn --account 10000029"), qr/^0 AUTHORISED$/m,
         "pay, v$version: authorised in the app");
    like(app($urn), qr/^3 AUTHORISED\nrefused: 409 ESTADO_/m,
         "pay, v$version: once");
    $out = made($version, $urn, "10.0$version");
    like($out, qr/^HTTP\S+ 201 .*\(a JWT, signature verified\)/s,
         "pay, v$version: made");
    my ($payment) = $out =~ /"paymentId": "(\S+?)"/;
    wait_for(sub {
        signed($version, 'payments', "GET /pix/payments/$payment")
            =~ /"status": "ACSC"/;
    }, 20, 'a payment that is settled');
    is(join(' ', map { $_->{account} }
                 grep { $_->{amount} eq "10.0$version" } ledger()),
       '10000029', "pay, v$version: one debit, of the chosen account");
}

like(app(to_pay(5, '300.01')), qr/^2 REJECTED$/m,
     'pay: the bank\'s checks reject it');
like(app(to_pay(5, '11.00') . ' --reject REJEITADO_USUARIO'),
     qr/^0 REJECTED$/m, 'pay: refused');
like(app(to_pay(5, '11.00') . " --cpf $bruno"),
     qr/^3 .*refused: 403 CPF_MISMATCH$/ms, 'pay: another customer');
oof('clock +6h');
like(oof('demonstration'), qr/^demonstration: ok\n\z/m,
     'demonstration: again, at another time');
oof('clock 0');


# --- the rule clock

like(oof('clock +61m'), qr/"offset": 3660/, 'clock: moved');
wait_for(sub {
    oof("call --client one --scope consents GET $consents/$id")
        =~ /"CONSENT_EXPIRED"/;
}, 20);
like(oof("call --client one --scope consents GET $consents/$id"),
     qr/"code": "CONSENT_EXPIRED"/, 'clock: the consent is over');
my ($ended) = $id =~ /([^:]+)$/;
wait_for(sub {
    (Test::Oof::Postgres::query($box->{postgres}, 'SELECT status FROM'
        . " oof_consent WHERE consent_id = '$ended'"))[0][0] eq 'REJECTED';
}, 20, 'the sweeper');
like(oof('clock 0'), qr/"offset": 0/, 'clock: back');
wait_for(sub {
    my $urn = consent($ana);
    oof("call --client one --scope consents GET $consents/$urn")
        =~ /"AWAITING_AUTHORISATION"/;
}, 20);
pass('clock: and a new consent awaits authorisation');
like(oof("call --client one --scope consents GET $consents/$id"),
     qr/"code": "CONSENT_EXPIRED"/, 'clock: what it ended stays so');


# --- keystore and issuer

for my $organisation ($box->{bank}, @{ $box->{clients} }) {
    my $set = JSON::PP::decode_json(http(
        "$box->{keystore}/$organisation->{organisation_id}/application.jwks"));
    ok($set->{keys}[0]{kid}, 'keystore: a key of the organisation');
}

is(JSON::PP::decode_json(http(
       "$box->{keystore}/$box->{clients}[1]{organisation_id}/application.jwks"
   ))->{keys}[0]{kid}, $box->{clients}[1]{signing_kid}, 'keystore: its kid');

my $secret = slurp("$home/var/secrets/introspection.secret");
chomp $secret;
chomp($token = oof('token --client one --scope consents'));

my $answer = JSON::PP::decode_json(http("$box->{issuer}/introspect",
    '-u', "oof:$secret", '-d', "token=$token"));
ok($answer->{active}, 'introspection: active');
is($answer->{client_id}, $box->{clients}[0]{client_id},
   'introspection: the client');

chomp($token = oof('token --client one --scope consents --ttl -1'));
is_deeply(JSON::PP::decode_json(http("$box->{issuer}/introspect",
              '-u', "oof:$secret", '-d', "token=$token")),
          { active => JSON::PP::false() }, 'introspection: expired');
is_deeply(JSON::PP::decode_json(http("$box->{issuer}/introspect",
              '-u', 'oof:wrong', '-d', "token=$token")),
          { error => 'invalid_client' }, 'introspection: another caller');


# --- TLS

for my $version (qw/ 1_2 1_3 /) {
    my $session = "$home/session";
    unlink $session;

    like(s_client("-tls$version -sess_out $session"), qr/^New, TLSv1\./m,
         "TLS $version: a session");

    SKIP: {
        skip "TLS $version: nothing to resume", 1 if !-s $session;
        unlike(s_client("-tls$version -sess_in $session"), qr/^Reused/m,
               "TLS $version: is not resumed");
    }
}

like(s_client('-alpn h2'), qr/ALPN protocol: h2/, 'HTTP/2 is on');


# --- the bank's core

is(scalar @{ $box->{dict} }, 3, 'core: keys of the DICT');

oof('clock +6h');
is($?, 0, 'clock: exit status');
is(JSON::PP::decode_json(http("$core/_clock"))->{offset}, 21600,
   'clock: the core\'s too');
oof('clock 0');
is(JSON::PP::decode_json(http("$core/_clock"))->{offset}, 0,
   'clock: and back');


# --- everything comes back after kill -9

for my $name (qw/ nginx issuer keystore core postgres /) {
    my $pid = pid($name);
    kill KILL => $pid;
    wait_for(sub { !lives($pid) }, 20);

    start($name);
    my $new = pid($name);
    isnt($new, $pid, "$name: started again after kill -9");

    start($name);
    is(pid($name), $new, "$name: not started twice");
    wait_for(sub {
        status("--client one --scope consents GET $consents/$id") == 200;
    }, 20, "$name to be back");
    pass("$name: the consent is there");
}

my @masters = grep { (readlink("/proc/$_/exe") // '') eq $ENV{OOF_NGINX}
                     && slurp("/proc/$_/cmdline") =~ /master.*\Q$home\E/ }
              map { m{/proc/(\d+)$} } glob '/proc/[0-9]*';
is(scalar @masters, 1, 'one nginx');

# all at once, with their pid files

kill KILL => map { pid($_) } qw/ nginx issuer keystore core postgres /;
unlink "$home/var/run/$_.pid" for qw/ nginx issuer keystore core /;

spew("$home/extra.conf", "server_names_hash_max_size 1024;\n");
$ENV{OOF_CONF_EXTRA} = "$home/extra.conf";
my $before = slurp("$home/var/ports.json");

$out = ctl('up');
is($?, 0, 'run again after all was killed: exit status') or diag($out);
is(slurp("$home/var/ports.json"), $before, 'run again: the same ports');
is(status("--client one --scope consents GET $consents/$id"), 200,
   'run again: with its data');
like(slurp($box->{nginx}{conf}), qr/^\s*include\s+\Q$home\E\/extra\.conf;/m,
     'OOF_CONF_EXTRA is included');

# without its database nginx starts, and serves when that is back

ctl('stop postgres');
ctl('stop nginx');
start('nginx');
is(status("--client one --scope consents GET $consents/$id"), 503,
   'no database: 503');
start('postgres');
ok(wait_for(sub {
    status("--client one --scope consents GET $consents/$id") == 200;
}, 20), 'the database is back: served');

my $log = slurp($box->{nginx}{error_log});
unlike($log, qr/\[(alert|emerg)\](?!.*exited on signal 9)/,
       'no alert in the log');
unlike($log, qr/$box->{customers}[0]{cpf}/, 'no CPF in the error log');

my @lines = grep { length } split /\n/, slurp($box->{nginx}{access_log});
is(scalar(grep { !eval { JSON::PP::decode_json($_) } } @lines), 0,
   'every line of the access log is JSON');
unlike("@lines", qr/$box->{customers}[0]{cpf}/, 'no CPF in the access log');


# --- the end

my @pids = map { pid($_) } qw/ nginx issuer keystore core postgres /;
ctl('down');
is($?, 0, 'stop: exit status');
is(scalar(grep { lives($_) } @pids), 0, 'stop: nothing is left');
ctl('down');
is($?, 0, 'stop: twice does no harm');


# --- the example of conf/ is sound

my $conf = slurp("$root/conf/nginx.conf");
my $etc = "$home/etc";

make_path("$etc/secrets", "$etc/tls", "$etc/log");
spew("$etc/secrets/$_", "secret\n") for qw/ database.password core.token
                                             kafka.password /;
spew("$etc/secrets/$_.key", Digest::SHA::sha256_hex($_) . "\n")
    for qw/ encrypt-e2026a encrypt-e2026b lookup-l2026a /;
chmod 0600, glob "$etc/secrets/*";

$conf =~ s{/etc/oof/conf}{$root/conf}g;
$conf =~ s{/etc/oof/tls/core-ca.pem}{$home/var/pki/ca.pem}g;
$conf =~ s{/etc/oof/tls}{$home/var/pki}g;
$conf =~ s{/etc/oof/db-ca.pem}{$home/var/pki/ca.pem}g;
$conf =~ s{/etc/oof}{$etc}g;
$conf =~ s{/var/log/nginx|/run(?=/nginx\.pid)}{$etc/log}g;
$conf =~ s{listen(\s+)443 ssl}{'listen' . $1 . free_port() . ' ssl'}e;
$conf =~ s{listen\s+\[::\]:443 ssl;}{};
$conf =~ s{127\.0\.0\.1:9443}{'127.0.0.1:' . free_port()}e;
$conf =~ s{^user\s.*}{}m;
$conf =~ s{DB-ONE,DB-TWO}{127.0.0.1,127.0.0.1};
$conf =~ s{(ACCOUNTS|CARDS)\.BANK\.EXAMPLE}{127.0.0.1}g;
$conf =~ s{https://(AUTH|CORE|SSO|MTLS-API)\.BANK\.EXAMPLE}
          {'https://' . lc($1) . '.bank.example'}ge;
spew("$etc/nginx.conf", $conf);

$out = `$ENV{OOF_NGINX} -t -p $etc -c $etc/nginx.conf 2>&1`;
is($?, 0, 'conf/nginx.conf: nginx -t') or diag($out);


# --- and so is that of README.md

($conf) = slurp("$root/README.md") =~ /^```nginx\n(http \{.*?)^```/ms;

make_path("$etc/logs");
spew("$etc/core.token", "secret\n");
spew("$etc/$_.key", Digest::SHA::sha256_hex($_) . "\n") for qw/ k1 l1 /;
chmod 0600, glob "$etc/*.key";

$conf =~ s{/etc/oof/conf}{$root/conf}g;
$conf =~ s{/etc/oof/((?:server|client-ca|crl|issuing-ca|bank-signing)\.\w+)}
          {$home/var/pki/$1}g;
$conf =~ s{/etc/oof}{$etc}g;
$conf =~ s{listen(\s+)443 ssl}{'listen' . $1 . free_port() . ' ssl'}e;
$conf =~ s{10\.0\.0\.1:9443}{'127.0.0.1:' . free_port()}e;
$conf =~ s{10\.0\.0\.2|(db|accounts)\.bank\.example}{127.0.0.1}g;
spew("$etc/readme.conf", "events { }\npid $etc/readme.pid;\n$conf");

$out = `$ENV{OOF_NGINX} -t -p $etc -c $etc/readme.conf 2>&1`;
is($?, 0, 'README.md: nginx -t') or diag($out);

done_testing();


sub ctl { scalar `$root/sandbox/ctl $_[0] 2>&1 < /dev/null` }

sub oof { scalar `$root/sandbox/oof $_[0] 2>&1 < /dev/null` }

sub status {
    my ($args) = @_;

    my $out = oof("call $args");

    return $out =~ m{^HTTP/1\.1 (\d+)} ? $1 : $out;
}

sub ledger {
    @{ JSON::PP::decode_json(http("$core/_ledger"))->{debits} };
}

sub oof_status { status("--client one $_[0]") }

sub http { my $url = shift; open my $p, '-|', 'curl', '-s', @_, $url or die $!;
           local $/; return scalar <$p> }

sub hooks { @{ JSON::PP::decode_json(http("$box->{hooks}/_hooks")) } }

sub start {
    my ($name) = @_;

    my $out = `$box->{processes}{$name}{start} 2>&1 < /dev/null`;
    is($?, 0, "$name: its start command") or diag($out);
}

# a zombie does not

sub lives { slurp("/proc/$_[0]/stat") =~ /\) [^ZX]/ }

sub pid { (split ' ', slurp($box->{processes}{$_[0]}{pid}))[0] }

sub s_client {
    my ($args) = @_;

    my $one = $box->{clients}[0];
    my ($host) = $box->{api} =~ m{//([^:]+)};

    return scalar `(printf 'GET / HTTP/1.0\\r\\n\\r\\n'; sleep 0.3) \\
        | openssl s_client -connect $box->{address} -servername $host \\
          -CAfile $box->{ca} -cert $one->{transport_cert} \\
          -key $one->{transport_key} -cert_chain $one->{transport_cert} \\
          $args 2>&1`;
}

sub decoded_part {
    my ($token, $n) = @_;

    require MIME::Base64;

    return MIME::Base64::decode_base64url((split /\./, $token)[$n]);
}

sub slurp {
    open my $f, '<', $_[0] or return '';
    local $/;
    return scalar(<$f>) // '';
}

sub spew {
    open my $f, '>', $_[0] or die "$_[0]: $!";
    print $f $_[1];
    close $f;
}
