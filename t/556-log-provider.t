#!/usr/bin/perl

# Copyright (C) oof authors

# The provider "log" when the world is not as it should be: a last line that a
# crash has torn, a disk that is full, files that are moved away under load,
# a standard output that nobody reads (pipe, socket) or that takes less than a
# line, whose reader goes: nothing is lost, nothing stands still.

use strict;
use warnings;

use Fcntl;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use JSON::PP ();
use POSIX ();
use Socket;
use Test::More;
use Test::Oof;
use Time::HiRes qw/ sleep time /;

my $file = "$Test::Oof::Dir/events.jsonl";
my $o;

sub make {
    my $began = time;
    my $r = $o->call(POST => "$Test::Oof::Api/consents",
                     json => consent_body());

    die "no consent: $r->{status}" if $r->{status} != 201;

    return ($r->{json}{data}{consentId} =~ s/.*://r, time - $began);
}

sub texts {
    return split /\n/, join '', map { Test::Oof::slurp($_, 1) } @_;
}

# subjects of the lines that are whole, and those that are not

sub subjects {
    return map { eval { JSON::PP::decode_json($_)->{subject} } // 'torn' }
           grep { length } @_;
}

sub behind {
    return (psql('SELECT r.position - c.cursor FROM oof_consumer c, oof_relay'
                 . " r WHERE c.name = 'log'"))[0][0];
}


# --- files

Test::Oof::spew($file, qq({"specversion":"1.0","id":"torn));

$o = Test::Oof->start(leases => 1, http => "oof_events log { path $file; }");

my ($id) = make();
wait_for(sub { texts($file) >= 2 }, 10, 'a line');
is_deeply([ subjects(texts($file)) ], [ 'torn', $id ],
          'a line that is torn does not swallow the next one');
like($o->log_text, qr/the last line of ".*events.jsonl" is not whole/,
     'which the log tells');

# moved away while events come

my @ids = $id;
my @files = ($file);

for my $n (1 .. 5) {
    push @ids, (make())[0] for 1 .. 3;
    rename $file, "$file.$n";
    kill USR1 => $o->pid;
    push @files, "$file.$n";
    push @ids, (make())[0] for 1 .. 3;
}

wait_for(sub { (grep { $_ ne 'torn' } subjects(texts(@files))) >= @ids }, 10,
         'all lines');
is(join("\n", sort grep { $_ ne 'torn' } subjects(texts(@files))),
   join("\n", sort @ids), 'over a rotation each event is in one of the files');

# a disk that takes nothing

rename $file, "$file.6";
symlink '/dev/full', $file;
kill USR1 => $o->pid;
wait_for(sub { $o->log_text =~ /reopening logs/ }, 5, 'USR1');
sleep 0.3;

my $slow = 0;

@ids = ();

for (1 .. 5) {
    my ($made, $took) = make();
    push @ids, $made;
    $slow = $took if $took > $slow;
}

wait_for(sub { $o->log_text =~ /consumer "log": writing has failed/ }, 10,
         'a word of it');
like($o->log_text, qr/writing has failed after -1 bytes \(28: No space left/,
     'a full disk: the log says so');
Test::Oof->allow(qr/writing has failed/);
is(behind(), 5, 'and what it has not taken is kept');

unlink $file;
kill USR1 => $o->pid;
wait_for(sub { behind() == 0 }, 15, 'all of it');
is(join("\n", subjects(texts($file))), join("\n", @ids),
   'with room again all of it comes, in order');

# one that takes a part of the lines

SKIP: {
    my $disk = "$Test::Oof::Dir/disk";

    mkdir $disk;
    skip 'a small disk cannot be mounted here', 3
        if system("mount -t tmpfs -o size=64k,mode=777 none $disk"
                  . ' 2> /dev/null') != 0;

    $o->configure(http => "oof_events log { path $disk/events; }");
    $o->reload;

    my ($n, %made) = (0);

    until ($o->log_text =~ /writing has failed after \d+ bytes/ || ++$n > 300) {
        $made{ (make())[0] } = 1;
    }

    my @there = subjects(texts("$disk/events"));
    is(scalar(grep { $_ eq 'torn' } @there), 0,
       'what was taken of a line is cut off again');

    rename "$disk/events", "$file.7";
    system("mv $disk/events $file.7") if -e "$disk/events";
    kill USR1 => $o->pid;

    wait_for(sub { behind() == 0 }, 15, 'all of it');
    is(join("\n", sort keys %made),
       join("\n", sort(subjects(texts("$file.7", "$disk/events")))),
       'and every event is in one of the files');
    is(scalar(subjects(texts("$file.7", "$disk/events"))),
       scalar(keys %made), 'once');

    $o->stop;
    system("umount $disk");
}

$o->stop;


# --- streams

# An nginx in the foreground, whose standard output is what is given.

sub foreground {
    my ($out) = @_;

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>&', $out or POSIX::_exit(1);
        close $out;
        exec($o->command) or POSIX::_exit(1);
    }

    $o->{started} = 1;
    wait_for(sub { ($o->pid // 0) == $pid }, 10, 'nginx');
    $o->ready;

    return $pid;
}

$o->configure(http => 'oof_events log { path stdout; }');

my $conf = Test::Oof::slurp("$o->{dir}/nginx.conf") =~ s/daemon on;/daemon off;/r;
Test::Oof::spew("$o->{dir}/nginx.conf", $conf);

# reads all that there is

sub drain {
    my ($in, $n) = @_;

    my ($text, $select) = ('', IO::Select->new($in));
    my $end = time + 15;

    while (time < $end && subjects(grep { /\}$/ } split /\n/, $text) < $n) {
        sysread($in, $text, 65536, length $text) if $select->can_read(0.1);
    }

    while ($select->can_read(0.5)) {
        sysread($in, $text, 65536, length $text) or last;
    }

    return $text;
}

for my $kind ('pipe', 'socket') {
    my ($in, $out);

    if ($kind eq 'socket') {
        socketpair($in, $out, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die $!;
        setsockopt($out, SOL_SOCKET, SO_SNDBUF, 4096);

    } else {
        pipe $in, $out or die $!;
        fcntl($out, 1031, 4096);       # F_SETPIPE_SZ
    }

    my $pid = foreground($out);
    close $out;

    my ($longest, @made) = (0);

    for (1 .. 30) {
        my ($made, $took) = make();
        push @made, $made;
        $longest = $took if $took > $longest;
    }

    diag(sprintf '%s that nobody reads: the longest call took %.2f s', $kind,
         $longest);
    cmp_ok(behind(), '>', 10, "a $kind that nobody reads: events are kept");
    is($o->get('/ready')->{status}, 200, 'and nginx goes on');

    my %come;
    $come{$_}++ for subjects(split /\n/, drain($in, 30));
    is($come{torn} // 0, 0, 'when somebody reads, all lines are whole');
    is(join(' ', grep { ($come{$_} // 0) != 1 } @made), '',
       'and every event comes once');

    # killed in the midst of a line that nobody reads

    @made = map { (make())[0] } 1 .. 10;
    sleep 0.5;
    Test::Oof->allow(qr/exited on signal 9/);
    kill KILL => $o->worker_pids;
    wait_for(sub { my @w = $o->worker_pids; @w }, 10, 'another worker');
    $o->ready;
    push @made, (make())[0];

    my @after = subjects(split /\n/, drain($in, 11));
    my %seen;
    $seen{$_}++ for @after;
    is(join(' ', grep { !$seen{$_} } @made), '',
       'after a kill -9 every event comes');
    cmp_ok(scalar(grep { $_ eq 'torn' } @after), '<=', 1,
           'of which one line at most was torn');

    # a reader that goes

    close $in;
    make();
    wait_for(sub { $o->log_text =~ /writing has failed after -1 bytes \(32/ },
             10, 'the log');
    is($o->get('/ready')->{status}, 200, 'a reader that goes ends nothing');

    $o->stop;
    waitpid $pid, 0;
}

done_testing();
