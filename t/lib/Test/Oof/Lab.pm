package Test::Oof::Lab;

# Copyright (C) oof authors

# The laboratory of the database lanes: t/module/ngx_oof_lab_module.c, built
# as a loadable module for the nginx under test, and clients that ask it much
# at once.
#
#   my $o = Test::Oof::Lab->start(workers => 2, database => 'queue 8;');
#   my $r = $o->lab('class=read&s=lab_get&u=...');   rc, sqlstate, runs, rows
#   my @r = $o->many([ @queries ]);                  all at once
#   my @r = $o->together('write', @queries);         all in one segment

use strict;
use warnings;

use Digest::SHA qw/ sha256_hex /;
use Fcntl qw/ :flock /;
use File::Basename qw/ dirname /;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw/ sleep time /;

use Test::Oof;

our @ISA = ('Test::Oof');

my $schema;


# words of Test::Oof->start, and "database": more of oof_database { }

sub start {
    my ($class, %args) = @_;

    schema();

    my $dsn = $args{connect} // database_dsn();
    my $more = delete $args{database} // '';
    my $http = delete $args{http} // '';
    my $main = delete $args{main} // '';

    return $class->SUPER::start(
        defaults => 0,
        connections => 2048,
        main => 'load_module ' . module() . ";\n$main",
        http => <<"END" . $http,
    oof_database main {
        connect "$dsn";
        $more
    }
    keepalive_requests 100000000;
END
        locations => <<'END',
        location = /lab {
            oof_database main;
            oof_lab;
        }
        location = /static {
            return 200 "rc=0 sqlstate= runs=1 ms=0\n0\t0\tsome note of it\n";
        }
END
        wait => 1,
        %args,
    );
}


sub schema {
    return if $schema++;

    my $sql = Test::Oof::slurp("$Test::Oof::Root/t/module/schema.sql");

    psql($sql) if !(psql("SELECT to_regclass('lab')"))[0][0];
}


# one query; the answer with what its first line says

sub lab {
    my ($self, $query) = @_;

    return parse($self->call(GET => "/lab?$query", client => undef));
}


sub parse {
    my ($r) = @_;

    my ($head, @rows) = split /\n/, $r->{body} // '';

    @$r{qw/ rc sqlstate runs ms /} =
        ($head // '') =~ /^rc=(\d+) sqlstate=(\S*) runs=(\d+) ms=(\d+)/;

    $r->{rows} = [ map { [ split /\t/, $_, -1 ] } @rows ];
    $r->{outcome} = @rows ? (split /\t/, $rows[0])[1] : undef;

    return $r;
}


# Each query on a connection of its own, all written before any answer is
# read.  pause: seconds after the first; meanwhile: a sub that is called when
# all have been written; limit: seconds after which no answer is awaited.

sub many {
    my ($self, $queries, %args) = @_;

    my (@sockets, @answers, %index);
    my $select = IO::Select->new;

    for my $i (0 .. $#$queries) {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                      PeerPort => $self->plain)
            or die "connect: $!";
        $sockets[$i] = $s;
        $index{$s} = $i;
        $select->add($s);
        $answers[$i] = { status => 0, text => '' };
    }

    my $start = time;

    for my $i (0 .. $#$queries) {
        syswrite $sockets[$i], "GET /lab?$queries->[$i] HTTP/1.0\r\n\r\n";
        sleep $args{pause} if $args{pause} && $i == 0;
    }

    $args{meanwhile}->() if $args{meanwhile};

    while ($select->count && time < $start + ($args{limit} // 20)) {
        for my $s ($select->can_read(1)) {
            my $a = $answers[$index{$s}];
            my $n = sysread $s, $a->{text}, 65536, length $a->{text};

            if (!$n) {
                $select->remove($s);
                close $s;
                answer($a);
            }
        }
    }

    return @answers;
}


# what is given while the lane is busy makes one segment

sub together {
    my ($self, $class, @queries) = @_;

    my @r = $self->many([ "class=$class&s=lab_sleep&i=150", @queries ],
                        pause => 0.05);

    return @r[1 .. $#r];
}


sub answer {
    my ($a) = @_;

    my ($head, $body) = split /\r\n\r\n/, delete $a->{text}, 2;

    ($a->{status}) = ($head // '') =~ m{^HTTP/1\.\d (\d+)};
    $a->{status} //= 0;
    $a->{body} = $body;

    return parse($a);
}


# A process that keeps "connections" busy with queries made by the sub; its
# end tells how many were answered with which status.  A kept connection that
# nginx closes before any byte of an answer is used again once.

sub load {
    my ($self, $connections, $next) = @_;

    pipe my $in, my $out or die "pipe: $!";
    pipe my $stopped, my $stop or die "pipe: $!";

    my $pid = fork;
    die "fork: $!" if !defined $pid;

    if ($pid == 0) {
        close $in;
        close $stop;
        my %seen = load_run($self->plain, $connections, $next, $stopped);
        print $out join(' ', %seen), "\n";
        close $out;
        POSIX::_exit(0);
    }

    close $out;
    close $stopped;

    return { pid => $pid, in => $in, stop => $stop };
}


sub load_end {
    my ($self, $load) = @_;

    close $load->{stop};
    my $line = readline $load->{in};
    waitpid $load->{pid}, 0;

    return split ' ', $line // '';
}


sub load_run {
    my ($port, $connections, $next, $stopped) = @_;

    my (%seen, %state);
    my $select = IO::Select->new($stopped);
    my $running = 1;

    my $open = sub {
        my ($query, $again) = @_;

        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                      PeerPort => $port);

        if (!$s) {
            $seen{refused}++;
            return;
        }

        $state{$s} = { query => $query, text => '', again => $again };
        syswrite $s, "GET /lab?$query HTTP/1.1\r\nHost: lab\r\n\r\n";
        $select->add($s);
    };

    $open->($next->(), 0) for 1 .. $connections;

    while ($running || keys %state) {
        for my $s ($select->can_read(0.5)) {

            if ($s == $stopped) {
                $running = 0;
                $select->remove($s);
                next;
            }

            my $t = $state{$s};
            my $n = sysread $s, $t->{text}, 65536, length $t->{text};

            if (!$n) {
                delete $state{$s};
                $select->remove($s);

                if ($t->{text} eq '' && $t->{kept} && !$t->{again}) {
                    $open->($t->{query}, 1);
                } else {
                    $seen{closed}++;
                    $open->($next->(), 0) if $running;
                }

                next;
            }

            next if $t->{text} !~ /\r\n\r\n/;

            my ($length) = $t->{text} =~ /content-length: (\d+)/i;
            my $end = index($t->{text}, "\r\n\r\n") + 4 + $length;
            next if length $t->{text} < $end;

            my ($status) = $t->{text} =~ m{^HTTP/1\.\d (\d+)};
            $seen{$status}++;

            my $closes = $t->{text} =~ /connection: close/i;
            $t->{text} = '';

            if (!$running || $closes) {
                delete $state{$s};
                $select->remove($s);
                close $s;
                $open->($next->(), 0) if $running;
                next;
            }

            @$t{qw/ query kept again /} = ($next->(), 1, 0);
            syswrite $s, "GET /lab?$t->{query} HTTP/1.1\r\nHost: lab\r\n\r\n";
        }
    }

    return %seen;
}


# backends of our lanes: pid, by state

sub backends {
    return map { $_->[0] }
               psql("SELECT pid FROM pg_stat_activity WHERE application_name"
                    . " = 'oof' AND datname = current_database()");
}


# A cluster of this file's own, which it may stop and kill; to be called before
# anything else asks for a database.  conf: more of postgresql.conf; hba: all of
# pg_hba.conf; files: copies by name, for the data folder.

sub cluster {
    my (%args) = @_;

    my $dir = "/var/tmp/oof-lab-$$";
    my ($uid, $gid) = $< == 0 ? (getpwnam('postgres'))[2, 3] : ($<, $();

    mkdir $dir or die "$dir: $!";
    chown $uid, $gid + 0, $dir;

    # it outlives the END blocks, which drop databases

    our $cluster = bless { dir => $dir, owner => $$ }, 'Test::Oof::Lab::Cluster';

    Test::Oof::Postgres::as_postgres(
        Test::Oof::Postgres::program('initdb'), '-D', "$dir/data", '-U',
        'postgres', '-A', 'trust', '-E', 'UTF8', '--locale', 'C.UTF-8', '-N');

    open my $conf, '>>', "$dir/data/postgresql.conf" or die "$dir: $!";
    print $conf "listen_addresses = ''\nunix_socket_directories = '$dir'\n"
                . "max_connections = 60\nshared_buffers = 32MB\n"
                . ($args{conf} // '');
    close $conf;

    Test::Oof::spew("$dir/data/pg_hba.conf", $args{hba}) if $args{hba};

    for my $name (keys %{ $args{files} || {} }) {
        Test::Oof::spew("$dir/data/$name",
                        Test::Oof::slurp($args{files}{$name}));
        chmod 0600, "$dir/data/$name";
        chown $uid, $gid + 0, "$dir/data/$name";
    }

    $cluster->start;

    my ($port) = ($args{conf} // '') =~ /^port = (\d+)/m;

    $ENV{OOF_TEST_PG} = "host=$dir port=" . ($port // 5432) . ' user=postgres';

    return $cluster;
}


# builds the module with the words of the Makefile of nginx

sub module {
    my $root = $Test::Oof::Root;
    my $objs = $ENV{OOF_OBJS} || dirname($ENV{TEST_NGINX_BINARY});
    my $source = $ENV{OOF_SOURCE} || dirname($objs);
    my $dir = "$root/t/module";

    my $text = Test::Oof::slurp("$objs/Makefile") =~ s/\\\n/ /gr;
    my ($cc) = $text =~ /^CC =\s*(.*)$/m;
    my ($cflags) = $text =~ /^CFLAGS =\s*(.*)$/m;
    my ($incs) = $text =~ /^ALL_INCS =\s*(.*)$/m;

    my $key = join "\n", $text, map { Test::Oof::slurp($_) }
                   glob("$dir/*.c $dir/sql/*.sql $objs/ngx_auto_*.h"
                        . " $root/ngx_oof_common/src/*.h");
    my $name = 'lab-' . substr(sha256_hex($key), 0, 12);
    my $so = "$Test::Oof::Var/test/$name.so";

    open my $lock, '>>', "$Test::Oof::Var/test/lab.lock" or die "lab.lock: $!";
    flock $lock, LOCK_EX;

    return $so if -f $so;

    unlink glob "$Test::Oof::Var/test/lab-*.so";

    my $work = "$Test::Oof::Dir/lab";
    my $sql = "$work/ngx_oof_lab_sql";

    # a build has a folder of its own, and names files from nginx's source

    my $command = "mkdir -p $work"
        . " && $root/ngx_oof_common/sql2c lab $sql $dir/sql/*.sql"
        . " && cd $source && $cc $cflags -fno-sanitize=all -fPIC $incs"
        . " -c -o $work/modules.o $dir/ngx_oof_lab_modules.c"
        . " && $cc $cflags -fPIC -shared -I $work $incs -o $so.new"
        . " $dir/ngx_oof_lab_module.c $sql.c $work/modules.o"
        . " && mv $so.new $so";

    my $rc = Test::Oof::Postgres::open2_in(\my $out, '', 'sh', '-c', $command);
    die "the laboratory does not build:\n$out" if $rc != 0;

    return $so;
}


package Test::Oof::Lab::Cluster;

use File::Path qw/ remove_tree /;


sub start {
    my ($self) = @_;

    unlink "$self->{dir}/data/postmaster.pid";
    $self->control('-l', "$self->{dir}/log", 'start');
}


# mode: fast, immediate

sub stop { $_[0]->control('-m', $_[1] // 'fast', 'stop') }


sub control {
    my ($self, @words) = @_;

    Test::Oof::Postgres::as_postgres(Test::Oof::Postgres::program('pg_ctl'),
                                     '-D', "$self->{dir}/data", '-w', '-s',
                                     @words);
}


# kill -9 of the postmaster and all its children

sub kill {
    my ($self) = @_;

    my ($pid) = split /\n/,
                Test::Oof::slurp("$self->{dir}/data/postmaster.pid");
    my @all = ($pid);

    for (glob '/proc/[0-9]*/stat') {
        my ($child, $ppid) = Test::Oof::slurp($_, 1) =~ /^(\d+) \(.*\) \S (\d+)/
            or next;
        push @all, $child if $ppid == $pid;
    }

    kill 'KILL', @all;

    select undef, undef, undef, 0.02 while kill 0, @all;
}


sub DESTROY {
    my ($self) = @_;

    return if $self->{owner} != $$;

    local ($?, $@);
    eval { $self->stop('immediate') };
    remove_tree($self->{dir});
}


1;
