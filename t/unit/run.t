#!/usr/bin/perl

# Copyright (C) oof authors

# Builds every t/unit/*.c against the objects of the built nginx and runs it.
# OOF_OBJS says where the objects are (default: var/nginx/objs), OOF_SOURCE
# where nginx's source is (default: the folder above); OOF_UNIT may name the
# only tests to run ("json uuid").

use strict;
use warnings;

use Cwd qw/ abs_path /;
use File::Basename qw/ basename dirname /;
use File::Find;
use File::Temp qw/ tempdir /;
use TAP::Parser;
use Test::More;

my $here = dirname(abs_path(__FILE__));
my $objs = $ENV{OOF_OBJS};

if (!defined $objs) {
    my $var = $ENV{OOF_VAR} || "$here/../../var";
    ($objs) = grep { -f "$_/Makefile" } glob("$var/*/objs $var/objs");
}

if (!defined $objs || !-f "$objs/ngx_modules.o") {
    plan(skip_all => 'no objects: set OOF_OBJS to the objs folder of a build');
}

$objs = abs_path($objs);

my $dir = tempdir('oof-unit-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my ($compile, $link) = flags();
my $library = library();

my @tests = map { "$here/$_.c" } split ' ', $ENV{OOF_UNIT} || '';
@tests = sort glob "$here/*.c" if !@tests;

for my $file (@tests) {
    run($file);
}

done_testing();


# how the build compiles and links: the words of its own Makefile

sub flags {
    open my $f, '<', "$objs/Makefile" or die "$objs/Makefile: $!";
    my $text = do { local $/; <$f> };
    close $f;

    $text =~ s/\\\n/ /g;

    my ($cc) = $text =~ /^CC =\s*(.*)$/m;
    my ($cflags) = $text =~ /^CFLAGS =\s*(.*)$/m;
    my ($core) = $text =~ /^ALL_INCS =\s*(.*)$/m;
    my ($line) = $text =~ /^\t\$\(LINK\) -o \S*nginx\s+(.*)$/m;

    $line = join ' ', grep { !/\.o$/ } split ' ', $line;

    return ("$cc $cflags -I $here $core", "$cc $cflags LINK $line");
}


# nginx's objects in one file, its main() out of the way

sub library {
    my @objects;

    find(sub { push @objects, $File::Find::name if /\.o$/ }, $objs);

    my @rest = grep { !m{/src/core/nginx\.o$} && !m{_module_modules\.o$} }
                    @objects;
    my ($nginx) = grep { m{/src/core/nginx\.o$} } @objects;

    system('objcopy', '--redefine-sym', 'main=nginx_main', $nginx,
           "$dir/nginx.o") == 0
        or die "objcopy failed\n";

    return join ' ', "$dir/nginx.o", sort @rest;
}


sub run {
    my ($file) = @_;

    my $name = basename($file, '.c');

    open my $f, '<', $file or die "$file: $!";
    my $extra = join ' ', map { /\blink: (-.*?)\s*(?:\*\/)?$/ ? $1 : () } <$f>;
    close $f;

    my $source = $ENV{OOF_SOURCE} || dirname($objs);
    my $command = $link;
    $command =~ s/LINK/$extra $dir\/$name.o -o $dir\/$name $library/;

    my $log = `cd $source && $compile -c -o $dir/$name.o $file 2>&1 \\
               && $command 2>&1`;

    if ($? != 0) {
        fail("$name builds");
        diag($log);
        return;
    }

    my $parser = TAP::Parser->new({ exec => [ "$dir/$name" ] });
    my $output = '';

    while (my $result = $parser->next) {
        print '    ', $result->as_string, "\n";
        $output .= $result->as_string . "\n"
            if $result->is_test && !$result->is_ok || $result->is_comment;
    }

    ok(!$parser->has_problems && $parser->tests_run > 0, "unit $name")
        or diag("$output(exit status " . ($parser->wait >> 8) . ', signal '
                . ($parser->wait & 127) . ')');
}
