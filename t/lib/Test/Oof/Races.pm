package Test::Oof::Races;

# Copyright (C) oof authors

# Many calls at once on one consent, and whether what is written of them is one
# legal history.

use strict;
use warnings;

use JSON::PP ();
use Test::More;
use Test::Oof;
use Test::Oof::Client;
use Test::Oof::Journey ();

use parent 'Exporter';

our @EXPORT = qw/
    short at_once connected answers decision third_party
    revocation renewal_of bank_call history_ok counted
/;

my $json = JSON::PP->new->utf8;
my $api = "$Test::Oof::Api/consents";
my %tokens;


sub short { $_[0] =~ s/^urn:bank://r }


# tokens of a scope are made once, so that calls can be made quickly

sub token_of {
    my ($scope, @claims) = @_;

    return $tokens{$scope} //= token(scope => $scope, @claims);
}


# requests, each on a connection of its own, all written before one is read

sub at_once { my $o = shift; return answers(map { connected($o, $_) } @_) }


sub connected {
    my ($o, $request) = @_;

    my ($via, $method, $path, $headers, $body) = @$request;
    my $c = Test::Oof::Client->new($o->port($via)) or die 'refused';

    return [ $c, $method,
             "$method $path HTTP/1.1\r\n"
             . join('', map { "$_->[0]: $_->[1]\r\n" } @$headers)
             . (defined $body ? 'Content-Length: ' . length($body) . "\r\n"
                              : '') . "\r\n" . ($body // '') ];
}


sub answers {
    $_->[0]->write($_->[2]) for @_;

    return map { $_->[0]->response($_->[1]) } @_;
}


# a decision of the bank's channel on a consent

sub decision {
    my ($id, $decision, $cpf, @resources) = @_;

    return bank_call(POST => "$Test::Oof::Journey::Authorise/$id",
                     'oof_journey',
                     { data => { decision => $decision,
                                 customer => { cpf => $cpf },
                                 resources => \@resources } });
}


sub bank_call {
    my ($method, $path, $scope, $body) = @_;

    my $token = token_of($scope, claims => { cnf => undef,
                                             client_id => 'bank-channel' });

    return [ management => $method, $path,
             [ [ Host => 'bank' ], [ Authorization => "Bearer $token" ],
               [ 'x-fapi-interaction-id' => new_uuid() ],
               [ 'Content-Type' => 'application/json' ] ],
             $json->encode($body) ];
}


# a call of the third party

sub third_party {
    my ($method, $path, $scope, $body) = @_;

    return [ plain => $method, $path,
             [ [ Host => 'mtls-api.oof.test' ],
               [ 'X-SSL-Client-Cert' => header_pem('one') ],
               [ Authorization => 'Bearer ' . token_of($scope) ],
               [ 'x-fapi-interaction-id' => new_uuid() ],
               [ 'x-fapi-customer-ip-address' => '203.0.113.7' ],
               [ 'x-customer-user-agent' => 'Receiver/1.0' ],
               defined $body ? [ 'Content-Type' => 'application/json' ]
                             : () ],
             defined $body ? $json->encode($body) : undef ];
}


# its revocation, and its renewal until an instant, or without an end

sub revocation { third_party(DELETE => "$api/$_[0]", 'consents') }


sub renewal_of {
    my ($id, $cpf, $end) = @_;

    return third_party(POST => "$api/$id/extends", "openid consent:$id",
        { data => { loggedUser => { document => { identification => $cpf,
                                                  rel => 'CPF' } },
                    defined $end ? (expirationDateTime => $end) : () } });
}


# versions without a gap, times of decisions that never go back, an event for
# each, only changes that the regulation knows, and the row as the last one says
# (a revocation may carry the second before that of a renewal on another clock)

my %legal = map { $_ => 1 } (
    ' AWAITING_AUTHORISATION', 'AWAITING_AUTHORISATION AUTHORISED',
    'AWAITING_AUTHORISATION REJECTED', 'AUTHORISED REJECTED',
    'AUTHORISED AUTHORISED');

sub history_ok {
    my ($id, $name) = @_;

    my @rows = psql('SELECT h.version, h.status, h.at, e.version, e.stamp,'
        . ' c.version, c.status, c.stamp, h.actor FROM oof_consent_history h'
        . ' JOIN oof_consent c USING (consent_id)'
        . ' LEFT JOIN oof_event e ON e.id = h.event_id'
        . " WHERE h.consent_id = '" . short($id) . "' ORDER BY h.version");
    my ($before, $at, $stamp, @bad) = ('', '', '');

    for my $i (0 .. $#rows) {
        my ($n, $status, $when, $event, $order, $actor)
            = @{ $rows[$i] }[0 .. 4, 8];

        push @bad, "version $n" if $n != $i + 1 || ($event // 0) != $n;
        push @bad, "$before to $status" if !$legal{"$before $status"};
        push @bad, 'time' if $when lt $at
                             && ($status ne 'REJECTED' || $actor ne 'client');
        push @bad, 'stamp' if ($order // '') le $stamp;
        ($before, $at, $stamp) = ($status, $when, $order);
    }

    push @bad, 'row' if $rows[-1][5] != @rows || $rows[-1][6] ne $before
                        || $rows[-1][7] ne $stamp;
    my ($n) = (psql("SELECT count(*) FROM oof_event WHERE key = '"
                    . short($id) . "'"))[0][0];
    push @bad, "$n events" if $n != @rows;

    is("@bad", '', "$name: a legal history") or diag(explain(\@rows));

    return join ' ', map { $_->[1] } @rows;
}


# answers by their status

sub counted {
    my %n;
    $n{$_->{status}}++ for @_;
    return \%n;
}


1;
