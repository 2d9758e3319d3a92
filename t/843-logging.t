#!/usr/bin/perl

# Copyright (C) oof authors

# The access log as docs/logging.md tells it, with nothing of a person in it;
# and what the collectors' configurations make of its lines.  Neither Alloy nor
# Filebeat nor the Datadog agent is run: their files are read here, and what
# they say is done with lines that nginx has written.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use POSIX ();
use Test::More;
use Test::Oof;
use Test::Oof::Payments;

binmode $_, ':encoding(UTF-8)'
    for Test::More->builder->output, Test::More->builder->failure_output;

my $file = "$Test::Oof::Dir/product.log";
my $conf = "$Test::Oof::Root/conf/logging";
my $cpf = '48847377765';

my $o = payments(http => "include $Test::Oof::Root/conf/include/log.conf;",
                 server => "access_log $file oof;", log_level => 'info');


# lines of every kind, with a person's documents wherever a caller may put them

my $r = $o->call(POST => "$Test::Oof::Api/consents?cpf=$cpf",
                 json => consent_body(), headers => {
                     'x-customer-user-agent' => "$cpf",
                     'x-fapi-customer-ip-address' => '203.0.113.77' });
is($r->{status}, 201, 'a consent');
my $id = $r->{json}{data}{consentId};
my $interaction = $r->{headers}{'x-fapi-interaction-id'};

$o->call(GET => "$Test::Oof::Api/consents/$id", token => "x.$cpf.y");
$o->call(POST => "$Test::Oof::Api/consents", body => "{$cpf");
$o->call(GET => "$Test::Oof::Api/consents/\"\\\x01");
$o->call(GET => '/nothing');
$r = pay($o, POST => '/consents', payment_consent());
is($r->{status}, 201, 'a consent to pay');

my $c = $o->connect('plain');
$c->write("nonsense\r\n\r\n");
$c->response('GET');
$c->close;

sub texts { split /\n/, Test::Oof::slurp($file, 1) }

wait_for(sub { texts() >= 7 }, 5, 'lines');

my @lines = map { my $line = eval { JSON::PP->new->decode($_) };
                  ok($line, 'a line is JSON') or diag($_); $line } texts();

unlike(Test::Oof::slurp($file), qr/$cpf|203\.0\.113\.77|eyJ/,
       'nothing of a person, and no token');


# the members, as documented

my $doc = do { open my $f, '<:encoding(UTF-8)',
                    "$Test::Oof::Root/docs/logging.md" or die $!;
               local $/; <$f> };
my ($table) = $doc =~ /^(\| member \|.*?)^[^|]/ms;
my @told = map { /`(\w+)`/g } $table =~ /^\| (`.*?`) \|/mg;

is(join(' ', sort keys %$_), join(' ', sort @told),
   "$_->{status} $_->{method}: members as documented") for @lines;
is(join(' ', grep { ref $lines[0]{$_} } @told), '', 'each is a string');

my @numbers = grep { /_time$|^(?:request_length|bytes_sent|connection|requests)$/ }
              @told;

for my $line (@lines) {
    is(join(' ', grep { $line->{$_} !~ /^\d+(?:\.\d+)?$/ } @numbers), '',
       "$line->{status} $line->{method}: numbers are numbers");
    like($line->{time}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'a time');
    like($line->{trace_id}, qr/^[0-9a-f]{32}$/, 'a trace');
}

my %first = %{ $lines[0] };
is_deeply({ map { $_ => $first{$_} }
            qw/ interaction_id api operation method path status error_code
                client_id organisation_id consent_id core_time sign_time
                upstream_time remote protocol / },
          { interaction_id => $interaction, api => 'consents v3',
            operation => 'consent_create', method => 'POST',
            path => "$Test::Oof::Api/consents", status => '201',
            error_code => '-', consent_id => $id,
            client_id => $Test::Oof::Clients{one}{client_id},
            organisation_id => $Test::Oof::Clients{one}{organisation_id},
            core_time => '0.000', sign_time => '0.000000',
            upstream_time => '0.000', remote => '127.0.0.1',
            protocol => 'HTTP/1.1' }, 'a consent, told');

my ($paid) = grep { $_->{api} eq 'payments v5' } @lines;
cmp_ok($paid->{sign_time}, '>', 0, 'how long the answer was signed in');
is($lines[1]{error_code}, 'UNAUTHORIZED', 'an error code');


# --- Elastic: the template has each member with a type, which values have

my $template = decoded(Test::Oof::slurp("$conf/index-template.json"));
my $mapping = $template->{template}{mappings}{properties}{oof};

is($mapping->{dynamic}, 'strict', 'the template takes no other member');
is(join(' ', sort keys %{ $mapping->{properties} }), join(' ', sort @told),
   'the template has each member');

my %fits = (
    keyword => qr/^/, float => qr/^\d+(?:\.\d+)?$/,
    map({ $_ => qr/^\d+$/ } qw/ short integer long /),
    date => qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/,
    ip => qr/^(?:\d+\.\d+\.\d+\.\d+|[0-9a-f:]+|unix:)$/,
);

for my $name (@told) {
    my $type = $mapping->{properties}{$name}{type};
    ok($fits{$type}, "$name: a known type") or next;
    is(scalar(grep { $_->{$name} !~ $fits{$type} } @lines), 0,
       "$name: values are of type $type");
}

my $beat = yaml("$conf/filebeat.yml");
my ($if) = @{ $beat->{processors} };
my $regexp = $if->{if}{regexp}{message};
is(scalar(grep { !/$regexp/ } texts()), 0, 'Filebeat: lines are seen as JSON');

my %then = map { %$_ } @{ $if->{then} };
is_deeply($then{decode_json_fields}{fields}, [ 'message' ], 'and decoded');
is($then{decode_json_fields}{target}, 'oof', 'to where the template has them');
is($then{timestamp}{field}, 'oof.time', 'the time is');
like($lines[0]{time}, go_layout($then{timestamp}{layouts}[0]),
     'of the given layout');
like($then{timestamp}{test}[0], go_layout($then{timestamp}{layouts}[0]),
     'as is its own test');
like($beat->{'output.elasticsearch'}{index},
     glob_of($template->{index_patterns}[0]), 'and the index is the template\'s');

my ($error) = grep { /client sent an invalid JSON/ } split /\n/, $o->log_text;
my %else = map { %$_ } @{ $if->{else} };
my %cut = dissect($else{dissect}{tokenizer}, $error);
is($cut{level}, 'info', 'Filebeat: the error log\'s level');
like($cut{message}, qr/client sent an invalid JSON/, 'and words');


# --- Loki

my $alloy = Test::Oof::slurp("$conf/loki.alloy") =~ s{^\s*//.*\n}{}mgr;
my $open = 0;

for my $token ($alloy =~ /"(?:[^"\\]|\\.)*"|[{}]/g) {
    $open += $token eq '{' ? 1 : $token eq '}' ? -1 : 0;
    last if $open < 0;
}

is($open, 0, 'Alloy: blocks are closed');

my @stages = $alloy =~ /stage\.(\w+) \{/g;
my ($named) = $alloy =~ /expressions = \{(.*?)\}/s;
my @taken = $named =~ /(\w+)\s*= "",/g;

is(join(' ', grep { my $n = $_; !grep { $_ eq $n } @told } @taken), '',
   'each member that is taken exists');

for my $text ($alloy =~ /(?:labels|structured_metadata) \{\s+values = \{(.*?)\}/sg)
{
    my @used = $text =~ /(\w+)\s*= "",/g;
    is(join(' ', grep { my $n = $_; !grep { $_ eq $n } @taken, 'status_class',
                        'level' } @used), '', "taken before: @used");
}

my ($selector) = $alloy =~ /selector = "((?:[^"\\]|\\.)*)"/;
$selector =~ s/\\(["\\])/$1/g;
my ($pattern) = $selector =~ /\|~ "(.*)"$/ or die $selector;
$pattern =~ s/\\\\/\\/g;
is(scalar(grep { !/$pattern/ } texts()), 0, 'lines are seen as JSON');

my ($format) = $alloy =~ /source = "time"\s+format = "(\w+)"/;
is($format, 'RFC3339Nano', 'a layout');
like($lines[0]{time}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/,
     'that the time has');

my ($expression) = $alloy =~ /expression = "((?:[^"\\]|\\.)*)"/;
$expression =~ s/\\(["\\])/$1/g;
$expression =~ s/\(\?P</(?</g;
ok($error =~ /$expression/, 'lines of the error log are seen') or diag($error);
is($+{level}, 'info', 'their level');
like($+{interaction_id} // '', qr/^[0-9a-f-]{36}$/, 'and interaction id');
ok("2026/11/24 12:00:00 [notice] 1#1: start worker" =~ /$expression/,
   'those of no request too');
is($+{interaction_id}, undef, 'which have none');


# --- Datadog

my $pipe = decoded(Test::Oof::slurp("$conf/datadog-pipeline.json"));
my $agent = yaml("$conf/datadog.yaml");

is($pipe->{filter}{query}, "source:$agent->{logs}[0]{source}",
   'Datadog: the pipeline is for what the agent sends');

for my $line (@lines[0, 1]) {
    my %v = %$line;

    for my $p (@{ $pipe->{processors} }) {
        for my $source (@{ $p->{sources} || [] }) {
            ok(exists $v{$source}, "$p->{type} $p->{name}: $source is there");

            if ($p->{type} eq 'attribute-remapper') {
                my $f = $p->{target_format} // 'string';
                like($v{$source}, $f eq 'integer' ? qr/^\d+$/
                                  : $f eq 'double' ? qr/^\d+(?:\.\d+)?$/
                                  : qr/^/, "and is of the format $f");
                my $value = delete $v{$source};
                $v{ $p->{target} } = $value;
            }
        }

        if ($p->{type} eq 'category-processor') {
            my @in = grep { $_->{filter}{query}
                                =~ /^\@([\w.]+):\[(\d+) TO (\d+)\]$/
                            && $v{$1} >= $2 && $v{$1} <= $3 }
                     @{ $p->{categories} };
            is(scalar @in, 1, "a status $v{'http.status_code'} has one level");
            $v{ $p->{target} } = $in[0]{name};
        }

        if ($p->{type} eq 'arithmetic-processor') {
            my ($of) = $p->{expression} =~ /^(\w+) \*/;
            ok(exists $v{$of}, "$p->{name}: of $of");
        }
    }

    is($v{level}, $line->{status} < 400 ? 'info' : 'warn', 'the level');
}

my $mask = $agent->{logs}[0]{log_processing_rules}[0]{pattern};
like('of 488.473.777-65', qr/$mask/, 'a document would be masked');
is(scalar(grep { /$mask/ } texts()), 0, 'none is in a line');


sub yaml {
    my ($path) = @_;

    my $rc = Test::Oof::Postgres::open2_in(\my $out, '', '/usr/bin/python3',
        '-c', 'import json, sys, yaml;'
              . ' print(json.dumps(yaml.safe_load(open(sys.argv[1]))))', $path);

    is($rc, 0, "$path is YAML") or diag($out);

    return decoded($out);
}


# Go's way to tell a layout, as a pattern

sub go_layout {
    my ($layout) = @_;

    my $p = quotemeta $layout;
    $p =~ s/\d/\\d/g;

    return qr/^$p$/;
}


sub glob_of { my $p = quotemeta $_[0]; $p =~ s/\\\*/.*/g; return qr/^$p$/ }


sub dissect {
    my ($tokenizer, $text) = @_;

    my @names = $tokenizer =~ /%\{\??(\w+)\}/g;
    my $p = join '(.*?)', map { quotemeta } split /%\{\??\w+\}/, $tokenizer, -1;
    my %got;

    @got{@names} = $text =~ /^$p$/s;

    return %got;
}

done_testing();
