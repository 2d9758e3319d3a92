#!/usr/bin/perl

# Copyright (C) oof authors

# The image for arm64, cross-built and not run: made without a container
# engine or emulation by a cross compiler, Debian's packages of arm64, and
# buildah.  What may be known without running it: the machine of each program
# and library, the libraries that they need, the same features as here, the
# image's settings.  Only with "build.sh test --long".

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Cwd qw/ abs_path /;
use JSON::PP ();
use Test::More;
use Test::Oof;

plan(skip_all => 'only with test --long') if !$ENV{OOF_MEASURE};
plan(skip_all => 'needs root to install a cross compiler') if $> != 0;

my $root = abs_path("$FindBin::Bin/..");
my $var = $Test::Oof::Var;
my $dir = "$var/cross/root";

my $out = `$root/build.sh image arm64 2>&1 < /dev/null`;
is($?, 0, 'build.sh image arm64') or BAIL_OUT($out);
like($out, qr/^cross-built, not run: machine and needed libraries agree$/m,
     'it says what it is');
diag('arm64: cross-built by gcc-aarch64-linux-gnu with packages of Debian,'
     . ' not run');


# --- what is in it

my @elf = grep { `head -c 4 $_` eq "\x7fELF" } split /\n/,
          `find $dir/usr/bin $dir/usr/sbin $dir/usr/lib -type f \\
           \\( -perm /111 -o -name 'lib*.so*' \\)`;
cmp_ok(scalar @elf, '>', 100, scalar(@elf) . ' programs and libraries');
is_deeply([ grep { !/AArch64/ } split /\n/,
            `readelf -h @elf 2> /dev/null | grep Machine:` ], [],
          '… all of that machine');

my %has = map { s{.*/}{}r => 1 } split /\n/,
          `find $dir/usr/lib -name '*.so*' -not -type d`;
my %needs = map { $_ => 1 } `readelf -d @elf` =~ /\(NEEDED\).*\[(.*)\]/g;
is_deeply([ grep { !$has{$_} } sort keys %needs ], [],
          '… with all that they need');

is(join(' ', needed("$dir/usr/sbin/nginx")),
   join(' ', needed("$var/build/static/nginx")),
   'nginx needs what it needs here') if -x "$var/build/static/nginx";

my ($here, $there) = map { features("$var/build/$_/ngx_auto_config.h") }
                     qw/ static arm64 /;
is_deeply([ grep { ($here->{$_} // '') ne ($there->{$_} // '') }
            sort keys %{ { %$here, %$there } } ],
          [ qw/ NGX_ALIGNMENT NGX_COMPILER NGX_CONFIGURE
                 NGX_HAVE_NONALIGNED / ],
          'and was configured alike, but for the machine');

is(`find $dir -xdev -name '*.key' -type f`, '', 'no private key');
is(`find $dir/etc/oof $dir/usr/sbin/nginx $dir/usr/bin/oof -perm /022 \\
    ! -type l`, '', 'nothing of it may be written by others');
like(slurp("$dir/etc/passwd"), qr/^oof:\*:10001:10001:/m, 'its user');
like(slurp("$dir/etc/ssl/certs/ca-certificates.crt"), qr/BEGIN CERTIFICATE/,
     'authorities');

my $sbom = JSON::PP::decode_json(slurp("$dir/usr/share/oof/sbom.cdx.json"));
my %part = map { $_->{name} => $_ } @{ $sbom->{components} };
like($part{$_}{version}, qr/^\d/, "its bill of materials names $_")
    for qw/ nginx libpq5 libssl3 libcurl4 libjansson4 librdkafka1 /;
like($part{libssl3}{purl}, qr/\?arch=arm64$/, '… of that machine');


# --- the image

chomp(my $version = `sed -n 's/^#define NGX_OOF_VERSION *"\\(.*\\)"/\\1/p' \\
                     $root/ngx_oof_common/src/ngx_oof.h`);
my $image = JSON::PP::decode_json(
    scalar `buildah inspect --type image oof:$version-arm64`)->{Docker};

is($image->{architecture}, 'arm64', 'the image is of that machine');
is($image->{config}{User}, '10001:10001', 'not root');
is($image->{config}{StopSignal}, 'SIGQUIT', 'ends in peace');
is_deeply($image->{config}{Entrypoint}, [ 'oof' ], 'entry point');
is_deeply($image->{config}{Cmd}, [ 'serve' ], 'command');

done_testing();


sub needed {
    return sort grep { !/^ld-/ }
           `readelf -d $_[0]` =~ /\(NEEDED\).*\[(.*)\]/g;
}

sub features {
    return { slurp($_[0]) =~ /^#define (\S+) +(.*)$/mg };
}

sub slurp {
    open my $f, '<', $_[0] or return '';
    local $/;
    return scalar(<$f>) // '';
}
