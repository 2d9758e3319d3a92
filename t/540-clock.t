#!/usr/bin/perl

# Copyright (C) oof authors

# The rule clock: moved by the management listener, the same for all workers
# and hosts, kept over a restart, out of reach in production.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX qw/ strftime /;
use Test::More;
use Test::Oof;
use Time::HiRes qw/ sleep time /;

sub start {
    my (%args) = @_;

    return Test::Oof->start(%args,
        http => <<"END",
    oof_issuer bank {
        issuer   $Test::Oof::Issuer;
        audience $Test::Oof::BaseUrl;
        jwks     file:@{[ Test::Oof::jwks() ]};
        bound    off;
    }
END
        management_server =>
            server_defaults() =~ s/oof_issuer\s+main/oof_issuer bank/r
            . 'location /oof/v1/ { oof_api management v1; }');
}

sub call {
    my ($o, $method, %args) = @_;

    my $scope = delete $args{scope} // 'oof_admin';
    my $token = exists $args{token} ? delete $args{token}
              : token(scope => $scope, claims => { cnf => undef });

    return $o->call($method => '/oof/v1/clock', via => 'management',
                    client => undef, token => $token, %args);
}

sub set { call($_[0], 'POST', json => { data => { offset => $_[1] } }) }

sub text { strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_[0]) }

# the rule time is now and so many seconds, give or take the second that passes

sub is_now {
    my ($got, $offset, $name) = @_;

    my $now = time;
    ok((grep { ($got // '') eq text($now + $offset + $_) } -1, 0), $name)
        or diag("$got, and it is " . text($now + $offset));
}


my $o = start(workers => 2);

my $r = call($o, 'GET');
is($r->{status}, 200, 'the clock is told');
is($r->{json}{data}{offset}, 0, 'it is at no offset');
is_now($r->{json}{data}{ruleTime}, 0, 'it is the system\'s');
is_deeply([ sort keys %{ $r->{json}{data} } ], [ qw/ offset ruleTime / ],
          'two members');

$r = set($o, 6 * 3600);
is($r->{status}, 200, 'it is moved by 6 hours');
is($r->{json}{data}{offset}, 21600, 'the offset');
is_now($r->{json}{data}{ruleTime}, 21600, 'the time');

my @wrong = grep { call($o, 'GET')->{json}{data}{offset} != 21600 } 1 .. 30;
is(scalar @wrong, 0, 'for both workers, at once');

my ($row) = psql('SELECT "offset", changed > now() - interval \'10 s\''
                 . ' FROM oof_clock');
is_deeply($row, [ 21600, 't' ], 'and in the database');

$r = $o->call(POST => "$Test::Oof::Api/consents", json => consent_body());
is($r->{status}, 201, 'a consent');
is_now($r->{json}{data}{creationDateTime}, 21600, 'is of the rule clock');


# another host

my $other = start();
$r = call($other, 'GET');
is($r->{json}{data}{offset}, 21600, 'a process that is ready knows it');

# while it has requests it asks ten times a second: the best of a few counts

sleep 1.1;

my $took = 9;

for my $offset (1 .. 5, -34560000) {
    set($o, $offset);
    my $start = time;
    wait_for(sub { call($other, 'GET')->{json}{data}{offset} == $offset }, 5,
             'the other host');
    $took = time - $start if time - $start < $took;
}

cmp_ok($took, '<', 0.3, 'another host follows at once');
is_now(call($other, 'GET')->{json}{data}{ruleTime}, -34560000, 'backwards too');


# it stays where it was put, though many set it

for (1 .. 20) {
    set($_ % 2 ? $o : $other, $_);
    is(call($_ % 2 ? $o : $other, 'GET')->{json}{data}{offset}, $_,
       "offset $_");
}

sleep 1.3;
is(call($_, 'GET')->{json}{data}{offset}, 20, 'the last one holds')
    for $o, $other;


# reload, with other metrics too, and restart

$o->reload;
is(call($o, 'GET')->{json}{data}{offset}, 20, 'a reload keeps it');
$o->stop;
$o->launch;
is(call($o, 'GET')->{json}{data}{offset}, 20, 'a restart knows it');


# refusals

for ('{}', '{"data":{}}', '{"data":{"offset":"1"}}', '{"data":{"offset":1.5}}',
     '{"data":{"offset":null}}', '{"data":{"offset":3162240001}}',
     '{"data":{"offset":-3162240001}}', '{"data":[1]}', '[1]', '',
     '{"data":{"offset":9223372036854775808}}')
{
    $r = call($o, 'POST', body => $_);
    is($r->{status}, 400, "refused: $_");
    ok($r->{json}{errors}[0]{code}, 'with a code');
}

is(call($o, 'GET')->{json}{data}{offset}, 20, 'and nothing has moved');

is(call($o, 'GET', token => undef)->{status}, 401, 'without a token: 401');
is(call($o, 'POST', token => undef, json => { data => { offset => 1 } })
       ->{status}, 401, 'nor can it be moved');
is(call($o, 'GET', scope => 'consents')->{status}, 403,
   'without the scope: 403');
is(call($o, 'DELETE')->{status}, 405, 'no other method');
is($o->call(POST => '/oof/v1/clock', json => { data => { offset => 1 } })
       ->{status}, 404, 'not on the listener of the clients');


# in production

psql('UPDATE oof_clock SET "offset" = 7777');
$other->stop;
my $conf = do { local (@ARGV, $/) = "$other->{dir}/nginx.conf"; <> };
$conf =~ s/oof_test_clock on;//;
open my $f, '>', "$other->{dir}/nginx.conf" or die $!;
print $f $conf;
close $f;
$other->launch;
is(call($other, 'GET')->{status}, 404, 'without oof_test_clock: no clock');
is(set($other, 5)->{status}, 404, 'nor can it be moved');
sleep 1.3;
$r = $other->call(POST => "$Test::Oof::Api/consents", json => consent_body());
is_now($r->{json}{data}{creationDateTime}, 0, 'nor does the database move it');

my ($ok, $text) = $o->test_config;
like($text, qr/\[warn\].*"oof_test_clock" is on/, 'nginx -t warns of it');

done_testing();
