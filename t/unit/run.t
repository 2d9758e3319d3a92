#!/usr/bin/perl

# Copyright (C) oof authors

# Builds every t/unit/*.c against the objects of the built nginx and runs it.
# OOF_OBJS and OOF_SOURCE say where objects and source are, else they are where
# build.sh keeps them; OOF_UNIT may name the only tests to run ("json uuid").

use strict;
use warnings;

use Cwd qw/ abs_path /;
use File::Basename qw/ basename dirname /;
use File::Temp qw/ tempdir /;
use TAP::Parser;
use Test::More;

my $here = dirname(abs_path(__FILE__));
my $var = $ENV{OOF_VAR} || "$here/../../var";
my $objs = $ENV{OOF_OBJS} || "$var/build/static";

if (!-f "$objs/ngx_modules.o") {
    plan(skip_all => 'no objects: run ./build.sh build, or set OOF_OBJS');
}

$objs = abs_path($objs);

my $dir = tempdir('oof-unit-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $source = source();
my ($compile, $link, @objects) = flags();
my $library = library(@objects);

my @tests = map { "$here/$_.c" } split ' ', $ENV{OOF_UNIT} || '';
@tests = sort glob "$here/*.c" if !@tests;

for my $file (@tests) {
    run($file);
}

done_testing();


# the folder that the Makefile's paths start from

sub source {
    return $ENV{OOF_SOURCE} if $ENV{OOF_SOURCE};
    return dirname($objs) if -d dirname($objs) . '/src/core';

    open my $f, '<', "$var/src/version" or die "$var/src/version: $!";
    chomp(my $version = <$f>);

    return "$var/src/nginx-$version";
}


# how the build compiles and links, and what: the words of its own Makefile
# (an object that an older build has left behind is not in it)

sub flags {
    open my $f, '<', "$objs/Makefile" or die "$objs/Makefile: $!";
    my $text = do { local $/; <$f> };
    close $f;

    $text =~ s/\\\n/ /g;

    my ($cc) = $text =~ /^CC =\s*(.*)$/m;
    my ($cflags) = $text =~ /^CFLAGS =\s*(.*)$/m;
    my ($core) = $text =~ /^ALL_INCS =\s*(.*)$/m;
    my ($line) = $text =~ /^\t\$\(LINK\) -o \S*nginx\s+(.*)$/m;

    my @words = split ' ', $line;
    my @objects = grep { /\.o$/ } @words;

    $line = join ' ', grep { !/\.o$/ } @words;

    return ("$cc $cflags -I $here $core", "$cc $cflags LINK $line", @objects);
}


# nginx's objects in one file, its main() out of the way

sub library {
    my (@objects) = @_;

    @objects = map { m{^/} ? $_ : "$source/$_" } @objects;

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

    my $command = $link;
    $command =~ s/LINK/$extra $dir\/$name.o -o $dir\/$name $library/;

    my $log = `cd $source && $compile -c -o $dir/$name.o $file 2>&1 \\
               && $command 2>&1`;

    if ($? != 0) {
        fail("$name builds");
        diag($log);
        return;
    }

    my $parser = TAP::Parser->new({ exec => [ "$dir/$name" ], merge => 1 });
    my $output = '';
    my $reports = 0;

    while (my $result = $parser->next) {
        print '    ', $result->as_string, "\n";
        $output .= $result->as_string . "\n"
            if $result->is_test && !$result->is_ok || $result->is_comment
               || $result->is_unknown;

        # nginx's own habits are no news

        $reports++ if $result->as_string
            =~ /AddressSanitizer|ngx_oof_.*runtime error:/;
    }

    ok(!$parser->has_problems && $parser->tests_run > 0 && !$reports,
       "unit $name")
        or diag("$output(exit status " . ($parser->wait >> 8) . ', signal '
                . ($parser->wait & 127) . ')');
}
