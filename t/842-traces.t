#!/usr/bin/perl

# Copyright (C) oof authors

# W3C traces: what a caller sends goes on to the core, to what is behind the
# gate, into the log and into events; what is none is replaced.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Gate qw/ bank authorised resource share get seen
                        gate_locations /;
use Test::Oof::Http;
use Test::Oof::Journey qw/ journey show /;

my ($core) = Test::Oof::Http->start;
$core->answer('/accounts/account-discovery', status => 200,
              body => '{"data":[]}',
              headers => { 'Content-Type' => 'application/json' });

my $bank = bank();
my $file = "$Test::Oof::Dir/product.log";

my $o = journey(core => $core,
    http => "include $Test::Oof::Root/conf/include/log.conf;",
    locations => Test::Oof::location_defaults()
                 . gate_locations($bank, [ 'accounts', 'v2' ]),
    server => "access_log $file oof;",
    management_server => "access_log $file oof;",
    log_level => 'info');

my $trace = '4bf92f3577b34da6a3ce929d0e0e4736';
my $span = '00f067aa0ba902b7';
my $parent = "00-$trace-$span-01";


sub lines {
    return grep { $_->{api} ne q(-) } map { decoded($_) }
           split /\n/, Test::Oof::slurp($file, 1);
}

sub line {
    my ($n) = @_;

    wait_for(sub { lines() >= $n }, 5, "line $n");

    return (lines())[$n - 1];
}


# what is taken, and what is replaced by one of ours

my $n = 0;

for ([ $parent, 1, 'one that is sampled' ],
     [ "00-$trace-$span-00", 1, 'one that is not' ],
     [ "00-$trace-$span-09", 1, 'flags of later days' ],
     [ "01-$trace-$span-01", 1, 'a later version' ],
     [ "cc-$trace-$span-01-what", 1, 'a later version with more' ],
     [ "00-$trace-$span-01-what", 0, 'version 0 has no more' ],
     [ "01-$trace-$span-01.what", 0, 'more begins with a hyphen' ],
     [ "ff-$trace-$span-01", 0, 'version 255' ],
     [ '00-' . '0' x 32 . "-$span-01", 0, 'no trace' ],
     [ "00-$trace-" . '0' x 16 . '-01', 0, 'no span' ],
     [ '00-' . uc($trace) . "-$span-01", 0, 'upper case' ],
     [ "00-$trace-$span-0g", 0, 'no digit' ],
     [ "00-$trace-$span", 0, 'too short' ],
     [ "00_${trace}_${span}_01", 0, 'no hyphens' ],
     [ '', 0, 'nothing' ])
{
    my ($text, $good, $name) = @$_;

    $o->call(GET => "$Test::Oof::Api/consents/urn:bank:" . new_uuid(),
             headers => [ traceparent => $text ]);

    my $id = line(++$n)->{trace_id};
    like($id, qr/^[0-9a-f]{32}$/, "$name: a trace");
    is($id eq $trace ? 1 : 0, $good, "$name: taken or not");
}

$o->call(GET => "$Test::Oof::Api/consents/urn:bank:" . new_uuid(),
         headers => [ traceparent => $parent, Traceparent => $parent ]);
isnt(line(++$n)->{trace_id}, $trace, 'two are none');

$o->call(GET => "$Test::Oof::Api/consents/urn:bank:" . new_uuid());
my $own = line(++$n)->{trace_id};
isnt($own, (lines())[-2]{trace_id}, 'each request has one of its own');


# events

my $r = $o->call(POST => "$Test::Oof::Api/consents", json => consent_body(),
                 headers => [ traceparent => $parent ]);
is($r->{status}, 201, 'a consent');
my $id = $r->{json}{data}{consentId};
my $key = $id =~ s/.*://r;

is((events("key = '$key'"))[0]{data}{traceparent}, $parent,
   'the event is of the trace');
is(line(++$n)->{trace_id}, $trace, 'so is the line');

$r = $o->call(POST => "$Test::Oof::Api/consents", json => consent_body(),
              headers => [ traceparent => "00-$trace-$span-00" ]);
$key = $r->{json}{data}{consentId} =~ s/.*://r;
is((events("key = '$key'"))[0]{data}{traceparent}, undef,
   'one that nobody records is not kept');
$n++;


# the core

show($o, $id, headers => [ traceparent => $parent ]);
my ($call) = $core->calls('/accounts/account-discovery');
is($call->{headers}{traceparent}, $parent, 'the core is told of it');
my $line = line(++$n);
is($line->{trace_id}, $trace, 'as is the line');
like($line->{core_time}, qr/^\d+\.\d{3}$/, 'and how long the core took');

show($o, $id);
$line = line(++$n);
($call) = reverse $core->calls('/accounts/account-discovery');
like($call->{headers}{traceparent}, qr/^00-\Q$line->{trace_id}\E-[0-9a-f]{16}-01$/,
     'or of one of ours');


# behind the gate

my $consent = authorised(permissions => [ 'ACCOUNTS_READ' ]);
my $account = resource(number => '10000011');
share($consent, $account);

my $path = "/open-banking/accounts/v2/accounts/$account";
$bank->answer($path, body => '{"data":[]}',
              headers => { 'Content-Type' => 'application/json' });

$r = get($o, $consent, $path, headers => [ traceparent => $parent,
                                           tracestate => 'a=1' ]);
is($r->{status}, 200, 'a call through the gate') or diag($r->{body});
my $seen = seen($bank);
is($seen->{headers}{traceparent}, $parent, 'the system behind is told');
is($seen->{headers}{tracestate}, 'a=1', 'with its state');
$line = line(++$n);
like($line->{upstream_time}, qr/^\d+\.\d{3}$/, 'and how long it took');

get($o, $consent, $path, headers => [ traceparent => 'x' ]);
$line = line(++$n);
$seen = seen($bank);
like($seen->{headers}{traceparent},
     qr/^00-\Q$line->{trace_id}\E-[0-9a-f]{16}-01$/,
     'what is none goes nowhere');


# the error log

my $interaction = new_uuid();
$o->call(GET => "$Test::Oof::Api/consents/urn:bank:" . new_uuid(),
         token => 'x.y.z', headers => [ traceparent => $parent,
             'x-fapi-interaction-id' => $interaction ]);
$o->call(POST => "$Test::Oof::Api/consents?" . 'x' x 3000, body => '{',
         headers => [ 'x-fapi-interaction-id' => $interaction,
                      traceparent => $parent ]);

like($o->log_text, qr/\[info\].*invalid JSON.*, interaction: "$interaction"/,
     'the error log has the interaction id, however long the path is');

done_testing();
