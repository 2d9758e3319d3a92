#!/usr/bin/perl

# Copyright (C) oof authors

# Every section of the parts of the regulation's digest on consents and payments
# (1.1 to 1.11, 2.1 to 2.14) and every row of its list of traps that concerns
# them (7, 1 to 44) is named by an assertion: its name begins with "spec 1.5: "
# or "spec 7, 23: ".  A file names in its head what it is about; what it names
# must be there.

use strict;
use warnings;

use FindBin;
use Test::More;

my (%asserted, %about, @strange);

for my $path (sort glob "$FindBin::Bin/*.t") {
    my ($file) = $path =~ m{([^/]+)\.t$};

    next if $path eq "$FindBin::Bin/$FindBin::Script";

    open my $f, '<', $path or die "$path: $!";
    my $text = do { local $/; <$f> };
    close $f;

    # names of assertions

    while ($text =~ /['"]spec ((?:[12]\.|7, )\d+): /g) {
        $asserted{$1}{$file} = 1;
    }

    # the head: up to the first statement, in one line

    my ($head) = $text =~ /\A(.*?)^use /ms;
    $head =~ s/\n#?\s*/ /g;

    # what stands before may be a version of HTTP or TLS

    $head =~ s/\A.*?(?=\bspec\b)//i or next;

    while ($head =~ /(?<![.\d])7, ((?:\d+(?:, | to )?)+)/g) {
        my $rows = $1;

        while ($rows =~ /(\d+)(?: to (\d+))?/g) {
            $about{"7, $_"}{$file} = 1 for $1 .. $2 // $1;
            push @strange, "$file: 7, $_"
                for grep { $_ < 1 || $_ > 51 } $1 .. $2 // $1;
        }
    }

    while ($head =~ /\b([12]\.\d+)(?: to 2\.(\d+))?\b/g) {
        my ($part, $first) = split /\./, $1;

        $about{"$part.$_"}{$file} = 1 for $first .. $2 // $first;
        push @strange, "$file: $1" if $first > ($part == 1 ? 11 : 14);
    }
}

for my $row ((map { "1.$_" } 1 .. 11), (map { "2.$_" } 1 .. 14),
             map { "7, $_" } 1 .. 44)
{
    my @files = sort keys %{ $asserted{$row} || {} };

    ok(@files, "spec $row is asserted")
        and note("spec $row: @files; "
                 . join ' ', sort keys %{ $about{$row} || {} });
}

is("@strange", '', 'no row that there is not');

done_testing();
