#!/usr/bin/perl

# Copyright (C) oof authors

# Lines of the sources: 80 columns at most, also in bytes, no tabs, nothing
# at their end.

use strict;
use warnings;

use File::Basename qw/ basename /;
use FindBin;
use Test::More;

for my $file (glob "$FindBin::Bin/../ngx_oof_*/src/*.[ch]") {
    my @wrong;

    open my $f, '<:raw', $file or die "$file: $!";

    while (<$f>) {
        chomp;
        push @wrong, $. if length > 80 || /\t| $|\r/;
    }

    is("@wrong", '', basename($file) . ': lines');
}

done_testing();
