#!/usr/bin/perl

# Copyright (C) oof authors

# docs/directives.md: every directive, variable and API of the sources is
# there, with the syntax, default and context that the sources have; and
# nothing else is.  The same of metrics in docs/operations.md.

use strict;
use warnings;
use utf8;

use FindBin;
use Test::More;

my $root = "$FindBin::Bin/..";

sub slurp {
    my ($file) = @_;

    open my $f, '<:encoding(UTF-8)', $file or die "$file: $!";
    local $/;

    return scalar <$f>;
}

my @files = glob "$root/ngx_oof_*/src/*.[ch]";
my %source = map { $_ => slurp($_) } @files;
my $all = join "\n", @source{@files};

my $doc = slurp("$root/docs/directives.md");

binmode $_, ':encoding(UTF-8)'
    for Test::More->builder->output, Test::More->builder->failure_output;


# what the sources have: flags without macros, values of an enum

my %macro;

while ($all =~ /^#define (NGX_OOF_\w+CONF)\s+((?:.*\\\n)*.*)$/mg) {
    my ($name, $value) = ($1, $2);
    $macro{$name} = $value =~ s/\\\n//gr;
}

my @commands;

while ($all =~ /\{\ ngx_string\("(oof_\w+)"\),\s+
                 ((?:NGX_\w+\s*\|?\s*)+),\s*
                 (\w+),\s*
                 [^{}]*?(?:&(\w+)|NULL)\s*\}/gx)
{
    my ($name, $flags, $set, $post) = ($1, $2, $3, $4);

    $flags =~ s/(NGX_OOF_\w+)/$macro{$1} \/\/ die "$1?"/ge;

    my %flags = map { $_ => 1 } split /[\s|]+/, $flags;
    my @values;

    if ($set eq 'ngx_conf_set_enum_slot') {
        $all =~ /ngx_conf_enum_t\s+\Q$post\E\[\] = \{(.*?)\n\};/s;
        @values = $1 =~ /ngx_string\("([^"]+)"\)/g;
    }

    push @commands, { name => $name, flags => \%flags, values => \@values };
}

my %named;
$named{$_->{name}}++ for @commands;

my $all_names = () = $all =~ /\{ ngx_string\("oof_\w+"\),\s+NGX_(?:HTTP|OOF)/g;
is(scalar @commands, $all_names, 'every directive is read from the sources');


# what the reference has: sections with a table of three rows

my %section;

for (split /^(?=##)/m, $doc) {
    my ($title, $text) = /^### (oof_\w+(?: \(use\))?)\n(.*)/s or next;
    my %row = $text =~ /^\| (Syntax|Default|Context) \| (.+) \|$/mg;

    fail("$title: one section") if $section{$title};
    $section{$title} = { text => $text, row => \%row };
}


sub contexts {
    my ($flags) = @_;

    return join ', ', map { $_->[1] } grep { $flags->{$_->[0]} }
           [ NGX_HTTP_MAIN_CONF => 'http' ], [ NGX_HTTP_SRV_CONF => 'server' ],
           [ NGX_HTTP_LOC_CONF => 'location' ],
           [ NGX_HTTP_UPS_CONF => 'upstream' ], [ NGX_HTTP_LIF_CONF => 'if' ];
}


# what is wrong with the syntax

sub syntax {
    my ($c, $syntax) = @_;

    my $flags = $c->{flags};
    my ($code) = $syntax =~ /^`(.*)`$/ or return 'is not code';

    $code =~ s/\\\|/|/g;

    my $end = $flags->{NGX_CONF_BLOCK} ? qr/ \{ … \}/ : qr/;/;

    my ($args) = $code =~ /^\Q$c->{name}\E(| .+?)$end$/
        or return 'has neither the name nor the end';

    return 'is not "on | off"'
        if $flags->{NGX_CONF_FLAG} && $args ne ' on | off';

    return 'has the values ' . join ', ', @{ $c->{values} }
        if @{ $c->{values} }
           && "@{[ sort split / \| /, substr $args, 1 ]}"
              ne "@{[ sort @{ $c->{values} } ]}";

    my $alternatives = $args =~ / \| /;
    my @words = $alternatives ? 'one' : split ' ', $args;
    my $optional = grep { /^\[/ } @words;
    my $more = $args =~ / …$/;

    for ([ NGX_CONF_NOARGS => 0 ], [ NGX_CONF_TAKE1 => 1 ],
         [ NGX_CONF_TAKE2 => 2 ], [ NGX_CONF_TAKE12 => 1, 2 ])
    {
        my ($flag, @n) = @$_;
        next if !$flags->{$flag};

        for my $n (@n) {
            return "does not take $n"
                if !$more && ($n > @words || $n < @words - $optional);
        }
    }

    return 'is of one or more' if !$flags->{NGX_CONF_1MORE} != !$more;

    return '';
}


for my $c (@commands) {
    my $title = $c->{name};

    $title .= ' (use)' if $named{$title} > 1 && !$c->{flags}{NGX_CONF_BLOCK};

    my $s = $section{$title};

    ok($s, "$title is documented") or next;

    $s->{known} = 1;

    is(syntax($c, $s->{row}{Syntax} // ''), '', "$title: syntax");
    is($s->{row}{Context}, contexts($c->{flags}), "$title: context");

    my $default = $s->{row}{Default} // '';

    isnt($default, '', "$title: default");
    is(($default =~ /^`(oof_\w+) [^`]+;`/)[0] // $c->{name}, $c->{name},
       "$title: default of its own");
    like($s->{text}, qr/\|\n\n\S/, "$title: what it does");
}

is(join(' ', grep { !$section{$_}{known} } sort keys %section), '',
   'no directive but these');


# what stands in the named blocks

for ([ oof_database => 'ngx_oof_pg_conf.c', qr/ngx_oof_pg_conf_commands/ ],
     [ oof_issuer => 'ngx_oof_issuer.c', qr/ngx_oof_issuer_lines/ ],
     [ oof_core => 'ngx_oof_core.c', qr/ngx_oof_core_lines/ ],
     [ oof_webhooks => 'ngx_oof_webhook_conf.c', qr/ngx_oof_webhooks_lines/ ])
{
    my ($block, $file, $table) = @$_;
    my $text = $source{"$root/ngx_oof_common/src/$file"};

    $text =~ /${table}\[\] = \{(.*?)\n\};/s or die "no table in $file";

    my @names = $1 =~ /\{ ngx_string\("(\w+)"\)/g;
    my %told = map { $_ => 1 }
               map { /`(\w+) [^`]*;`/g }
               $section{$block}{text} =~ /^\| (`.*?;`(?: `.*?;`)*) \|/mg;

    is(join(' ', sort keys %told), join(' ', sort @names),
       "$block: what stands inside");
}


# variables

my %variable = map { $_ => 1 }
               map { /ngx_string\("(oof_\w+)"\), NULL,\s+ngx_oof_variable/g }
               $all;
my %told = map { $_ => 1 } $doc =~ /^\| `\$(oof_\w+)` \| .+ \|$/mg;

cmp_ok(scalar keys %variable, '>', 5, 'there are variables');
is(join(' ', sort keys %told), join(' ', sort keys %variable), 'variables');


# APIs

my @apis = grep { $_ ne 'gate v1' }
           map { s/"\),\s*ngx_string\("/ /r }
           $all =~ /ngx_string\("([a-z-]+"\),\s*ngx_string\("v\d+)"\),\s*
                    ngx_string\((?:"\d+\.\d+\.\d+"|NGX_OOF_\w+)\)/gx;

cmp_ok(scalar @apis, '>', 10, 'there are APIs');
ok($doc =~ /`oof_api \Q$_\E;`/, "oof_api $_;") for @apis;


# metrics, their kinds and labels

my %metric = (oof_build_info => 'gauge');

while ($all =~ /"(oof_\w+)",\s*(?:"[^"]*"\s*)+,\s*NGX_OOF_METRIC_(\w+)/g) {
    my ($name, $kind) = ($1, lc $2);
    $metric{$name} = $kind eq 'sparse' || $kind eq 'most' ? 'gauge' : $kind;
}

my $uses = () = $all =~ /"\s*,\s*NGX_OOF_METRIC_[A-Z]+\b/g;

is(scalar keys %metric, $uses + 1, 'every metric is read from the sources');

my %kind = slurp("$root/docs/operations.md")
    =~ /^\| `(oof_\w+)` \| (\w+) \| [^|]*\| [^|]+ \|$/mg;

is_deeply(\%kind, \%metric, 'metrics');


# names that are told anywhere are names of something

my $names = join "\n", $all, map { slurp($_) }
            glob("$root/conf/schema/*.sql $root/ngx_oof_*/sql/*.sql");

for my $file (glob "$root/docs/*.md $root/README.md") {
    my %seen;
    my @wrong = grep { !$seen{$_}++ && $names !~ /\b\Q$_\E\b/ }
                slurp($file) =~ /`[\$"]?(oof_\w+)/g;

    is("@wrong", '', substr($file, length "$root/") . ': names');
}

done_testing();
