#!/usr/bin/perl

# Copyright (C) oof authors

# Rules and dashboards: that they name metrics that are documented (and t/005
# that these are there), that each alert is tested, what promtool says of the
# rules and their tests where it is at hand, that the dashboards are those that
# conf/dashboards/make writes, and that docs/img has a picture of each panel.

use strict;
use warnings;

use FindBin;
use Cwd qw/ abs_path /;
use File::Temp ();
use JSON::PP ();
use Test::More;

my $root = abs_path("$FindBin::Bin/..");
my $rules = "$root/conf/monitoring/rules/oof.yml";
my $tests = "$root/t/deploy/rules_test.yml";
my $dir = File::Temp->newdir();
my %documented = map { $_ => 1 }
                 slurp("$root/docs/operations.md") =~ /^\| `(oof_\w+)` \|/mg;

cmp_ok(scalar keys %documented, '>', 30, 'metrics are documented');


# --- names

my $text = slurp($rules);
my %recorded = map { $_ => 1 } $text =~ /record: (\S+)/g;

is(join(' ', unknown($text)), '', 'the rules name what there is');

my @boards = map { "$root/conf/dashboards/$_.json" }
             qw/ operations regulation capacity /;

for my $file (@boards) {
    my $board = JSON::PP::decode_json(slurp($file));
    my @panels = grep { $_->{type} ne 'row' } @{ $board->{panels} };
    my @queries = map { $_->{expr} } map { @{ $_->{targets} } } @panels;

    is(join(' ', unknown(join "\n", @queries)), '',
       "$board->{title}: names what there is");
    cmp_ok(scalar @queries, '>=', 9, "$board->{title}: panels");

    my %id;
    $id{$_->{id}}++ for @{ $board->{panels} };
    is(join(' ', grep { $id{$_} > 1 } keys %id), '',
       "$board->{title}: numbers");
}

is(system("$root/conf/dashboards/make", $dir), 0, 'make');
is(slurp($_), slurp("$dir/" . s{.*/}{}r), s{.*/}{}r . ': as it is made')
    for @boards;


# --- each alert

my %alerts = map { $_ => 1 } $text =~ /alert: (\S+)/g;
my %tested = map { $_ => 1 } slurp($tests) =~ /alertname: (\S+)/g;
delete @tested{grep { !fires($_) } keys %tested};

is(join(' ', sort grep { !$tested{$_} } keys %alerts), '',
   'a test in which each alert fires');

# each says where its recipe is, which is there under its name

my $recipes = slurp("$root/docs/operations.md");

for my $alert (sort keys %alerts) {
    my ($block) = $text =~ /alert: $alert\n(.*?)(?=\n      - alert:|\z)/s;

    like($block, qr{^ +runbook: "docs/operations\.md#\L$alert\E"$}m,
         "$alert: names its recipe");
    like($recipes, qr/^### $alert\n\n\S/m, "$alert: which is there");
}

my %written = map { $_ => 1 } $recipes =~ /^### (Oof\w+)$/mg;
is(join(' ', sort grep { !$alerts{$_} } keys %written), '',
   'no recipe without an alert');

# and the document leads nowhere that is not there

my %head = map { my $h = lc; $h =~ s/[^\w\- ]//g; ($h =~ tr/ /-/r => 1) }
           $recipes =~ /^#+ (.*)$/mg;

is(join(' ', grep { !$head{$_} } $recipes =~ /\]\(#([\w-]+)\)/g), '',
   'links within docs/operations.md');
is(join(' ', grep { !(() = glob "$root/t/$_-*.t") }
                  $recipes =~ m{\bt/(\d{3})\b}g),
   '', 'tests that it names');


# --- promtool

SKIP: {
    skip('promtool is not at hand', 2)
        if system('command -v promtool > /dev/null') != 0;

    my $said = `promtool check rules $rules 2>&1`;
    is($?, 0, 'promtool check rules') or diag($said);

    open my $f, '>', "$dir/test.yml" or die $!;
    print $f slurp($tests) =~ s/RULES/$rules/r;
    close $f;

    $said = `promtool test rules $dir/test.yml 2>&1`;
    is($?, 0, 'promtool test rules') or diag($said);
}


# --- pictures: each panel is there, with a line or with the word that there was
# nothing to draw

for my $file (@boards) {
    my ($name) = $file =~ m{(\w+)\.json$};
    my %drawn = map { my ($title) = /font-weight="bold">([^<]+)</;
                      ($title // '' => /<polyline|>nothing happened</ ? 1 : 0)
                } split /(?=<rect [^>]*stroke="#ddd")/,
                slurp("$root/docs/img/$name.svg") =~ s/&amp;/&/gr;
    my @panels = grep { $_->{type} ne 'row' }
                 @{ JSON::PP::decode_json(slurp($file))->{panels} };

    is_deeply([ grep { !$drawn{$_} } map { $_->{title} } @panels ], [],
              "$name: a picture of each panel (docs/img/draw)");
}

done_testing();


# metrics and recorded series that nobody has heard of

sub unknown {
    my ($text) = @_;

    $text =~ s/^ *(summary|runbook|#).*$//mg;

    my %seen = map { s/_(bucket|sum|count)\z//r => 1 }
               $text =~ /\b(oof_[a-z_]+)\b/g;
    my @series = grep { !$recorded{$_} } $text =~ /\b(oof:[\w:]+)/g;

    return (grep { !$documented{$_} } sort keys %seen), @series;
}

sub fires {
    return slurp($tests) =~ /alertname: $_[0]\n\s+exp_alerts:\n\s+- exp_labels/;
}

sub slurp {
    open my $f, '<', $_[0] or return '';
    local $/;
    return scalar(<$f>) // '';
}
