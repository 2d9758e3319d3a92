#!/usr/bin/perl

# Copyright (C) oof authors

# GET /oof/v1/events: events in the order of their positions, as they come and
# from any position on; heartbeats; bounds; the end with the worker or the
# token.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Journey ();
use Time::HiRes qw/ sleep time /;

my $o = Test::Oof::Journey::journey(core => undef, leases => 1, workers => 1,
    management_server => 'oof_events_stream clients=3 heartbeat=400ms'
                         . ' timeout=1s buffer=64k;');


# a reader: a connection with the answer's header read

sub reader {
    my ($query, %args) = @_;

    my $token = token(scope => $args{scope} // 'oof_admin',
                      ttl => $args{ttl} // 900,
                      claims => { cnf => undef, client_id => 'bank-channel' });
    my $c = Test::Oof::Client->new($o->port('management'));

    $c->write('GET /oof/v1/events' . ($query // '') . " HTTP/1.1\r\n"
              . "Host: m\r\nAuthorization: Bearer $token\r\n"
              . join('', map { "$_\r\n" } @{ $args{headers} || [] }) . "\r\n");

    my $end = time + 8;
    1 until $c->{buffer} =~ /\r\n\r\n/ || !$c->fill($end);
    $c->{buffer} =~ s/^(.*?)\r\n\r\n//s;
    $c->{head} = $1 // '';
    ($c->{status}) = $c->{head} =~ m{^HTTP/1\.1 (\d+)};
    $c->{text} = '';

    return $c;
}


# what has come so far; waits until it has "n" of what matches, each of which is
# within a chunk

sub heard {
    my ($c, $pattern, $n, $seconds) = @_;

    my $end = time + ($seconds // 10);
    my $got = () = $c->{text} =~ /$pattern/g;

    while ($got < $n && time < $end) {

        if ($c->{buffer} !~ /^([0-9a-f]+)\r\n/) {
            last if !$c->fill($end);
            next;
        }

        my $size = hex $1;
        my $head = 2 + length $1;

        while (length $c->{buffer} < $head + $size + 2) {
            return $c->{text} if !$c->fill($end);
        }

        my $chunk = substr $c->{buffer}, $head, $size;
        substr $c->{buffer}, 0, $head + $size + 2, '';

        $c->{text} .= $chunk;
        $got += () = $chunk =~ /$pattern/g;

        if ($size == 0) {
            $c->{over} = 1;
            last;
        }
    }

    return $c->{text};
}

sub events_of {
    my ($text) = @_;

    return map { my ($id, $type, $data) =
                     /^id: (\d+)\nevent: (\S+)\ndata: (.*)$/m;
                 { id => $id, type => $type, json => decoded($data) } }
           grep { /^data: /m } split /\n\n/, $text;
}

sub consents { $o->call(POST => "$Test::Oof::Api/consents",
                        json => consent_body()) for 1 .. $_[0] }


# from the beginning

consents(3);
wait_for(sub { (psql('SELECT count(position) FROM oof_event'))[0][0] == 3 },
         10, 'positions');

my $c = reader('?after=0');
is($c->{status}, 200, 'a stream');
like($c->{head}, qr{^Content-Type: text/event-stream\r?$}mi, 'of events');
like($c->{head}, qr/^Cache-Control: no-store\r?$/mi, 'that nobody keeps');

my @all = events_of(heard($c, qr/^data: /m, 3));
is(scalar @all, 3, 'what has been is there');
is(join(' ', map { $_->{id} } @all), '1 2 3', 'by position');
is($all[0]{type}, 'oof.consent.created', 'with its type');
is_deeply([ map { $_->{json}{id} } @all ],
          [ map { $_->[0] } psql('SELECT id FROM oof_event ORDER BY position') ],
          'the events of the log');
is($all[0]{json}{specversion}, '1.0', 'as CloudEvents');
is($all[0]{json}{position}, '1', 'that have their position');
like($c->{text}, qr/^retry: 1000$/m, 'how soon to come back is told');

# what is new comes at once

my $start = time;
consents(1);
@all = events_of(heard($c, qr/^data: /m, 4));
is($all[3]{id}, 4, 'a new one comes');
cmp_ok(time - $start, '<', 3, 'at once');

# another reader: what is new only, and of a type

my $d = reader('?type=oof.consent.created');
my $e = reader('?type=oof.payment');
is($d->{status}, 200, 'another reader');

my $f = reader();
is($f->{status}, 503, 'one too many is refused');
like($f->{head}, qr/^Retry-After: \d+/m, 'for now');
$f->close;
is($o->metric('oof_stream_readers'), 3, 'the metric counts them');

consents(2);
my @new = events_of(heard($d, qr/^data: /m, 2));
is(join(' ', map { $_->{id} } @new), '5 6', 'what is new since it came');

heard($e, qr/^id: 6$/m, 1);
is(scalar(events_of($e->{text})), 0, 'none of another type');
like($e->{text}, qr/^id: 6\n\n/m, 'but a heartbeat that says how far it is');

# who comes back goes on behind what it has

$d->close;
wait_for(sub { $o->metric('oof_stream_readers') == 2 }, 5, 'one has gone');
$d = reader('?after=0', headers => [ 'Last-Event-ID: 5' ]);
@new = events_of(heard($d, qr/^data: /m, 1));
is($new[0]{id}, 6, 'behind the last one');
$_->close for $d, $e;


# refused

for ([ '?after=x', {}, 400 ], [ '?after=-1', {}, 400 ],
     [ '', { headers => [ 'Last-Event-ID: x' ] }, 400 ],
     [ '', { scope => 'oof_journey' }, 403 ],
     [ '', { scope => 'oof_admin oob_customer' }, 403 ],
     [ '', { ttl => -5 }, 401 ])
{
    my ($query, $args, $status) = @$_;
    my $r = reader($query, %$args);
    is($r->{status}, $status, "$query: $status");
    $r->close;
}


# other brands are none of this listener's

psql("INSERT INTO oof_event (id, key, time, stamp, version, brand, type, data)"
     . " SELECT oof_uuid7((extract(epoch FROM now()) * 1000)::bigint),"
     . " gen_random_uuid(), now(), now(), 1, 'other', 'oof.consent.created',"
     . " '{}'");
consents(1);
@all = events_of(heard($c, qr/^id: 8$/m, 1));
is(join(' ', map { $_->{id} } @all), '1 2 3 4 5 6 8', 'nor sent');


# a reader that takes nothing is closed, and harms no other

psql("INSERT INTO oof_event (id, key, time, stamp, version, brand, type, data)"
     . " SELECT oof_uuid7((extract(epoch FROM now()) * 1000)::bigint + i),"
     . " gen_random_uuid(), now(), now() + i * interval '1 us', 1, 'bank',"
     . " 'oof.consent.created', json_build_object('x', repeat('x', 20000))::text"
     . ' FROM generate_series(1, 700) i');

my $slow = reader('?after=0');
heard($c, qr/^id: 708$/m, 1, 30);
ok($c->{text} =~ /^id: 708$/m, 'the other has them all');
wait_for(sub { heard($c, qr/never/, 1, 0.1);
               $o->metric('oof_stream_readers') == 1 }, 15, 'its end');
ok($o->log_text =~ /\[info\].*a reader of the stream of events takes nothing/,
   'it is told of');
my %seen;
$seen{$_->{id}}++ for events_of($c->{text});
is(scalar(grep { $_ != 1 } values %seen), 0, 'once');
$slow->close;


# a type is whole, or what stands before a dot; an event is one line, whatever
# white space its JSON has

my ($now) = (psql('SELECT max(position) FROM oof_event'))[0][0];
psql("INSERT INTO oof_event (id, key, time, stamp, version, brand, type, data)"
     . " SELECT oof_uuid7((extract(epoch FROM now()) * 1000)::bigint + i),"
     . " gen_random_uuid(), now(), now(), 1, 'bank', t,"
     . " E'{\"x\":\\n\\r1}' FROM unnest(ARRAY['oof.testing.a', 'oof.test.a',"
     . " 'oof.test']) WITH ORDINALITY AS u (t, i)");
my $part = reader('?type=oof.test', headers => [ "Last-Event-ID: $now" ]);
my @part = events_of(heard($part, qr/^data: /m, 2));
is(join(' ', sort map { $_->{type} } @part), 'oof.test oof.test.a',
   'what begins alike is another type');
is_deeply($part[0]{json}{data}, { x => 1 }, 'the line is whole');
unlike($part->{text}, qr/\r/, 'and one');
$part->close;


# the token's end is the stream's

my $short = reader('?type=none', ttl => 2);
is($short->{status}, 200, 'a token that ends soon');
heard($short, qr/never/, 1, 6);
ok($short->{over}, 'ends the stream, as a whole answer');


# a reload ends streams at once; who comes back has missed nothing

my ($last) = sort { $b <=> $a } keys %seen;
my @old = $o->worker_pids;
$start = time;
kill 'HUP', $o->pid;
heard($c, qr/never/, 1, 5);
ok($c->{over}, 'the stream has an end');
wait_for(sub { my %now = map { $_ => 1 } $o->worker_pids;
               !grep { $now{$_} } @old }, 10, 'the old worker');
cmp_ok(time - $start, '<', 3, 'and the old worker goes soon');

consents(1);
$o->ready;
$c = reader("?after=0", headers => [ "Last-Event-ID: $last" ]);
@new = events_of(heard($c, qr/^data: /m, 1));
is($new[0]{id}, $last + 1, 'what was written meanwhile is there');

$start = time;
$o->stop;
cmp_ok(time - $start, '<', 3, 'a worker that quits waits for no reader');


# what the directive does not take

for ('clients=0', 'clients=x', 'buffer=1k', 'heartbeat=1ms', 'timeout=x', 'x=1',
     'x')
{
    $o->configure(server => "oof_events_stream $_;");
    my ($fine, $said) = $o->test_config;
    ok(!$fine, "$_ is refused");
    like($said, qr/"oof_events_stream" (?:directive )?has/, 'and it says why');
}

done_testing();
