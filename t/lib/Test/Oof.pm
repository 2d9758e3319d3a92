package Test::Oof;

# Copyright (C) oof authors

# The house of the tests.  Two ways to write one:
#
#   Test::Nginx blocks           use Test::Oof; use Test::Nginx::Socket
#                                'no_plan'; oof_blocks(); run_tests();
#   a script that starts nginx   my $o = Test::Oof->start(...); ok(...);
#                                done_testing();
#
# Each file has ports, a server root and a database of its own, so files may
# run side by side.  At the end the logs of every nginx are searched for what
# must never happen ([alert], [emerg], sanitizers' reports, dead workers).
#
# Environment: OOF_OBJS or TEST_NGINX_BINARY (which nginx), OOF_PG_BIN,
# OOF_TEST_PG, OOF_VAR.

use strict;
use warnings;

use Cwd qw/ abs_path /;
use Digest::SHA qw/ sha256 sha256_hex /;
use Fcntl qw/ :flock /;
use File::Basename qw/ basename dirname /;
use File::Path qw/ make_path remove_tree /;
use IO::Socket::INET;
use JSON::PP ();
use MIME::Base64 qw/ decode_base64 encode_base64url /;
use POSIX ();
use Test::More ();
use Time::HiRes qw/ sleep time /;

use Test::Oof::Client;
use Test::Oof::Postgres;
use Test::Oof::Schema;

use parent 'Exporter';

our @EXPORT = qw/
    oof_blocks pki client_cert client_key client_pem header_pem token
    new_uuid consent_body decoded json psql events database_dsn schema_ok
    http_defaults server_defaults free_port wait_for
/;

our $Root = Test::Oof::Postgres::root();
our $Var = $ENV{OOF_VAR} || "$Root/var";
our $Name = basename($0) =~ s/\.t$//r =~ s/[^A-Za-z0-9]+/_/gr;
our $Dir = "$Var/test/$Name-$$";

our $BaseUrl = 'https://mtls-api.oof.test';
our $Issuer = 'https://as.oof.test';
our $Organisation = 'b961c4eb-509d-4edf-afeb-35642b38185d';
our $Brand = 'bank';
our $Api = '/open-banking/consents/v3';

our %Clients = (
    one => { client_id => 'client-one',
             organisation_id => '7b1f8c9e-2d4a-4c6b-9f10-0a1b2c3d4e51',
             software_id => '0e6a4f6c-93a5-4d55-8d0c-5b1f2f7f1a01' },
    two => { client_id => 'client-two',
             organisation_id => '7b1f8c9e-2d4a-4c6b-9f10-0a1b2c3d4e52',
             software_id => '0e6a4f6c-93a5-4d55-8d0c-5b1f2f7f1a02' },
);

my $owner = $$;
my $json = JSON::PP->new->canonical->allow_nonref->utf8;
my ($dsn, %ports, @nginx, @logs, %allowed);


# a test that is told to go, or that nobody listens to any more, tidies up

$SIG{$_} ||= sub { exit 1 } for qw/ HUP INT PIPE TERM /;


BEGIN {
    my $root = Test::Oof::Postgres::root();
    my $var = $ENV{OOF_VAR} || "$root/var";

    if (!$ENV{TEST_NGINX_BINARY}) {
        my $binary = ($ENV{OOF_OBJS} || "$var/build/static") . '/nginx';

        die "no $binary: run ./build.sh build, or set TEST_NGINX_BINARY\n"
            if !-x $binary;

        $ENV{TEST_NGINX_BINARY} = abs_path($binary);
    }
}


sub import {
    my $class = shift;

    make_path("$Dir");

    # what sanitizers say goes to files of ours

    for my $name (qw/ ASAN_OPTIONS UBSAN_OPTIONS /) {
        $ENV{$name} = join ':', grep { $_ } $ENV{$name}, "log_path=$Dir/san",
                                            'print_stacktrace=1';
    }

    # Test::Nginx reads these when it is loaded

    $ENV{TEST_NGINX_SERVROOT} = "$Dir/servroot";
    $ENV{TEST_NGINX_PORT} = free_port();
    $ENV{TEST_NGINX_SERVER_PORT} = $ENV{TEST_NGINX_PORT};
    delete $ENV{TEST_NGINX_CLIENT_PORT};

    $class->export_to_level(1, $class, @_);
}


# a port of 127.0.0.1 that is this process's until it ends

sub free_port {
    my $locks = "/tmp/oof-ports-$<";

    make_path($locks);

    for (1 .. 1000) {
        my $port = 20000 + int rand 10000;

        next if $ports{$port};
        open my $lock, '>>', "$locks/$port" or next;
        flock $lock, LOCK_EX | LOCK_NB or next;

        my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1,
                                      LocalPort => $port, ReuseAddr => 1)
            or next;
        close $s;

        $ports{$port} = $lock;
        return $port;
    }

    die "no free port\n";
}


# certificates, made once a day for all files

sub pki {
    my ($file) = @_;

    our $Pki;

    if (!defined $Pki) {
        my $tool = "$Root/t/lib/pki";

        open my $f, '<', $tool or die "$tool: $!";
        my $state = do { local $/; sha256_hex(<$f>) }
                    . POSIX::strftime('-%Y-%m-%d', gmtime);

        $Pki = "$Var/test/pki";
        make_path("$Var/test");
        open my $lock, '>>', "$Var/test/pki.lock" or die "$Pki.lock: $!";
        flock $lock, LOCK_EX;

        if (slurp("$Pki/state", 1) ne $state) {
            remove_tree($Pki);
            system('/usr/bin/python3', $tool, $Pki) == 0 or die "$tool failed";
            spew("$Pki/state", $state);
        }
    }

    return defined $file ? "$Pki/$file" : $Pki;
}


# the path of a leaf with its chain; one that is not there is made of the
# words, as t/lib/pki says them: client_cert('soon', end => 2)

sub client_cert {
    my ($name, %words) = @_;

    if (%words) {
        my $who = $Clients{one};
        %words = (org => $who->{organisation_id},
                  software => $who->{software_id}, %words);
        delete $words{$_} for grep { !defined $words{$_} } keys %words;

        system('/usr/bin/python3', "$Root/t/lib/pki", pki(), "file=$name-$$",
               map { "$_=$words{$_}" } sort keys %words) == 0
            or die 'pki failed';

        return pki("leaf-$name-$$.pem");
    }

    my $path = pki("leaf-$name.pem");

    return -f $path ? $path : pki("leaf-$name-$$.pem");
}


# an issuing CA that ends in so many seconds: a name for client_cert()'s issuer

sub short_ca { more_ca("ca-$$", end => $_[0]) }


# one more CA, under "parent"

sub more_ca {
    my ($name, %words) = @_;

    system('/usr/bin/python3', "$Root/t/lib/pki", pki(), "ca=$name",
           map { "$_=$words{$_}" } sort keys %words) == 0
        or die 'pki failed';

    return $name;
}


sub client_key { client_cert($_[0]) =~ s/\.pem$/.key/r }


# the leaf alone

sub client_pem {
    my $chain = slurp(client_cert($_[0]));

    return ($chain =~ /^(-----BEGIN.*?-----END[^\n]*\n)/s)[0];
}


# value of X-SSL-Client-Cert

sub header_pem {
    my $pem = ref $_[0] ? ${ $_[0] } : client_pem($_[0]);

    return $pem =~ s/([^A-Za-z0-9\-._~])/sprintf '%%%02X', ord $1/ger;
}


sub thumbprint {
    my ($pem) = @_;

    return encode_base64url(sha256(decode_base64(
        $pem =~ s/-----[^\n]*-----//gr)));
}


sub new_uuid {
    my @b = map { int rand 65536 } 1 .. 8;

    $b[3] = $b[3] & 0x0fff | 0x4000;
    $b[4] = $b[4] & 0x3fff | 0x8000;

    return sprintf '%04x%04x-%04x-%04x-%04x-%04x%04x%04x', @b;
}


# an access token of the tests' issuer.  client: whose; scope; ttl: seconds;
# claims: replaced, or left out when undef; header: the same; alg: PS256,
# RS256, HS256, none; key: signing, stranger; cert: the name of the bound one

sub token {
    my (%args) = @_;

    my $name = $args{client} // 'one';
    my $client = $Clients{$name} || $Clients{one};
    my $now = int time;

    my %claims = (
        iss => $Issuer, aud => $BaseUrl, iat => $now, jti => new_uuid(),
        exp => $now + ($args{ttl} // 900),
        client_id => $client->{client_id}, sub => $client->{client_id},
        scope => $args{scope} // 'consents',
        cnf => { 'x5t#S256' => thumbprint(client_pem($args{cert} // $name)) },
        %{ $args{claims} || {} },
    );

    my $alg = $args{alg} // 'PS256';
    my $key = $args{key} // 'signing';

    my %header = (alg => $alg, typ => 'at+jwt', kid => "oof-$key",
                  %{ $args{header} || {} });

    for my $set (\%claims, \%header) {
        delete $set->{$_} for grep { !defined $set->{$_} } keys %$set;
    }

    return sign_jwt(\%header, \%claims, $alg, $key);
}


sub sign_jwt {
    my ($header, $claims, $alg, $key) = @_;

    require Crypt::PK::RSA;
    require Crypt::Mac::HMAC;

    my $input = join '.', map { encode_base64url(ref $_ ? $json->encode($_)
                                                        : $_) }
                              $header, $claims;

    my $rsa = Crypt::PK::RSA->new(pki("$key.key"));

    my $mac = $alg eq 'PS256' ? $rsa->sign_message($input, 'SHA256', 'pss', 32)
            : $alg eq 'RS256' ? $rsa->sign_message($input, 'SHA256', 'v1.5')
            : $alg eq 'none' ? ''
            : Crypt::Mac::HMAC::hmac('SHA256',
                                     $rsa->export_key_pem('public_x509'),
                                     $input);

    return "$input." . encode_base64url($mac);
}


# the issuer's key set as a file, with the named keys

sub jwks {
    my (@keys) = @_;

    require Crypt::PK::RSA;

    @keys = ('signing') if !@keys;

    my $path = "$Dir/" . join('-', @keys) . '.jwks';
    my @list;

    for (@keys) {
        my $jwk = Crypt::PK::RSA->new(pki("$_.key"))
                                ->export_key_jwk('public', 1);
        push @list, { %$jwk, kid => "oof-$_", use => 'sig', alg => 'PS256' };
    }

    spew("$path.new", $json->encode({ keys => \@list }));
    rename "$path.new", $path;

    return $path;
}


# a file with a key of 32 bytes in hex, always the same for the same name

sub key_file {
    my ($name) = @_;

    my $path = "$Dir/$name.hex";

    if (!-f $path) {
        spew($path, sha256_hex("oof test key $name") . "\n");
        chmod 0600, $path;
    }

    return $path;
}


# --- the database

sub database_dsn {
    return $dsn if defined $dsn;

    $dsn = Test::Oof::Postgres::database(lc $Name);
    register();

    return $dsn;
}


# another database than one with the schema of today, before the first is made

sub database_is {
    ($dsn) = @_;
    register();
}


# clients one and two, as registration tells the bank of them

sub register {
    return if !(psql("SELECT to_regclass('oof_client')"))[0][0];

    for my $name (sort keys %Clients) {
        my $c = $Clients{$name};

        psql("INSERT INTO oof_client (brand, client_id, organisation_id,"
             . " software_id, name, logo_uri, webhook_uris, roles, status,"
             . " created, updated) VALUES ('$Brand', '$c->{client_id}',"
             . " '$c->{organisation_id}', '$c->{software_id}', 'Client $name',"
             . " 'https://$name.oof.test/logo.svg', '{}', '{DADOS,PAGTO}',"
             . " 'ACTIVE', now(), now())");
    }
}


sub psql { Test::Oof::Postgres::query(database_dsn(), join ' ', @_) }


# the event log in its order, data decoded

sub events {
    my ($where) = @_;

    return map {
        my %e;
        @e{qw/ id type brand key version time stamp data /} = @$_;
        $e{data} = $json->decode($e{data}) if defined $e{data};
        \%e;
    } psql('SELECT id, type, brand, key, version, time, stamp, data'
           . ' FROM oof_event ' . ($where ? "WHERE $where " : '')
           . 'ORDER BY stamp, version');
}


# --- configuration

sub http_defaults {
    my (%args) = @_;

    my $leases = $args{leases} ? 'on' : 'off';
    my $dsn = database_dsn() =~ s/\buser=\S+/user=oof/r;

    return <<"END";
    oof_test_clock on;

    oof_database main {
        connect "$dsn";
        lease   $leases;
    }

    oof_keys main {
        encrypt k1 @{[ key_file('encrypt') ]};
        lookup  l1 @{[ key_file('lookup') ]};
    }

    oof_issuer main {
        issuer   $Issuer;
        audience $BaseUrl;
        jwks     file:@{[ jwks() ]};
    }
END
}


sub server_defaults {
    my (%args) = @_;

    return <<"END";
        oof_brand           $Brand;
        oof_organisation_id $Organisation;
        oof_base_url        $BaseUrl;
        oof_database        main;
        oof_keys            main;
        oof_issuer          main;
        oof_issuing_ca      @{[ pki($args{issuing} // 'issuing.pem') ]};
END
}


# for http{}: so the header is taken out on every listener

sub header_defaults {
    return <<'END';
    oof_client_certificate_header X-SSL-Client-Cert;
    oof_client_certificate_from   127.0.0.1;
END
}


# TLS as it is shipped

sub tls_defaults {
    return <<"END";
        include                $Root/conf/include/tls.conf;
        ssl_certificate        @{[ pki('leaf-server.pem') ]};
        ssl_certificate_key    @{[ pki('leaf-server.key') ]};
        ssl_client_certificate @{[ pki('trusted.pem') ]};
        ssl_crl                @{[ pki('crl.pem') ]};
END
}


sub location_defaults {
    return <<"END";
        location $Api/ {
            oof_api consents v3;
        }
END
}


# --- Test::Nginx blocks

# Gives every block the defaults unless it has "--- bare".  Sections of ours:
#
#   --- tpp: one consents    adds the certificate header of client "one", a
#                            token with that scope and an interaction id
#   --- tpp: one             no token
#
# Without "--- config" the consents API is served.

sub oof_blocks {
    my (%args) = @_;

    Test::Nginx::Util::master_on();
    Test::Nginx::Util::log_level($args{log_level} // 'info');
    Test::Nginx::Util::worker_connections(256);
    Test::Nginx::Util::no_long_string();

    Test::Nginx::Util::add_block_preprocessor(sub {
        my ($block) = @_;

        if (!defined $block->must_die) {
            my $log = "$Dir/blocks.log";
            @logs = ($log);
            $block->set_value('main_config', ($block->main_config // '')
                              . "\nerror_log $log warn;\n");
        }

        if (!defined $block->bare) {
            $block->set_value('http_config', http_defaults()
                              . header_defaults()
                              . ($block->http_config // ''));

            my $config = $block->config // location_defaults();

            $block->set_value('config', server_defaults() . $config);
        }

        if (defined $block->tpp) {
            my ($name, @scope) = split ' ', $block->tpp;

            my $headers = "X-SSL-Client-Cert: " . header_pem($name) . "\n"
                          . 'x-fapi-interaction-id: ' . new_uuid() . "\n";
            $headers .= 'Authorization: Bearer '
                        . token(client => $name, scope => "@scope") . "\n"
                if @scope;

            $block->set_value('more_headers', $headers
                              . ($block->more_headers // ''));
        }
    });
}


# --- scripts

# Starts an nginx of our own.  What may be given:
#
#   workers (1); main, events, http, server, locations, tls, plain,
#   management, servers: text that is added (locations replaces the consents
#   API); defaults => 0: no "oof_" blocks and settings; issuing: a file of the
#   PKI with the issuing CAs; user: who the workers are; leases => 1: it may
#   hold leases, so that what is due is ended and not only seen to be over;
#   binary: another nginx than the one under test
#
# Ports: $o->{plain} (certificate header believed from 127.0.0.1), $o->{tls},
# $o->{management}.

sub start {
    my ($class, %args) = @_;

    my $self = bless { %args }, $class;

    $self->{dir} = "$Dir/nginx-" . scalar @nginx;
    make_path("$self->{dir}/logs");

    $self->{port}{$_} = free_port() for qw/ plain tls management /;
    $self->configure;
    push @nginx, $self;

    $self->launch if !$args{hold};

    return $self;
}


sub plain { $_[0]{port}{plain} }
sub tls { $_[0]{port}{tls} }
sub management { $_[0]{port}{management} }


sub configure {
    my ($self, %args) = @_;

    %$self = (%$self, %args);

    my $s = sub { $self->{$_[0]} // '' };
    my $on = $self->{defaults} // 1;
    my $user = $self->{user} // ($< == 0 ? 'root' : undef);

    my $http = $on ? http_defaults(%$self) : '';
    my $server = $on ? server_defaults(%$self) : '';
    my $locations = $self->{locations} // ($on ? location_defaults() : '');

    spew("$self->{dir}/nginx.conf", <<"END");
@{[ defined $user ? "user $user;" : '' ]}
worker_processes @{[ $self->{workers} // 1 ]};
daemon on;
pid $self->{dir}/nginx.pid;
error_log $self->{dir}/logs/error.log @{[ $self->{log_level} // 'info' ]};
@{[ $s->('main') ]}
events {
    worker_connections @{[ $self->{connections} // 512 ]};
    @{[ $s->('events') ]}
}
http {
    access_log $self->{dir}/logs/access.log;
    client_body_temp_path $self->{dir}/body;
    proxy_temp_path $self->{dir}/proxy;
    fastcgi_temp_path $self->{dir}/fastcgi;
    uwsgi_temp_path $self->{dir}/uwsgi;
    scgi_temp_path $self->{dir}/scgi;
    default_type text/plain;
$http
@{[ $on ? header_defaults() : '' ]}
@{[ $s->('http') ]}
    server {
        listen 127.0.0.1:$self->{port}{plain};
        server_name mtls-api.oof.test;
$server
@{[ $s->('server') ]}
@{[ $s->('plain_server') ]}
$locations
    }
    server {
        listen 127.0.0.1:$self->{port}{tls} ssl;
        http2 on;
        server_name mtls-api.oof.test;
$server
@{[ $self->{tls_replace} // tls_defaults() ]}
@{[ $s->('server') ]}
@{[ $s->('tls_server') ]}
$locations
    }
    server {
        listen 127.0.0.1:$self->{port}{management};
        location = /metrics { oof_metrics; }
        location = /live { oof_health live; }
        location = /ready { oof_health ready; }
@{[ $s->('management_server') ]}
    }
@{[ $s->('servers') ]}
}
END
}


# "nginx -t": true when fine, and what it said; its log is not searched

sub test_config {
    my ($self) = @_;

    my $rc = Test::Oof::Postgres::open2_in(\my $out, '', $self->command, '-t',
                                           '-e', "$self->{dir}/logs/test.log");

    return wantarray ? ($rc == 0, $out) : $rc == 0;
}


sub command {
    my ($self) = @_;

    return ($self->{binary} // $ENV{TEST_NGINX_BINARY}, '-e',
            "$self->{dir}/logs/error.log", '-p', "$self->{dir}/", '-c',
            "$self->{dir}/nginx.conf");
}


sub launch {
    my ($self) = @_;

    my $rc = Test::Oof::Postgres::open2_in(\my $out, '', $self->command);

    die "nginx did not start:\n$out" if $rc != 0;

    $self->{started} = 1;

    wait_for(sub { -s "$self->{dir}/nginx.pid" }, 5, 'pid file');
    $self->ready if ($self->{wait} // $self->{defaults} // 1);

    return $self;
}


# waits until lanes and keys are there

sub ready {
    my ($self) = @_;

    wait_for(sub { $self->get('/ready')->{status} == 200 }, 10, 'ready');
}


sub pid {
    my ($self) = @_;

    my $pid = slurp("$self->{dir}/nginx.pid", 1);
    chomp $pid;

    return $pid || undef;
}


sub worker_pids {
    my ($self) = @_;

    my $master = $self->pid or return;
    my @workers;

    for (glob '/proc/[0-9]*/stat') {
        my ($pid, $ppid) = slurp($_, 1) =~ /^(\d+) \(nginx\) \S (\d+)/ or next;
        push @workers, $pid if $ppid == $master;
    }

    return sort { $a <=> $b } @workers;
}


# a reload, until the new workers serve and (unless told) the old have gone

sub reload {
    my ($self, %args) = @_;

    my %old = map { $_ => 1 } $self->worker_pids;

    kill 'HUP', $self->pid;

    wait_for(sub {
        my @now = $self->worker_pids;
        my $new = grep { !$old{$_} } @now;
        $new && ($args{keep_old} || $new == @now);
    }, 10, 'reload');

    $self->ready if ($self->{wait} // $self->{defaults} // 1);
}


sub stop {
    my ($self, $signal) = @_;

    my $pid = delete $self->{started} && $self->pid or return;

    kill $signal // 'QUIT', $pid;

    # one that has ended may wait long for its parent, who is process 1 now

    my $runs = sub { slurp("/proc/$pid/stat", 1) =~ /^\d+ \(.*\) [^ZX]/ };
    my $end = time + 10;

    sleep 0.02 while $runs->() && time < $end;

    if ($runs->()) {
        Test::More::diag("nginx $pid did not stop");
        $allowed{failed} = 1;
        kill 'KILL', $self->worker_pids, $pid;
    }
}


sub log_text { slurp("$_[0]{dir}/logs/error.log", 1) }

sub access_text { slurp("$_[0]{dir}/logs/access.log", 1) }


# what may stand in a log of this file though it looks bad

sub allow {
    my (undef, @patterns) = @_;

    push @{ $allowed{patterns} }, @patterns;
}


# --- calls

# One request on a connection of its own.  Words: client (certificate and
# token of it, "one"; undef: neither), cert (another certificate; undef:
# none), token (text; undef: none), scope, headers (hash or list of pairs;
# undef leaves one out), json or body, via ("plain", "tls"), http2.  Returns a
# hash: status, headers (names in lower case; a list under "list"), body, json.

sub call {
    my ($self, $method, $path, %args) = @_;

    my $via = $args{via} // 'plain';
    my ($headers, $body) = $self->request_parts($via, %args);

    if ($args{http2}) {
        return Test::Oof::Client::curl($self->port($via), $method, $path,
            $headers, $body, $via eq 'tls' ? $self->tls_args(%args) : ());
    }

    my $c = $self->connect($via, %args) or return { status => 0 };

    return $c->request($method, $path, $headers, $body);
}


sub port { $_[0]{port}{$_[1]} // die "no port $_[1]" }


# a kept connection: $c->request(METHOD, PATH, [headers], body), $c->write,
# $c->response, $c->close; undef when TLS was refused, with the reason in
# $Test::Oof::Client::error

sub connect {
    my ($self, $via, %args) = @_;

    return Test::Oof::Client->new($self->port($via),
                                  $via eq 'tls' ? $self->tls_args(%args) : ());
}


sub tls_args {
    my ($self, %args) = @_;

    my $cert = exists $args{cert} ? $args{cert}
             : exists $args{client} ? $args{client} : 'one';

    return (ca => pki('root.pem'), tls => 1, %{ $args{ssl} || {} },
            defined $cert ? (cert => client_cert($cert),
                             key => client_key($cert)) : ());
}


sub request_parts {
    my ($self, $via, %args) = @_;

    my $client = exists $args{client} ? $args{client} : 'one';
    my $cert = exists $args{cert} ? $args{cert} : $client;
    my $token = exists $args{token} ? $args{token}
              : defined $client ? token(client => $client,
                                        cert => $cert // $client,
                                        scope => $args{scope} // 'consents')
              : undef;

    my @headers = ([ Host => 'mtls-api.oof.test' ]);

    push @headers, [ 'x-fapi-interaction-id' => new_uuid() ];
    push @headers, [ 'X-SSL-Client-Cert' => header_pem($cert) ]
        if $via eq 'plain' && defined $cert;
    push @headers, [ Authorization => "Bearer $token" ] if defined $token;

    my $body = $args{body};

    if (exists $args{json}) {
        $body = $json->encode($args{json});
    }

    push @headers, [ 'Content-Type' => 'application/json' ] if defined $body;

    my @more = ref $args{headers} eq 'HASH' ? %{ $args{headers} }
                                            : @{ $args{headers} || [] };

    my %replaced;
    while (my ($name, $value) = splice @more, 0, 2) {
        @headers = grep { lc $_->[0] ne lc $name } @headers
            if !$replaced{lc $name}++;
        push @headers, [ $name => $value ] if defined $value;
    }

    return (\@headers, $body);
}


# the management listener

sub get {
    my ($self, $path) = @_;

    my $c = Test::Oof::Client->new($self->port('management'))
        or return { status => 0 };

    return $c->request('GET', $path, [ [ Host => 'management' ] ]);
}


# a metric's value: metric('oof_x_total', reason => 'address'); summed over
# the series that have these labels

sub metric {
    my ($self, $name, %labels) = @_;

    my $sum;

    for (split /\n/, $self->get('/metrics')->{body} // '') {
        my ($series, $text, $value) = /^(\w+)(?:\{(.*)\})? (\S+)$/ or next;
        next if $series ne $name;
        next if grep { ($text // '') !~ /\b$_="\Q$labels{$_}\E"/ } keys %labels;
        $sum += $value;
    }

    return $sum;
}


# moves the rule clock, of all workers, by so many seconds from the real one

sub clock {
    my ($self, $offset) = @_;

    psql("UPDATE oof_clock SET \"offset\" = $offset, changed = now()");
}


# --- documents

# a good body of POST /consents; words replace members of data (undef: out)

sub consent_body {
    my (%data) = @_;

    my %body = (
        loggedUser => { document => { identification => '48847377765',
                                      rel => 'CPF' } },
        permissions => [ qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ
                             RESOURCES_READ / ],
        expirationDateTime => POSIX::strftime('%Y-%m-%dT%H:%M:%SZ',
                                              gmtime(time + 86400 * 180)),
        %data,
    );

    delete $body{$_} for grep { !defined $body{$_} } keys %body;

    return { data => \%body };
}


sub decoded { $json->decode($_[0]) }

sub json { $json->encode($_[0]) }


# the answer is what the regulator's OpenAPI text says for this operation and
# status: schema_ok('consents-v3 POST /consents', $answer)

sub schema_ok {
    my ($operation, $answer, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my @failures = Test::Oof::Schema::check("$Root/t/schema", $operation,
                                            $answer);

    return Test::More::ok(!@failures, $name // "$operation $answer->{status}"
                                               . ' is as specified')
        || Test::More::diag(join "\n", @failures);
}


# --- small things

sub wait_for {
    my ($done, $seconds, $what) = @_;

    my $end = time + ($seconds // 5);

    until ($done->()) {
        if (time > $end) {
            my $log = @nginx ? $nginx[-1]->log_text : '';
            $log =~ s/^.*\[(?:info|debug)\].*\n//mg;
            die 'timed out waiting for ' . ($what // 'something') . "\n$log";
        }
        sleep 0.02;
    }

    return 1;
}


sub slurp {
    my ($path, $quiet) = @_;

    open my $f, '<', $path or do { return '' if $quiet; die "$path: $!" };
    local $/;

    return <$f> // '';
}


sub spew {
    my ($path, $text) = @_;

    open my $f, '>', $path or die "$path: $!";
    print $f $text;
    close $f or die "$path: $!";
}


# what no nginx may have said, whatever was tested

sub problems {
    my @found;

    for my $log (@logs, map { "$_->{dir}/logs/error.log" } @nginx) {
        for (split /\n/, slurp($log, 1)) {
            next if !/\[(?:alert|emerg)\]|AddressSanitizer|runtime error:/;
            my $line = $_;

            # nginx's own habits: unaligned words, copies of nothing
            next if m{^src/\S+\ runtime\ error:\ (?:load\ of\ |store\ to\ )?
                      (?:misaligned|null\ pointer\ passed)}x;
            next if grep { $line =~ $_ } @{ $allowed{patterns} || [] };
            push @found, $line;
        }
    }

    for my $file (glob("$Dir/san.* $Dir/nginx-*/core* $Dir/servroot/core*")) {
        push @found, "$file:\n" . ($file =~ /core[^\/]*$/ ? 'a core file'
                                                          : slurp($file));
    }

    return @found;
}


END {
    if ($$ == $owner) {
        my $status = $?;

        $_->stop for @nginx;

        my @found = problems();
        $found[50] = '...' if @found > 50;
        $#found = 50 if @found > 50;

        if (@found) {
            Test::More::diag("in the logs:\n" . join "\n", @found);
            $status ||= 1;
        }

        $status ||= 1 if $allowed{failed};

        eval { Test::Oof::Postgres::drop() };
        Test::More::diag($@) if $@;

        if ($status == 0 && Test::More->builder->is_passing
            && !$ENV{OOF_TEST_KEEP})
        {
            remove_tree($Dir);

        } else {
            Test::More::diag("see $Dir");
        }

        unlink glob "$Var/test/pki/leaf-*-$$.* $Var/test/pki/ca-$$.*";
        $? = $status;
    }
}


1;
