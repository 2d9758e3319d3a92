#!/usr/bin/perl

# Copyright (C) oof authors

# The Terraform modules and examples: format, "validate" and "test" with mocked
# providers for each module whose providers this machine has, and for all of
# them what python-hcl2 reads: types, descriptions, pinned versions, names that
# are declared.  It says which was done.  Only with "build.sh test --long".

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Cwd qw/ abs_path /;
use File::Path qw/ make_path remove_tree /;
use Test::More;
use Test::Oof;

plan(skip_all => 'only with test --long') if !$ENV{OOF_MEASURE};

my $root = abs_path("$FindBin::Bin/..");
my $home = "$Test::Oof::Var/test/terraform";
my $tools = "$Test::Oof::Var/tools";
my @modules = map { s{.*/}{}r } glob("$root/terraform/modules/*");

remove_tree($home) if -d $home;
make_path($home, $tools);

is(join(' ', @modules), 'aws azure gcp kubernetes', 'modules');


# --- by terraform itself

SKIP: {
    skip('terraform is not at hand', 1)
        if system('command -v terraform > /dev/null') != 0;

    $ENV{CHECKPOINT_DISABLE} = 1;
    $ENV{TF_CLI_CONFIG_FILE} = "$home/rc";
    spew("$home/rc", mirror());

    is(`terraform fmt -check -recursive $root/terraform 2>&1`, '', 'fmt');

    for my $module (@modules) {
        system("cp -r $root/terraform/modules/$module $home/$module");

        my $in = "cd $home/$module && terraform";
        my $out = `$in init -input=false -no-color 2>&1`;

        if ($?) {
            diag("$module: its providers are not at hand: python-hcl2 alone");
            next;
        }

        diag("$module: terraform validate and test, with mocked providers");
        like(`$in validate -no-color 2>&1`, qr/^Success!/m,
             "$module: validate");
        like($out = `$in test -no-color 2>&1`, qr/^Success! \d+ passed, 0 f/m,
             "$module: test") or diag($out);
    }
}


# --- by a parser

SKIP: {
    my $python = "$tools/hcl/bin/python3";

    if (!-x $python || system("$python -c 'import hcl2' 2> /dev/null")) {
        system("python3 -m venv $tools/hcl > $tools/hcl.log 2>&1 &&"
               . " $tools/hcl/bin/pip install -q python-hcl2"
               . " >> $tools/hcl.log 2>&1");
    }

    skip('no python-hcl2', 3)
        if !-x $python || system("$python -c 'import hcl2' 2> /dev/null");

    is(`$python $root/t/deploy/hcl.py $root/terraform 2>&1`, '',
       'all of it, by python-hcl2');

    # that it would have said something

    system("cp -r $root/terraform $home/wrong");
    my $file = "$home/wrong/modules/gcp/main.tf";
    spew($file, slurp($file) =~ s/var\.region/var.regon/r);
    like(`$python $root/t/deploy/hcl.py $home/wrong 2>&1`,
         qr{^modules/gcp: var\.regon is not declared$}m, 'a name is checked');

    $file = "$home/wrong/examples/aws/main.tf";
    spew($file, slurp($file) =~ s/\.service_account_annotations/.nothing/r);
    like(`$python $root/t/deploy/hcl.py $home/wrong 2>&1`,
         qr{^examples/aws: module\.cloud\.nothing is no output$}m,
         'and outputs');
}

done_testing();


# where provider plug-ins may lie, beside the places that terraform knows

sub mirror {
    my ($one) = `find /opt /usr/share /usr/local/share /usr/lib -maxdepth 8 \\
                 -name 'terraform-provider-*' 2> /dev/null`;

    return '' if !defined $one;

    my ($path) = $one =~ m{^(.*?)/[^/]+/[^/]+/[^/]+/[^/]+/[^/]+/[^/]+$};

    return "provider_installation {\n  filesystem_mirror {\n"
           . "    path = \"$path\"\n  }\n}\n";
}

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
