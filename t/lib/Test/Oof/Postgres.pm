package Test::Oof::Postgres;

# Copyright (C) oof authors

# One PostgreSQL cluster for all files of a test run.  The first file that
# wants it starts it, a guardian stops it when nobody has used it for a while.
# OOF_TEST_PG (a conninfo without dbname) names a cluster that is there already.
#
#   my $pg = Test::Oof::Postgres::own();     this file's alone, to be killed
#   $pg->end('KILL'); $pg->again; kill 'TERM', $pg->backends;

use strict;
use warnings;

use Cwd qw/ abs_path /;
use Digest::SHA qw/ sha256_hex /;
use Fcntl qw/ :flock /;
use File::Basename qw/ dirname /;
use File::Path qw/ make_path remove_tree /;
use POSIX ();
use Time::HiRes qw/ sleep time /;

use constant IDLE => 15;

my $root = abs_path(dirname(__FILE__) . '/../../../..');

my ($use, $conninfo, $own, @databases);


sub root { $root }


# a database of this process with the schema in it; its conninfo

sub database {
    my ($name, %args) = @_;

    cluster();

    my $db = sprintf 'oof_%s_%d_%d', $name, $$, scalar @databases;
    my $template = $args{empty} ? 'template1' : template();

    admin("CREATE DATABASE $db TEMPLATE $template");
    push @databases, [ $$, $db ];

    return "$conninfo dbname=$db";
}


sub drop {
    if ($own && $own->{of} == $$) {
        $own->end('INT');
        remove_tree($own->{dir});
        return;
    }

    for (@databases) {
        my ($pid, $db) = @$_;
        admin("DROP DATABASE IF EXISTS $db WITH (FORCE)") if $pid == $$;
    }

    @databases = ();
}


# rows of text; a null is undef

sub query {
    my ($dsn, $sql) = @_;

    my @command = (program('psql'), '-X', '-q', '-A', '-t', '-v',
                   'ON_ERROR_STOP=1', '-F', "\x1f", '-R', "\x1e",
                   '-P', "null=\x01", $dsn);

    my $pid = open2_in(\my $out, $sql, @command);
    die "psql failed: $sql\n$out" if $pid != 0;

    $out =~ s/\n\z//;

    return map { [ map { $_ eq "\x01" ? undef : $_ } split /\x1f/, $_, -1 ] }
               split /\x1e/, $out;
}


# a session that stays open, for locks: Test::Oof::Postgres::session($dsn)

sub session {
    my ($dsn) = @_;

    require IPC::Open3;

    my $pid = IPC::Open3::open3(my $in, my $out, undef, program('psql'), '-X',
                                '-q', '-A', '-t', $dsn);
    select((select($in), $| = 1)[0]);

    return bless { pid => $pid, in => $in, out => $out },
                 'Test::Oof::Postgres::Session';
}


sub cluster {
    return $conninfo if defined $conninfo;
    return $conninfo = $ENV{OOF_TEST_PG} if $ENV{OOF_TEST_PG};

    my $dir = home();

    open $use, '>>', "$dir/use" or die "$dir/use: $!";
    flock $use, LOCK_SH;

    open my $lock, '>>', "$dir/lock" or die "$dir/lock: $!";
    flock $lock, LOCK_EX;

    start($dir) if !running($dir);

    return $conninfo = "host=$dir/s port=5432 user=postgres";
}


# A cluster of this process alone, which goes with it; before anybody has asked
# for a database.

sub own {
    my $dir = folder("/var/tmp/oof-own-$$");

    open $use, '>>', "$dir/use" or die "$dir/use: $!";
    flock $use, LOCK_SH;

    start($dir, 'own');

    $own = bless { dir => $dir, of => $$ }, 'Test::Oof::Postgres::Own';
    $conninfo = "host=$dir/s port=5432 user=postgres";

    return $own;
}


# where the cluster lives: never below a folder that user postgres cannot enter

sub home {
    my $var = $ENV{OOF_VAR} || "$root/var";

    return folder('/var/tmp/oof-test-' . substr(sha256_hex("$<:$var"), 0, 10));
}


sub folder {
    my ($dir) = @_;

    if (!-d "$dir/s") {
        make_path($dir);
        chmod 0755, $dir;
        make_path("$dir/s");

        if ($< == 0) {
            my ($uid, $gid) = (getpwnam('postgres'))[2, 3];
            chown $uid, $gid, "$dir/s" or die "chown: $!";
        }
    }

    return $dir;
}


sub running {
    my ($dir) = @_;

    open my $f, '<', "$dir/s/data/postmaster.pid" or return 0;
    chomp(my $pid = <$f>);
    open my $cmd, '<', "/proc/$pid/cmdline" or return 0;

    return (<$cmd> // '') =~ m{\Q$dir/s/data\E} ? 1 : 0;
}


sub start {
    my ($dir, @own) = @_;

    my $data = "$dir/s/data";

    if (!-f "$data/PG_VERSION") {
        remove_tree($data);
        as_postgres(program('initdb'), '-D', $data, '-U', 'postgres', '-A',
                    'trust', '-E', 'UTF8', '--locale', 'C.UTF-8', '-N');

        open my $conf, '>>', "$data/postgresql.conf" or die "$data: $!";
        print $conf <<"END";
listen_addresses = ''
unix_socket_directories = '$dir/s'
max_connections = 200
shared_buffers = 64MB
fsync = on
synchronous_commit = on
log_line_prefix = '%m [%p] %d '
log_min_error_statement = panic
END
    }

    launch($dir);

    # the guardian: a process of its own, with nothing of ours open

    my $pid = fork;

    if ($pid == 0) {
        POSIX::setsid();
        exit 0 if fork;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec($^X, '-I', "$root/t/lib", '-MTest::Oof::Postgres', '-e',
             'Test::Oof::Postgres::guard(@ARGV)', $dir, @own)
            or POSIX::_exit(1);
    }

    waitpid $pid, 0;
}


sub launch {
    my ($dir) = @_;

    unlink "$dir/s/data/postmaster.pid";
    as_postgres(program('pg_ctl'), '-D', "$dir/s/data", '-l', "$dir/s/log",
                '-w', '-s', 'start');
}


sub guard {
    my ($dir, $own) = @_;

    my $idle = 0;

    while ($own ? -d $dir : running($dir)) {
        sleep 1;

        open my $used, '>>', "$dir/use" or last;
        $idle = flock($used, LOCK_EX | LOCK_NB) ? $idle + 1 : 0;
        close $used;

        next if $idle < IDLE;

        open my $lock, '>>', "$dir/lock" or last;
        flock $lock, LOCK_EX;
        open $used, '>>', "$dir/use" or last;

        if (flock $used, LOCK_EX | LOCK_NB) {
            wake($dir);
            as_postgres(program('pg_ctl'), '-D', "$dir/s/data", '-m', 'fast',
                        '-w', '-s', 'stop') if running($dir);
            remove_tree($dir) if $own;
            last;
        }

        $idle = 0;
    }
}


# server processes that a test stopped and left so would never end

sub wake {
    my ($dir) = @_;

    open my $f, '<', "$dir/s/data/postmaster.pid" or return;
    chomp(my $postmaster = <$f>);

    for my $stat (glob '/proc/[0-9]*/stat') {
        open my $g, '<', $stat or next;
        my ($pid, $ppid) = (<$g> // '') =~ /^(\d+) \(.*\) \S (\d+) / or next;
        kill 'CONT', $pid if $ppid == $postmaster;
    }
}


# statements(FILES): what sql2c makes of them, as PREPARE for a session:
# NAME, NAME_solo where there is one, and the twin of a file that has one

sub statements {
    my @list;

    for my $file (@_) {
        open my $f, '<', $file or die "$file: $!";
        my $whole = do { local $/; <$f> };
        my ($name) = $file =~ m{([^/]+)\.sql$};

        for my $twin ([ $name, 'asc|all' ],
                      map { $whole =~ /-- $_$/m ? [ "${name}_$_", 'desc|one' ]
                                                : () } qw/ asc all /)
        {
            my ($name, $other) = @$twin;
            my $text = $whole =~ s/^.*-- (?:$other)\n//mgr;
            my $types = join ', ', $text =~ /^-- \$\d+ (\S+?):/mg;

            $text =~ s/ *-- (?:asc|desc|one|all)$//mg;
            $text =~ s/^\s*--.*\n//mg;
            $text =~ s/;\s*$//;

            $types = "($types)" if $types;

            push @list, "PREPARE $name $types AS $text";
            push @list, "PREPARE ${name}_solo $types AS $text"
                if $text =~ s/ SKIP LOCKED//g;
        }
    }

    return @list;
}


# the schema, applied once for each state of conf/schema

sub template {
    my $text = POSIX::strftime('%Y-%m-%d', gmtime);   # partitions go by day

    for my $file (sort glob("$root/conf/schema/*.sql $root/build/migrate")) {
        open my $f, '<', $file or die "$file: $!";
        local $/;
        $text .= "$file\n" . <$f>;
    }

    my $name = 'oof_template_' . substr(sha256_hex($text), 0, 10);

    open my $lock, '>>', lock_file() or die lock_file() . ": $!";
    flock $lock, LOCK_EX;

    return $name if (admin("SELECT 1 FROM pg_database"
                           . " WHERE datname = '$name'"))[0];

    # what earlier states left

    for (admin("SELECT datname FROM pg_database"
               . " WHERE datname LIKE 'oof\\_template\\_%'"))
    {
        admin("DROP DATABASE IF EXISTS $_->[0] WITH (FORCE)");
    }

    admin('CREATE ROLE oof LOGIN')
        if !admin("SELECT 1 FROM pg_roles WHERE rolname = 'oof'");

    my $new = $name . '_new';

    admin("CREATE DATABASE $new");

    local $ENV{OOF_ROLE} = 'oof';
    my $rc = open2_in(\my $out, '', "$root/build/migrate",
                      "$conninfo dbname=$new");
    die "build/migrate failed:\n$out" if $rc != 0;

    admin("ALTER DATABASE $new RENAME TO $name");

    return $name;
}


sub lock_file {
    return $ENV{OOF_TEST_PG} ? '/tmp/oof-test-template.lock.' . $<
                             : home() . '/template';
}


sub admin { query("$conninfo dbname=postgres", @_) }


sub program {
    my ($name) = @_;

    return $ENV{OOF_PG_BIN} . "/$name" if $ENV{OOF_PG_BIN};

    my ($dir) = sort { ($b =~ m{/(\d+)/})[0] <=> ($a =~ m{/(\d+)/})[0] }
                glob '/usr/lib/postgresql/*/bin';

    return defined $dir && -x "$dir/$name" ? "$dir/$name" : $name;
}


sub as_postgres {
    my (@command) = @_;

    unshift @command, 'setpriv', '--reuid=postgres', '--regid=postgres',
                      '--init-groups', '--' if $< == 0;

    my $rc = open2_in(\my $out, '', @command);
    die "@command failed:\n$out" if $rc != 0;
}


# runs a command with a text on its standard input; output and errors together

sub open2_in {
    my ($out, $in, @command) = @_;

    require File::Temp;

    my $text = File::Temp->new(TEMPLATE => 'oof-in-XXXXXX', TMPDIR => 1);
    my $result = File::Temp->new(TEMPLATE => 'oof-out-XXXXXX', TMPDIR => 1);
    binmode $text, ':utf8';
    print $text $in;
    close $text;

    my $pid = fork;
    die "fork: $!" if !defined $pid;

    if ($pid == 0) {
        open STDIN, '<', $text->filename;
        open STDOUT, '>', $result->filename;
        open STDERR, '>&', \*STDOUT;
        chdir '/';
        exec @command or POSIX::_exit(127);
    }

    local $?;
    waitpid $pid, 0;
    my $rc = $?;

    open my $f, '<:utf8', $result->filename or die $!;
    local $/;
    $$out = <$f>;

    return $rc;
}


package Test::Oof::Postgres::Own;

use Time::HiRes qw/ sleep time /;

sub postmaster {
    my ($self) = @_;

    open my $f, '<', "$self->{dir}/s/data/postmaster.pid" or return;
    chomp(my $pid = <$f> // '');

    return $pid || undef;
}


# processes that serve a client

sub backends {
    my ($self) = @_;

    my $postmaster = $self->postmaster // return;
    my @pids;

    for my $file (glob '/proc/[0-9]*/stat') {
        open my $f, '<', $file or next;
        my ($pid, $ppid) = (<$f> // '') =~ /^(\d+) \(.*\) \S (\d+) / or next;
        next if $ppid != $postmaster;

        open my $cmd, '<', "/proc/$pid/cmdline" or next;
        push @pids, $pid if (<$cmd> // '') =~ /^postgres: (?:oof|postgres) /;
    }

    return @pids;
}


# ends the server: QUIT at once, KILL without a word, INT in order

sub end {
    my ($self, $signal) = @_;

    my $pid = $self->postmaster // return;
    my $end = time + 20;

    kill $signal, $pid;
    sleep 0.02 while kill(0, $pid) && time < $end;
}


# starts it again, when what is left of the one before has gone

sub again {
    my ($self) = @_;

    my $end = time + 30;

    until (eval { Test::Oof::Postgres::launch($self->{dir}); 1 }) {
        die $@ if time > $end;
        sleep 0.2;
    }
}


package Test::Oof::Postgres::Session;

# sends a statement; does not wait for it

sub send {
    my ($self, $sql) = @_;

    print { $self->{in} } "$sql;\n";
}


# sends statements and waits until they are done; returns what was printed

sub run {
    my ($self, $sql) = @_;

    my $mark = 'done-' . ++$self->{marks};
    my @lines;

    print { $self->{in} } "$sql;\n\\echo $mark\n";

    while (defined(my $line = readline $self->{out})) {
        chomp $line;
        last if $line eq $mark;
        push @lines, $line;
    }

    return @lines;
}


sub close {
    my ($self) = @_;

    return if !$self->{pid};
    CORE::close $self->{in};
    local $?;
    waitpid delete $self->{pid}, 0;
}


sub DESTROY { $_[0]->close }


1;
