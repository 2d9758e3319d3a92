#!/usr/bin/perl

# Copyright (C) oof authors

# When a request came, as a gateway in front says it: which forms are taken,
# from whom, and within which bounds; reports of calls count from then
# (platform 4, x-request-start-time).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Time::HiRes qw/ time /;

my $log = 'access_log logs/started.log started;';
my $o = Test::Oof->start(plain_server => $log, http => <<'END');
    oof_request_start_header  X-Request-Start-Time;
    oof_call_reports          on;
    log_format  started  '$oof_started';
END
my $path = "$Test::Oof::Api/consents/urn:bank:" . new_uuid();
my $lines = 0;

my $now = time;

near('seconds', 3, sprintf('%.3f', $now - 3));
near('milliseconds', 3, int(($now - 3) * 1000));
near('milliseconds with decimals', 3, int(($now - 3) * 1000) . '.5');
near('microseconds', 3, int(($now - 3) * 1e6));

near('none', 0, undef);
near($_, 0, $_) for '', 'now', '-5', '1e3', '12:00', '1.2.3', '9' x 17,
                    '9' x 40, ' 17', '0', '.5';
near('the future', 0, int(($now + 60) * 1000));
near('long ago', 0, int(($now - 3600) * 1000));

my $r = $o->call(GET => $path, headers => [
    'X-Request-Start-Time' => int(($now - 3) * 1000),
    'X-Request-Start-Time' => int(($now - 3) * 1000) ]);
cmp_ok(abs(last_started() - time), '<', 2, 'two of them are none');

wait_for(sub { reports() >= 4 }, 10, 'reports');
cmp_ok((sort { $a <=> $b } map { @$_ } psql(
    q{SELECT (c->>'processTimespan')::int FROM oof_call, LATERAL }
    . q{jsonb_array_elements(data::jsonb->'calls') c}))[-1], '>=', 2900,
   'a report counts from then');

# from elsewhere it is not believed

$o->configure(plain_server => "$log oof_client_certificate_from 10.0.0.1;");
$o->reload;
near('from another address', 0, int((time() - 3) * 1000));

done_testing();


sub near {
    my ($name, $ago, $value) = @_;

    $o->call(GET => $path, defined $value
             ? (headers => { 'X-Request-Start-Time' => $value }) : ());

    my $passed = time - $now;
    my $before = time - last_started();

    if ($ago) {
        cmp_ok(abs($before - $ago - $passed), '<', 2, "$name: taken");

    } else {
        cmp_ok($before, '<', 2, "$name: not taken");
    }
}

sub last_started {
    my @all;

    $lines++;
    wait_for(sub {
        @all = split /\n/, Test::Oof::slurp("$o->{dir}/logs/started.log", 1);
        @all >= $lines;
    }, 10, 'the log');

    my ($date, $fraction) = $all[-1] =~ /^(.*)(\.\d{3})Z$/ or die $all[-1];

    require Time::Piece;

    return Time::Piece->strptime($date, '%Y-%m-%dT%H:%M:%S')->epoch
           + $fraction;
}

sub reports {
    return (psql(q{SELECT coalesce(sum(jsonb_array_length(}
                 . q{data::jsonb->'calls')), 0) FROM oof_call}))[0][0];
}
