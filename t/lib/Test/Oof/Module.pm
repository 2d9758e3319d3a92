package Test::Oof::Module;

# Copyright (C) oof authors

# Modules of the tests, t/module/NAME.c: built as loadable ones for the nginx
# under test, once for each state of it.  Use:
#
#   main => 'load_module ' . Test::Oof::Module::build('ngx_oof_echo_module')
#           . ';'

use strict;
use warnings;

use Cwd qw/ abs_path /;
use Digest::SHA qw/ sha256_hex /;
use Fcntl qw/ :flock /;
use File::Basename qw/ dirname /;
use File::Path qw/ make_path /;

use Test::Oof::Postgres;


sub build {
    my ($name) = @_;

    my $root = Test::Oof::Postgres::root();
    my $var = $ENV{OOF_VAR} || "$root/var";
    my $file = "$root/t/module/$name.c";
    my $objs = dirname(abs_path($ENV{TEST_NGINX_BINARY}));
    my ($source, $compile) = flags($objs);

    # whatever of the headers it was built with may have changed

    my $state = sha256_hex(join "\n", $objs, map { "$_ " . (stat $_)[9] }
                           $file, __FILE__, $ENV{TEST_NGINX_BINARY});

    my $dir = "$var/test/module";
    make_path($dir);

    my $so = "$dir/$name-" . substr($state, 0, 16) . '.so';

    open my $lock, '>>', "$dir/lock" or die "$dir/lock: $!";
    flock $lock, LOCK_EX;

    return $so if -f $so;

    unlink glob "$dir/$name-*.so";

    open my $f, '>', "$dir/$name.modules.c" or die $!;
    print $f <<"END";
#include <ngx_config.h>
#include <ngx_core.h>

extern ngx_module_t  $name;

ngx_module_t *ngx_modules[] = { &$name, NULL };
char *ngx_module_names[] = { "$name", NULL };
char *ngx_module_order[] = { NULL };
END
    close $f;

    # the tables' names are nginx's own too, which a sanitizer would mind

    my $log = `cd $source && $compile -fno-sanitize=all -fPIC -c \\
               -o $dir/$name.modules.o $dir/$name.modules.c 2>&1 \\
               && $compile -fPIC -shared -o $so.new \\
               $file $dir/$name.modules.o 2>&1`;

    die "$name does not build:\n$log" if $? != 0;

    rename "$so.new", $so or die "$so: $!";

    return $so;
}


# where nginx's source is, and how it was compiled: its Makefile says

sub flags {
    my ($objs) = @_;

    open my $f, '<', "$objs/Makefile" or die "$objs/Makefile: $!";
    my $text = do { local $/; <$f> };
    close $f;

    $text =~ s/\\\n/ /g;

    my ($cc) = $text =~ /^CC =\s*(.*)$/m;
    my ($cflags) = $text =~ /^CFLAGS =\s*(.*)$/m;
    my ($incs) = $text =~ /^ALL_INCS =\s*(.*)$/m;

    my $source = dirname($objs);

    if (!-d "$source/src/core") {
        my $var = $ENV{OOF_VAR} || Test::Oof::Postgres::root() . '/var';
        ($source) = grep { -d "$_/src/core" } glob "$var/src/nginx-*";
    }

    return ($source, "$cc $cflags $incs");
}


1;
