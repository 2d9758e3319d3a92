#!/usr/bin/perl

# Copyright (C) oof authors

# The container image: what is in it and what is not, its start from files and
# environment as another user on a read-only root, a call over mutual TLS, the
# migration, and its end.  Only with "build.sh test --long".  Where no engine
# runs containers it is the root file system that buildah has made, in a mount
# namespace of its own, with chroot.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Cwd qw/ abs_path /;
use File::Path qw/ make_path remove_tree /;
use JSON::PP ();
use Test::More;
use Test::Oof;
use Time::HiRes qw/ sleep time /;

plan(skip_all => 'only with test --long') if !$ENV{OOF_MEASURE};
plan(skip_all => 'needs root for a mount namespace') if $> != 0;

my $root = abs_path("$FindBin::Bin/..");
my $home = "$Test::Oof::Var/test/image";
my $owner = $$;
my ($box, $mount, $work, $pid);

remove_tree($home) if -d $home;
make_path($home);


# --- it is made

{
    local $ENV{OOF_IMAGE_ENGINE} = 'buildah';

    my $out = `$root/build.sh image 2>&1 < /dev/null`;
    is($?, 0, 'build.sh image') or BAIL_OUT($out);
    my ($used) = $out =~ /^base: (.*)$/m;
    diag('the image was made by buildah, chroot isolation, on '
         . ($used =~ /^localhost/ ? 'a base made by debootstrap' : $used));
}

chomp(my $version = `sed -n 's/^#define NGX_OOF_VERSION *"\\(.*\\)"/\\1/p' \\
                     $root/ngx_oof_common/src/ngx_oof.h`);
my $name = "oof:$version";

my $config = JSON::PP::decode_json(
    scalar `buildah inspect --type image $name`);
$config = $config->{Docker}{config};
is($config->{User}, '10001:10001', 'not root');
is($config->{StopSignal}, 'SIGQUIT', 'ends in peace');
is_deeply($config->{Entrypoint}, [ 'oof' ], 'entry point');
is_deeply($config->{Cmd}, [ 'serve' ], 'command');
is($config->{Labels}{'org.opencontainers.image.version'}, $version, 'version');
is(join(' ', sort keys %{ $config->{ExposedPorts} }),
   '8080/tcp 8443/tcp 9443/tcp', 'ports');

chomp($work = `buildah from $name`);
chomp($mount = `buildah mount $work`);
ok(-x "$mount/usr/sbin/nginx", 'nginx is in it') or BAIL_OUT('no image');

{
    chomp(my $base = `cat $ENV{OOF_VAR}/image/base.name`);
    chomp(my $other = `buildah from $base`);
    chomp(my $from = `buildah mount $other`);
    my $added = size($mount) - size($from);

    cmp_ok($added, '<', 45, 'it adds less than 45 MB to its base');
    diag("it adds $added MB to its base");
    system("buildah rm $other > /dev/null");
}


# --- what is in it

is(`find $mount -xdev \\( -name '*.key' -o -name 'id_*' \\) -type f`, '',
   'no private key');
is(`find $mount/usr -xdev -type f \\( -path '*/bin/*gcc*' -o -name cc1 \\
    -o -path '*/include/*.h' \\) | head`, '', 'no compiler');
is(`find $mount/etc/oof $mount/usr/sbin/nginx $mount/usr/bin/oof -xdev \\
    -perm /022 ! -type l`, '', 'nothing of it may be written by others');

my $sbom = JSON::PP::decode_json(slurp("$mount/usr/share/oof/sbom.cdx.json"));
my %part = map { $_->{name} => $_ } @{ $sbom->{components} };
is($sbom->{bomFormat}, 'CycloneDX', 'a bill of materials');
like($part{$_}{version}, qr/^\d/, "it names $_")
    for qw/ nginx libpq5 libssl3 libcurl4 libjansson4 librdkafka1 /;
is(scalar(@{ $sbom->{components} }),
   1 + `chroot $mount dpkg-query -W -f '.\\n' | wc -l`, 'it names all');


# --- a sandbox of which the container's nginx is one more host

{
    local $ENV{OOF_VAR} = "$home/var";
    local $ENV{OOF_NGINX} = $ENV{TEST_NGINX_BINARY};

    my $out = `$root/sandbox/ctl up 2>&1 < /dev/null`;
    is($?, 0, 'a sandbox') or BAIL_OUT($out);
    $box = JSON::PP::decode_json(slurp("$home/var/sandbox.json"));
}

my $conf = slurp($box->{nginx}{conf});
my ($socket) = $box->{postgres} =~ /host=(\S+)/;
my %port = map { $_ => free_port() } qw/ API HEALTH MANAGEMENT /;

make_path("$home/tls", "$home/secrets", "$home/http.d");

my ($pki) = $conf =~ /ssl_certificate +(\S+)\/server\.pem;/;
my ($encrypt, $encrypt_key) = $conf =~ /encrypt +(\S+) +(\S+);/;
my ($lookup, $lookup_key) = $conf =~ /lookup +(\S+) +(\S+);/;
my ($kid) = $conf =~ /oof_signing_key +(\S+)/;
my @jwks = $conf =~ /jwks +(\S+);/g;
my @issuer = $conf =~ /issuer +(https?:\S+);/g;

system("cp $pki/server.pem $pki/server.key $pki/client-ca.pem"
       . " $pki/issuing-ca.pem $pki/bank-signing.key $home/tls/");
system("cp $encrypt_key $home/secrets/encrypt.key");
system("cp $lookup_key $home/secrets/lookup.key");
spew("$home/secrets/database.password", "unused\n");
spew("$home/http.d/clock.conf", "oof_test_clock on;\n");
system("chmod -R go-rwx $home/tls $home/secrets;"
       . " chown -R 10001:10001 $home/tls $home/secrets");
chmod 0755, $socket;

my ($server) = $box->{api} =~ m{//([^:]+)};
my %env = (
    OOF_PORT_API => $port{API}, OOF_PORT_HEALTH => $port{HEALTH},
    OOF_PORT_MANAGEMENT => $port{MANAGEMENT}, OOF_WORKERS => 2,
    OOF_CONNECTIONS => 1024, OOF_RESOLVER => '127.0.0.1',
    OOF_DATABASE => ($conf =~ /connect +"(.*)";/)[0], OOF_LEASE => 'off',
    OOF_ENCRYPT_ID => $encrypt, OOF_LOOKUP_ID => $lookup,
    OOF_ISSUER => $issuer[0], OOF_ISSUER_JWKS => $jwks[0],
    OOF_BANK_ISSUER => $issuer[1], OOF_BANK_JWKS => $jwks[1],
    OOF_BANK_AUDIENCE => ($conf =~ /audience +(?!http)(\S+);/)[0],
    OOF_CORE => $box->{core}, OOF_KEYSTORE => $box->{keystore},
    OOF_SIGNING_KID => $kid, OOF_BRAND => ($conf =~ /oof_brand +(\S+);/)[0],
    OOF_ORGANISATION_ID => $box->{bank}{organisation_id},
    OOF_BASE_URL => $box->{api}, OOF_SERVER_NAME => $server,
);


# --- its configuration

my %without = %env;
delete $without{OOF_BRAND};
like(inside(\%without, 'oof check 2>&1'), qr/^oof: OOF_BRAND is not set/m,
     'a variable that is missing is told');
like(inside({ %env, OOF_BRAND => 'a; daemon on' }, 'oof check 2>&1'),
     qr/^oof: OOF_BRAND holds a character/m, 'no directive by a variable');
like(inside(\%env, 'oof check 2>&1'), qr/test is successful/, 'oof check')
    or BAIL_OUT('the configuration is wrong');
like(inside({ %env, OOF_BRAND => undef, OOF_BRAND_FILE => '/etc/oof/none' },
            'oof check 2>&1'), qr/OOF_BRAND_FILE: cannot read/, 'by a file');
is(inside(\%env, 'touch /etc/oof/x /usr/bin/x /x 2>&1 | wc -l'), "3\n",
   'its root is read-only');
is(inside(\%env, 'id -u'), "10001\n", 'as another user');


# --- it serves

defined($pid = fork) or die "fork: $!";

if (!$pid) {
    exec_inside(\%env, 'exec oof serve', "$home/out.log");
}

my $until = time + 30;
my $ready = '';

while (time < $until) {
    $ready = `curl -s -o /dev/null -w '%{http_code}' \\
              http://127.0.0.1:$port{HEALTH}/health/ready`;
    last if $ready eq '200';
    sleep 0.1;
}

is($ready, 200, 'ready') or diag(slurp("$home/out.log"));

my $one = $box->{clients}[0];
my $token = oof('token --client one --scope consents');
chomp $token;
my $body = JSON::PP::encode_json({ data => {
    loggedUser => { document => { identification => $box->{customers}[0]{cpf},
                                  rel => 'CPF' } },
    permissions => [ qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ
                         RESOURCES_READ / ] } });
my $curl = "curl -s --cacert $box->{ca} --resolve $server:$port{API}:127.0.0.1"
         . " -H 'Authorization: Bearer $token'";
my $mtls = "--cert $one->{transport_cert} --key $one->{transport_key}";
my $url = "https://$server:$port{API}/open-banking/consents/v3/consents";

my $answer = `$curl $mtls -i -H 'Content-Type: application/json' \\
              -H 'x-fapi-interaction-id: 11111111-1111-4111-8111-111111111111' \\
              -d '$body' $url`;
like($answer, qr{^HTTP/2 201}, 'a consent over mutual TLS');
my ($id) = $answer =~ /"consentId": ?"([^"]+)"/;
like(`$curl $mtls -H 'x-fapi-interaction-id: 1b7f9f2e-1111-4111-8111-111111111111' $url/$id`,
     qr/"status": ?"AWAITING_AUTHORISATION"/, '… is read');
is(`$curl -o /dev/null -w '%{http_code}' $url/$id`, 401,
   '… not without a certificate');
like(`curl -s http://127.0.0.1:$port{HEALTH}/metrics`, qr/^oof_build_info\{/m,
     'metrics');

my $line = (grep { /"operation":"consent_create"/ }
            split /\n/, slurp("$home/out.log"))[0] // '';
is(eval { JSON::PP::decode_json($line)->{status} }, 201,
   'one JSON line a request on standard output')
    or diag(slurp("$home/out.log"));


# --- the schema

my $dsn = $box->{postgres};
$dsn =~ s/user=\S+/user=oof_owner/;
like(inside({}, "oof migrate \"$dsn\" 2>&1"), qr/^schema: version \d+$/m,
     'oof migrate');


# --- and ends

kill QUIT => $pid;
my $done = 0;
$until = time + 10;
while (!$done && time < $until) {
    $done = waitpid($pid, 1) == $pid;
    sleep 0.05;
}
ok($done, 'QUIT ends it');
is($?, 0, '… in peace');
undef $pid if $done;

unlike(slurp("$home/out.log"), qr/\[(alert|emerg)\]/, 'no alarm in its log');

done_testing();


END {
    if (defined $owner && $$ == $owner) {
        local $?;

        kill KILL => $pid if $pid;
        system("buildah rm $work > /dev/null 2>&1") if $work;
        if ($box) {
            local $ENV{OOF_VAR} = "$home/var";
            system("$root/sandbox/ctl drop > /dev/null 2>&1");
        }
    }
}


# A container without an engine: a mount namespace, the image's root read-only,
# volumes on it, and its user.

sub exec_inside {
    my ($env, $command, $log) = @_;

    my $script = "$home/inside." . time . rand;
    my $vars = join ' ', map { defined $env->{$_} ? "'$_=$env->{$_}'" : () }
                         sort keys %$env;

    spew($script, <<END);
set -e
mount --make-rprivate /
mount --bind $mount $mount
mount -t proc proc $mount/proc
mount --rbind /dev $mount/dev
mount -t tmpfs -o mode=1777 tmpfs $mount/run
mkdir -m 755 $mount/run/oof
chown 10001:10001 $mount/run/oof
mount -t tmpfs -o mode=1777 tmpfs $mount/tmp
mount -t tmpfs -o mode=755 tmpfs $mount/var/tmp
mkdir -p $mount$socket
mount --bind $socket $mount$socket
mount --bind $home/tls $mount/etc/oof/tls
mount --bind $home/secrets $mount/etc/oof/secrets
mount --bind $home/http.d $mount/etc/oof/http.d
mount -o remount,bind,ro $mount
chown 10001 /dev/stdout /dev/stderr    # as container engines do
exec chroot --userspec=10001:10001 $mount \\
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin $vars bash -c '$command'
END

    if ($log) {
        open STDOUT, '>>', $log or die "$log: $!";
        open STDERR, '>&', \*STDOUT;
    }

    exec 'unshare', '-m', 'bash', $script;
}

sub inside {
    my ($env, $command) = @_;

    my $child = open(my $out, '-|') // die "fork: $!";

    exec_inside($env, $command) if !$child;

    local $/;
    my $text = <$out>;
    close $out;

    return $text // '';
}

sub oof {
    local $ENV{OOF_VAR} = "$home/var";
    return scalar `$root/sandbox/oof $_[0] 2>&1 < /dev/null`;
}

sub size { (split ' ', `du -xsm $_[0]`)[0] }

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
