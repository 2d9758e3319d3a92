#!/usr/bin/perl

# Copyright (C) oof authors

# The sandbox's core: telling oof of new statuses, and whom it lets in.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use File::Copy qw/ copy /;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use MIME::Base64 qw/ decode_base64url /;
use POSIX ();
use Test::More;
use Test::Oof;
use Test::Oof::Core;
use Test::Oof::Schema;
use Time::HiRes qw/ time /;

my $path = '/open-banking/oob-consents/v1/payment-status-notification';
my $port = free_port();
my @times = ('--step', 20, '--management', "http://127.0.0.1:$port");


# the bank's issuer signs the token

my $core = Test::Oof::Core->start(options => \@times);
my $key = "$core->{var}/pki/bank-issuer.key";
system("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"
       . " -out $key 2>/dev/null") == 0 or die 'openssl';

my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8,
                                     LocalPort => $port, ReuseAddr => 1)
    or die "listen: $!";


# --- off: nothing is told

my $r = $core->post('/payments', payment());
$core->comes_to($r, 'ACSC');
is($core->get('/_push')->{json}{pending}, 0, 'off: nothing waits');
ok(!IO::Select->new($listener)->can_read(0.3), 'off: nobody calls');


# --- on

is_deeply($core->control(push => { enabled => JSON::PP::true() }),
          { enabled => JSON::PP::true(), pending => 0 }, 'on: is told');

$r = $core->post('/payments', payment());
my @told = told(3);
is(join(' ', map { $_->{body}{data}{paymentStatus} } @told), 'ACCP ACPD ACSC',
   'a payment: every status, in order');

for (@told) {
    is($_->{line}, "POST $path HTTP/1.1", 'a payment: the call');
    is_deeply($_->{body}{data}{legacyId}, legacy_id($r),
              'a payment: its legacy id');
    like($_->{body}{data}{paymentStatusUpdateDateTime},
         qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'a payment: the time');
    is_deeply([ Test::Oof::Schema::request("$Test::Oof::Root/t/schema",
                    "consent-management POST $path", $_->{body}) ], [],
              'a payment: as specified');
}

my ($claims) = $told[0]{headers} =~ /^Authorization: Bearer [\w-]+\.([\w-]+)/mi;
$claims = JSON::PP::decode_json(decode_base64url($claims));
is($claims->{scope}, 'oob_payments:write', 'the token\'s scope');
is($claims->{iss}, 'https://sso.oof.test', 'the token is the bank\'s');

$r = $core->post('/payments', payment(amount => '20201.10'));
@told = told(1);
is($told[0]{body}{data}{paymentStatus}, 'RJCT', 'rejected: status');
is($told[0]{body}{data}{rejectionReason}{code}, 'FALHA_INFRAESTRUTURA_DICT',
   'rejected: reason');

$r = $core->post('/payments', payment(amount => '12345.00'));
$core->post('/cancellation', cancellation($r));
@told = told(1);
is($told[0]{body}{data}{paymentStatus}, 'CANC', 'cancelled: status');
ok(!exists $told[0]{body}{data}{rejectionReason}, 'cancelled: no reason');

$core->faults({ mode => 'duplicate' });
$r = $core->post('/payments', payment(amount => '20201.10'));
@told = told(2);
is_deeply($told[0]{body}, $told[1]{body}, 'duplicate: told twice');
$core->faults;


# --- accounts that the gate shares by an address, being too many for a header

my $child = fork // die "fork: $!";

if ($child == 0) {
    $core->{kept} = undef;
    $r = $core->get('/open-banking/accounts/v2/accounts',
                    [ 'X-OOF-Consent-Id' => 'urn:sandbox:1' ],
                    [ 'X-OOF-Resources' =>
                          '/oof/v1/consents/1/resources?type=ACCOUNT' ]);
    my $ids = join ' ', map { $_->{accountId} } @{ $r->{json}{data} || [] };
    POSIX::_exit($ids eq 'id-a' ? 0 : 1);
}

@told = told(1, 200, json({ data => [
    { resourceId => 'id-a', type => 'ACCOUNT', status => 'AVAILABLE',
      legacyId => [ { key => 'account', value => '10000011' } ] },
    { resourceId => 'id-b', type => 'ACCOUNT', status => 'UNAVAILABLE',
      legacyId => [ { key => 'account', value => '10000029' } ] } ] }));
waitpid $child, 0;
is($told[0]{line}, 'GET /oof/v1/consents/1/resources?type=ACCOUNT HTTP/1.1',
   'the address is asked');
is($?, 0, 'the accounts that it tells, and that are available');


# --- oof is away, or fails: told when it is back, in order

close $listener;
$r = $core->post('/payments', payment());
$core->comes_to($r, 'ACSC');
cmp_ok($core->get('/_push')->{json}{pending}, '>=', 3, 'away: it waits');
$core->kill9;
$core->restart;
cmp_ok($core->get('/_push')->{json}{pending}, '>=', 3,
       'away: it waits through a kill');

$listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8,
                                  LocalPort => $port, ReuseAddr => 1)
    or die "listen: $!";
@told = told(4, 503);
is(join(' ', map { $_->{body}{data}{paymentStatus} } @told),
   'ACCP ACCP ACPD ACSC', 'back: failed once, then all, in order');

# what is refused is not repeated

$core->post('/payments', payment(amount => '20201.10'));
$core->post('/payments', payment(amount => '20201.11'));
@told = told(2, 404);
is(join(' ', map { $_->{body}{data}{rejectionReason}{code} } @told),
   'FALHA_INFRAESTRUTURA_DICT FALHA_INFRAESTRUTURA_PSP_RECEBEDOR',
   'refused: the next one comes');
wait_for(sub { $core->get('/_push')->{json}{pending} == 0 }, 5, 'the end');
unlike($core->log_text, qr/Bearer|\d{11}/,
       'no token and no document is logged');
close $listener;
$core->stop;


# --- a bearer token

my $secret = "$Test::Oof::Dir/bearer";
Test::Oof::spew($secret, "s3cret\n");
$core = Test::Oof::Core->start(options => [ '--bearer', $secret ]);
my $gate = '/open-banking/accounts/v2/accounts';

is($core->post('/payments', payment())->{status}, 401, 'bearer: none');
is($core->post('/payments', payment(), [ Authorization => 'Bearer x' ])
        ->{status}, 401, 'bearer: another');
is($core->get($gate, [ 'X-OOF-Consent-Id' => 'x' ])->{status}, 401,
   'bearer: the data too');
$r = $core->post('/payments', payment(), [ Authorization => 'Bearer s3cret' ]);
is($r->{status}, 201, 'bearer: that one');
is(scalar @{ $core->ledger->{debits} }, 1, 'bearer: the controls are free');


# --- a certificate

$core = Test::Oof::Core->start(no_health => 1);
$core->stop;

for ([ 'server.pem', client_cert('server') ],
     [ 'server.key', client_key('server') ],
     [ 'bank-transport.pem', client_cert('one') ],
     [ 'client-ca.pem', pki('trusted.pem') ])
{
    copy($_->[1], "$core->{var}/pki/$_->[0]") or die "$_->[1]: $!";
}

$core->{options} = [ '--mtls' ];
$core->{tls} = [ tls => 1, ca => pki('root.pem') ];
$core->restart;

is($core->get('/health')->{status}, 200, 'mTLS: health');
is($core->post('/payments', payment())->{status}, 401, 'mTLS: none');

sub by {
    my ($name) = @_;

    $core->{kept} = undef;
    $core->{tls} = [ tls => 1, ca => pki('root.pem'),
                     cert => client_cert($name), key => client_key($name) ];
    return $core->post('/payments', payment())->{status};
}

is(by('two'), 401, 'mTLS: another\'s');
is(by('one'), 201, 'mTLS: the bank\'s');

done_testing();


# what is told to the management listener: so many calls, the first answered
# with a status of ours, and a body

my $connection;

sub told {
    my ($count, $status, $text) = @_;

    my (@calls, $buffer);
    my $end = time + 10;

    while (@calls < $count) {
        my $select = IO::Select->new($listener, $connection // ());
        my ($ready) = $select->can_read($end - time);
        die "told only " . @calls . ' of ' . $count if !defined $ready;

        if ($ready == $listener) {
            $connection = $listener->accept;
            $buffer = '';
            next;
        }

        if (!sysread $connection, $buffer, 65536, length($buffer // '')) {
            $connection = undef;
            next;
        }

        while ($buffer =~ /^(.*?)\r\n\r\n/s) {
            my $head = $1;
            my $length = $head =~ /^Content-Length: (\d+)/mi ? $1 : 0;
            last if length $buffer < length($head) + 4 + $length;

            substr $buffer, 0, length($head) + 4, '';
            my $body = substr $buffer, 0, $length, '';
            my ($line, $headers) = split /\r\n/, $head, 2;
            push @calls, { line => $line, headers => $headers,
                           body => $length ? decoded($body) : undef };

            my ($code, $answer) = ($status // 204, $text // '');
            $status = $text = undef;
            syswrite $connection, "HTTP/1.1 $code X\r\nContent-Length: "
                                  . length($answer) . "\r\n\r\n$answer";
        }
    }

    return @calls;
}
