#!/usr/bin/perl

# Copyright (C) oof authors

# Ways to a server: TLS with a password, names, several hosts, poolers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use File::Copy qw/ copy /;
use IO::Socket::INET;
use Socket qw/ inet_aton /;
use Test::More;
use Test::Oof;
use Test::Oof::Lab;
use Time::HiRes qw/ sleep time /;

my $port = free_port();

my $cluster = Test::Oof::Lab::cluster(
    conf => "listen_addresses = '127.0.0.1'\nport = $port\n"
            . "ssl = on\nssl_cert_file = 'server.pem'\n"
            . "ssl_key_file = 'server.key'\n",
    files => { 'server.pem' => pki('leaf-server.pem'),
               'server.key' => pki('leaf-server.key') },
    hba => "local all postgres trust\nlocal all all scram-sha-256\n"
           . "hostssl all all 127.0.0.1/32 scram-sha-256\n",
);

my ($db) = database_dsn() =~ /dbname=(\S+)/;
Test::Oof::Lab::schema();

psql("CREATE ROLE app LOGIN PASSWORD 'a password'; GRANT ALL ON ALL TABLES IN"
     . " SCHEMA public TO app; GRANT ALL ON ALL SEQUENCES IN SCHEMA public"
     . " TO app");

my $dir = $Test::Oof::Dir;
Test::Oof::spew("$dir/password", "a password\n");

my $tls = "port=$port dbname=$db user=app sslmode=verify-full sslrootcert="
          . pki('root.pem');
my $id = new_uuid();
my $o;


sub start {
    my ($connect, %args) = @_;

    $o->stop if $o;
    $o = Test::Oof::Lab->start(
        log_level => 'notice', connect => $connect,
        database => "password_file $dir/password; connect_timeout "
                    . (delete $args{within} // '2s') . ';',
        %args);
}


sub works {
    my ($name) = @_;

    my $event = new_uuid();

    is($o->lab("class=write&s=lab_new&u=$event&u=@{[ new_uuid() ]}&t=x")
       ->{outcome}, 1, "$name: a write");
    is($o->lab("class=read&s=lab_get&u=$id")->{status}, 200, "$name: a read");
}


# --- TLS, a password, and much at once

psql("INSERT INTO lab VALUES ('$id', 1, '" . 'z' x 1500 . "')");

start("host=mtls-api.oof.test hostaddr=127.0.0.1 $tls");
works('TLS');

is_deeply([ psql("SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity"
                 . " USING (pid) WHERE application_name = 'oof'") ],
          [ [ 't' ] ], 'TLS: it is');

for (1 .. 3) {
    my @r = $o->many([ map { "class=read&s=lab_get&u=$id" } 1 .. 300 ]);
    is(scalar(grep { length($_->{rows}[0][2] // '') == 1500 } @r), 300,
       'TLS: 300 reads at once');
}

my @r = $o->many([ map { 'class=write&s=lab_new&u=' . new_uuid() . '&u='
                         . new_uuid() . '&t=' . 'w' x 4000 } 1 .. 200 ]);
is(scalar(grep { $_->{status} == 200 } @r), 200, 'TLS: 200 writes at once');
unlike($o->log_text, qr/SSL error/, 'TLS: no error is left for nginx');

psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
     . " WHERE application_name = 'oof'");
works('TLS: new lanes');

start("host=other.oof.test hostaddr=127.0.0.1 $tls", wait => 0);
wait_for(sub { $o->log_text =~ /cannot be opened: .*other\.oof\.test/ }, 5,
         'refusal');
pass('TLS: a certificate for another name is refused');
is($o->get('/ready')->{status}, 503, 'TLS: refused: not ready');


# --- names

start("host=localhost $tls" =~ s/verify-full/verify-ca/r);
works('localhost');
unlike($o->log_text, qr/\[warn\](?!.*libpq \d+ may hang)/,
       'localhost: needs no resolver');

my $dns = dns('db.oof.test' => [ '127.0.0.9', '127.0.0.1' ]);

start("host=db.oof.test $tls" =~ s/verify-full/verify-ca/r,
      http => "resolver 127.0.0.1:$dns->{port} ipv6=off;\n");
works('resolver');
is($o->lab('class=lease&s=lab_sleep&i=0')->{status}, 200,
   'resolver: a lane that is opened later');

start("host=none.oof.test $tls" =~ s/verify-full/verify-ca/r, wait => 0,
      http => "resolver 127.0.0.1:$dns->{port} ipv6=off;\n");
wait_for(sub { $o->log_text =~ /could not be resolved \(3: Host not found\)/ },
         5, 'refusal');
pass('resolver: a name that is not there');


# --- several hosts: one that refuses, one that is silent

my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 50);
my $sockets = $cluster->{dir};

for (['refuses', 1], ['is silent', $silent->sockport]) {
    my ($name, $other) = @$_;
    start("host=127.0.0.1,$sockets port=$other,$port dbname=$db user=app",
          within => '500ms');
    works("the first host $name");
}


# --- a server that has become read-only is left

start("host=$sockets port=$port dbname=$db user=app");
works('before it is read-only');

my $r = $o->lab('class=write&s=lab_raise&t=25006');
is($r->{runs}, 3, 'read-only: tried on other connections');
is($r->{sqlstate}, '25006', 'read-only: and told');
cmp_ok($o->metric('oof_db_reconnects_total', class => 'write'), '>=', 2,
       'read-only: the lane was left');
like($o->log_text, qr/write lane .* is lost: statements do not work any more/,
     'read-only: as the log says');

psql("ALTER ROLE app SET default_transaction_read_only = on");
psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
     . " WHERE application_name = 'oof'");
wait_for(sub { $o->log_text =~ /cannot be opened: .*session is read-only/ }, 5,
         'refusal');
is($o->lab("class=read&s=lab_get&u=$id")->{status}, 503, 'read-only: 503');

psql("ALTER ROLE app RESET default_transaction_read_only");
wait_for(sub { $o->get('/ready')->{status} == 200 }, 2, 'ready');
works('read-only no more');


# --- through PgBouncer, sessions pooled, with what it has by default

SKIP: {
    my ($bouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}),
                                                       '/usr/sbin';
    skip 'no pgbouncer', 3 if !$bouncer;

    my $pooled = free_port();
    Test::Oof::spew("$dir/pgbouncer.ini", <<"END");
[databases]
* = host=$sockets port=$port user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $pooled
unix_socket_dir =
auth_type = any
pool_mode = session
logfile = $dir/pgbouncer.log
pidfile = $dir/pgbouncer.pid
END
    system("chmod 777 $dir; chmod 644 $dir/pgbouncer.ini");

    my $pid = fork;
    if ($pid == 0) {
        exec($< ? () : qw/ setpriv --reuid=postgres --clear-groups -- /,
             $bouncer, '-q', "$dir/pgbouncer.ini") or POSIX::_exit(1);
    }

    start("host=127.0.0.1 port=$pooled dbname=$db user=postgres",
          database => 'connect_timeout 2s;');
    works('PgBouncer');
    $r = $o->lab('class=write&s=lab_sleep&i=5000');
    is($r->{sqlstate}, '57014', 'PgBouncer: time-outs are set');
    $o->stop;
    kill 'TERM', $pid;
    waitpid $pid, 0;
}

kill 'TERM', $dns->{pid};
waitpid $dns->{pid}, 0;

done_testing();


# a name server that knows these names

sub dns {
    my (%names) = @_;

    my $s = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')
        or die "dns: $!";
    my $pid = fork;

    return { pid => $pid, port => $s->sockport } if $pid;

    while (defined(my $peer = $s->recv(my $q, 512))) {
        my ($id) = unpack 'n', $q;
        my ($at, @labels) = (12);

        while (my $n = ord substr $q, $at, 1) {
            push @labels, substr $q, $at + 1, $n;
            $at += $n + 1;
        }

        my @a = @{ $names{join '.', @labels} || [] };
        my $question = substr $q, 12, $at + 5 - 12;

        $s->send(pack('n6', $id, @a ? 0x8180 : 0x8183, 1, scalar @a, 0, 0)
                 . $question
                 . join('', map { pack('nnnNn', 0xc00c, 1, 1, 5, 4)
                                  . inet_aton($_) } @a), 0, $peer);
    }

    POSIX::_exit(0);
}
