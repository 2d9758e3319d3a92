#!/usr/bin/perl

# Copyright (C) oof authors

# The Helm chart: lint, what it renders for every file of values against the
# schemas of Kubernetes and against policies, what it refuses, and nginx -t of
# the configuration that each role gets.  Only with "build.sh test --long".
#
# helm is the machine's, or that of $OOF_HELM, or compiled by Go where Go is;
# the schemas are those of the package kubernetes-validate, where pip is.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Cwd qw/ abs_path /;
use File::Path qw/ make_path remove_tree /;
use Test::More;
use Test::Oof;

plan(skip_all => 'only with test --long') if !$ENV{OOF_MEASURE};

my $root = abs_path("$FindBin::Bin/..");
my $home = "$Test::Oof::Var/test/chart";
my $tools = "$Test::Oof::Var/tools";
my $chart = "$root/helm/oof";
my $example = "$root/helm/values/example.yaml";
my $kube = '1.29';

remove_tree($home) if -d $home;
make_path($home, $tools);

my $helm = helm() or plan(skip_all => 'neither helm nor Go is here');
my $python = python();

diag(`$helm version --short` =~ s/\n//r . ($python eq '/usr/bin/python3'
     ? '; no kubernetes-validate: policies only' : ''));


# --- as it is

like(`$helm lint --strict $chart -f $example 2>&1`, qr/0 chart\(s\) failed/,
     'lint');

my %rendered;

for my $size (qw/ small medium large /) {
    my $out = "$home/$size.yaml";
    my $all = render($out, "-f $root/helm/values/$size.yaml");

    is($all, '', "$size: rendered");
    is(`$python $root/t/deploy/manifests.py $kube $out 2>&1`, '',
       "$size: nothing to say against it");
    $rendered{$size} = slurp($out);
}

render("$home/canary.yaml", '--set canary.enabled=true,canary.tag=9.9.9');
is(`$python $root/t/deploy/manifests.py $kube $home/canary.yaml`, '', 'canary');
like(slurp("$home/canary.yaml"), qr/^  name: oof-gateway-canary$/m,
     'canary: pods of its own');
like(object("$home/canary.yaml", 'Deployment', 'oof-gateway-canary'),
     qr/image: oof:9\.9\.9$/m, 'canary: a version');
like(object("$home/canary.yaml", 'Job', 'oof-migration'),
     qr/image: oof:9\.9\.9$/m, 'canary: its schema, which both can do with');


# --- the roles

my %kinds = map { $_ => scalar(() = $rendered{$_} =~ /^kind: Deployment$/mg) }
            keys %rendered;
is_deeply(\%kinds, { small => 1, medium => 2, large => 4 }, 'Deployments');

for my $size (qw/ small medium large /) {
    my @on = $rendered{$size} =~ /name: OOF_LEASE, value: "on"/g;
    is(scalar @on, 1, "$size: the leases are one role's");
}

like($rendered{large}, qr/OOF_BASE_URL, value: "https:\/\/payments\.mtls/,
     'large: a name for each');
unlike($rendered{small}, qr/^kind: Secret$/m, 'no secret is made');
like($rendered{large}, qr/^kind: $_$/m, "large: $_")
    for qw/ PrometheusRule ServiceMonitor NetworkPolicy /;
like($rendered{large}, qr/^ +- alert: OofDown$/m, 'large: with the rules');
like($rendered{large}, qr/^  name: oof-dashboard-operations$/m,
     'large: and the dashboards');


# --- the open host

for my $size (qw/ small medium large /) {
    my $role = $size eq 'small' ? 'gateway' : 'relay';
    my $text = object("$home/$size.yaml", 'Deployment', "oof-$role");

    like($text, qr/name: open, containerPort: 8444/, "$size: open in $role");
    like($text, qr/secretName: oof-open-tls$/m, "$size: … its certificate");
    is(scalar(() = $rendered{$size} =~ /containerPort: 8444/g), 1,
       "$size: … and in no other");
    like(object("$home/$size.yaml", 'Service', 'oof-open'),
         qr/component: $role\n\z/, "$size: … with a service");
}

my $open = object("$home/small.yaml", 'ConfigMap', 'oof-gateway');
like(conf_of($open, 'open.conf'), qr/^    include +\S+\/status\.conf;$/m,
     'open: status, outages and metrics');
like(object("$home/small.yaml", 'NetworkPolicy', 'oof'), qr/port: open,/,
     'open: let in');
is(render("$home/closed.yaml", '--set open.enabled=false,open.secret='), '',
   'closed: rendered');
is(slurp("$home/closed.yaml") =~ /8444|open\.conf|-open/ ? 1 : 0, 0,
   'closed: nothing of it');


# --- what an operator stumbles over

like(object("$home/small.yaml", 'Service', 'oof-metrics'),
     qr/^  publishNotReadyAddresses: true$/m, 'metrics of what is not ready');
like(object("$home/small.yaml", 'NetworkPolicy', 'oof-migration'),
     qr/helm\.sh\/hook: pre-install,pre-upgrade\n +helm\.sh\/hook-weight: "-5"/,
     'the job may reach the database, in time');
like(object("$home/small.yaml", 'PodDisruptionBudget', 'oof-gateway'),
     qr/^  unhealthyPodEvictionPolicy: AlwaysAllow$/m,
     'nodes are drained also while the database is away');
is(render("$home/from.yaml", '--set networkPolicy.apiFrom[0].ipBlock.cidr='
          . '10.0.0.0/8 --set image.pullSecrets[0].name=registry'), '',
   'callers from somewhere: rendered');
is(`$python $root/t/deploy/manifests.py $kube $home/from.yaml`, '',
   '… valid');
like(object("$home/from.yaml", 'NetworkPolicy', 'oof'),
     qr/cidr: 10\.0\.0\.0\/8\n( +)- podSelector:\n +matchLabels:\n +\S+: oof-test/,
     '… and "helm test" comes in, too');
is(scalar(() = slurp("$home/from.yaml") =~ /^ +- name: registry$/mg), 4,
   '… the image can be had for each pod');


# --- what it refuses

my %refused = (
    'a password in the connection string'
        => "--set 'database.connect=host=a password=b'",
    'an unknown role\'s member' => '--set roles.gateway.replica=3',
    'an unknown member' => '--set bogus=1',
    'an unknown data API' => "--set 'dataApis.acounts.servers={a:1}'",
    'a directive in a name' => "--set 'brand.id=a; daemon off'",
    'an organisation that is none' => '--set brand.organisationId=1',
    'no secret' => '--set secrets.tls=',
    'a canary of no version' => '--set canary.enabled=true',
    'an open host without a certificate' => '--set open.secret=',
    'an open host of two roles'
        => '--set roles.relay.enabled=true,roles.relay.management=false',
    'an open host of no role' => '--set roles.gateway.open=false',
    'two roles for the bank\'s side'
        => '--set roles.relay.enabled=true,roles.relay.management=true',
);

for my $name (sort keys %refused) {
    isnt(render("$home/refused.yaml", $refused{$name}), '',
         "refused: $name");
}

SKIP: {
    skip('no kubernetes-validate', 1) if $python eq '/usr/bin/python3';

    spew("$home/wrong.yaml", $rendered{small} =~ s/containerPort: 8443/containerPort: "x"/r);
    isnt(`$python $root/t/deploy/manifests.py $kube $home/wrong.yaml`, '',
         'the schemas are looked at');
}

spew("$home/wrong.yaml",
     $rendered{small} =~ s/readOnlyRootFilesystem: true/readOnlyRootFilesystem: false/r);
like(`$python $root/t/deploy/manifests.py $kube $home/wrong.yaml`,
     qr/its root may be written/, 'and so are the policies');


# --- the configuration of each role is one that nginx takes

my $etc = "$home/etc";

for my $size (qw/ small medium large /) {
    my $text = slurp("$home/$size.yaml");

    for my $role ($text =~ /^kind: Deployment\nmetadata:\n  name: oof-(\S+)/mg) {
        like(check($text, $role), qr/test is successful/,
             "$size: nginx -t of $role");
    }
}

# a rotation of the keys of personal data: the new ones first, the old beside

render("$home/keys.yaml", "-f $root/helm/values/small.yaml --set"
       . ' encryptId=e2,encryptFile=encrypt-e2.key,lookupId=l2,'
       . 'lookupFile=lookup-l2.key,otherKeys[0].use=encrypt,'
       . 'otherKeys[0].id=e1,otherKeys[0].file=encrypt.key,'
       . 'otherKeys[1].use=lookup,otherKeys[1].id=l1,'
       . 'otherKeys[1].file=lookup.key');
like(check(slurp("$home/keys.yaml"), 'gateway'), qr/test is successful/,
     'nginx -t with four keys');
like(slurp("$etc/keys.d/keys.conf"),
     qr/encrypt e1 \S+\/encrypt.key;\s+lookup l1 \S+\/lookup.key;/,
     'the old ones beside');
isnt(render("$home/refused.yaml", "--set 'otherKeys[0].use=encrypt,"
            . "otherKeys[0].id=e1,otherKeys[0].file=../x'"), '',
     'refused: a file elsewhere');

done_testing();


sub render {
    my ($out, $args) = @_;

    return scalar `$helm template oof $chart -f $example $args \\
        --set 'dataApis.accounts.servers={127.0.0.1:8080}' \\
        --set 'dataApis.credit-cards-accounts.servers={127.0.0.1:8080}' \\
        --kube-version $kube --api-versions monitoring.coreos.com/v1 \\
        2>&1 > $out`;
}

sub check {
    my ($text, $role) = @_;

    my $map = object_of($text, 'ConfigMap', "oof-$role");
    my $pod = object_of($text, 'Deployment', "oof-$role");
    my %env = $pod =~ /name: (OOF_\w+), value: "(.*?)" \}/g;

    remove_tree($etc) if -d $etc;
    make_path(map { "$etc/$_" }
              qw/ tls secrets open http.d server.d keys.d conf run /);
    system("cp -r $root/conf/include $etc/conf/");

    spew("$etc/$_->[0]", conf_of($map, $_->[1]))
        for [ 'http.d/http.conf', 'http.conf' ],
            [ 'server.d/apis.conf', 'server.conf' ],
            [ 'keys.d/keys.conf', 'keys.conf' ],
            [ 'http.d/open.conf', 'open.conf' ];

    my $template = slurp("$root/image/nginx.conf.template");
    spew("$etc/nginx.conf.template", $template =~ s{/etc/oof}{$etc}gr);
    for my $file (glob("$etc/*.d/*.conf")) {
        spew($file, slurp($file) =~ s{/etc/oof}{$etc}gr);
    }

    my $pki = Test::Oof::pki();
    my ($cert, $key) = map { "$pki/leaf-one.$_" } qw/ pem key /;
    system("cp $cert $etc/tls/server.pem; cp $key $etc/tls/server.key;"
           . " cp $key $etc/tls/bank-signing.key;"
           . " cp $cert $etc/open/tls.crt; cp $key $etc/open/tls.key");
    system("cp $pki/issuing.pem $etc/tls/$_.pem")
        for qw/ client-ca issuing-ca db-ca /;
    spew("$etc/secrets/database.password", "x\n");
    spew("$etc/secrets/$_.key", sprintf("%064x\n", ord)) for qw/ encrypt lookup /;
    spew("$etc/secrets/$_.key", sprintf("%064x\n", 20 + ord))
        for qw/ encrypt-e2 lookup-l2 /;
    chmod 0600, glob("$etc/secrets/*");

    local %ENV = (%ENV, %env, OOF_ETC => $etc, OOF_RUN => "$etc/run",
                  OOF_TLS => "$etc/tls", OOF_SECRETS => "$etc/secrets",
                  OOF_DATABASE => $env{OOF_DATABASE} =~ s{/etc/oof}{$etc}r);

    return scalar `$root/image/oof check 2>&1`;
}

sub object { return object_of(slurp($_[0]), @_[1, 2]) }

sub object_of {
    my ($text, $kind, $name) = @_;

    my ($one) = grep { /^kind: $kind$/m && /^  name: \Q$name\E$/m }
                split /^---\n/m, $text;

    return $one // '';
}

sub conf_of {
    my ($map, $name) = @_;

    my ($text) = $map =~ /^  \Q$name\E: \|\n((?:    .*\n|\s*\n)*)/m;

    return ($text // '') =~ s/^    //gmr;
}

sub helm {
    for my $one ($ENV{OOF_HELM} // '', "$tools/helm",
                 map { "$_/helm" } split /:/, $ENV{PATH})
    {
        return $one if -x $one && !-d $one;
    }

    return if system('command -v go > /dev/null') != 0;

    system("GOBIN=$tools nice go install helm.sh/helm/v3/cmd/helm\@v3.18.6"
           . " > $tools/helm.log 2>&1");

    return -x "$tools/helm" ? "$tools/helm" : undef;
}

sub python {
    my $one = "$tools/kube/bin/python3";

    if (!-x $one) {
        system("python3 -m venv $tools/kube > $tools/kube.log 2>&1"
               . " && $tools/kube/bin/pip install -q PyYAML"
               . " kubernetes-validate >> $tools/kube.log 2>&1");
    }

    return system("$one -c 'import yaml, kubernetes_validate' 2> /dev/null")
           ? '/usr/bin/python3' : $one;
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
