package Test::Oof::Previous;

# Copyright (C) oof authors

# The previous release, for tests of upgrades: the commit, or tag, that the
# file t/deploy/previous names, built from the history of this clone as it
# built itself then.
#
#   my ($old, $why) = Test::Oof::Previous::release();
#   my $dsn = $old->database;       with its schema
#   ... $old->binary ...
#   my $said = $old->upgrade;       brings that to the schema of today

use strict;
use warnings;

use File::Path qw/ make_path remove_tree /;

use Test::Oof;
use Test::Oof::Postgres;


# (object), or (undef, why there is none)

sub release {
    my ($name) = grep { !/^\s*(?:#|$)/ } split /\n/,
                 Test::Oof::slurp("$Test::Oof::Root/t/deploy/previous");
    my $git = "git -C $Test::Oof::Root";

    chomp(my $commit = `$git rev-parse -q --verify '$name^{commit}' 2>&1`);

    return (undef, "this clone's history does not have $name") if $? != 0;

    my $self = bless { name => $name, commit => $commit,
                       dir => "$Test::Oof::Var/previous/$commit" },
                     __PACKAGE__;

    return ($self) if -x $self->binary;

    remove_tree($self->{dir}) if -d $self->{dir};
    make_path("$self->{dir}/var/download");

    system("$git archive $commit | tar -x -C $self->{dir}") == 0
        or return (undef, "git archive of $name fails");

    # the same source of nginx, if it has that

    system("cp $Test::Oof::Var/download/* $self->{dir}/var/download/");

    my $out = `cd $self->{dir} && OOF_VAR=$self->{dir}/var \\
               ./build.sh build 2>&1 < /dev/null`;

    return -x $self->binary ? ($self)
                            : (undef, "$name does not build:\n$out");
}


sub name { $_[0]{name} }

sub binary { "$_[0]{dir}/var/build/static/nginx" }


# an empty database, and its schema in it

sub database {
    my ($self) = @_;

    # makes the role, too

    Test::Oof::Postgres::cluster();
    Test::Oof::Postgres::template();

    $self->{dsn} = Test::Oof::Postgres::database('previous', empty => 1);
    $self->migrate($self->{dir});

    return $self->{dsn};
}


sub upgrade { $_[0]->migrate($Test::Oof::Root) }


sub migrate {
    my ($self, $root) = @_;

    local $ENV{OOF_ROLE} = 'oof';

    my $rc = Test::Oof::Postgres::open2_in(\my $out, '',
                                           "$root/build/migrate", $self->{dsn});

    die "build/migrate of $root fails:\n$out" if $rc != 0;

    return $out;
}


1;
