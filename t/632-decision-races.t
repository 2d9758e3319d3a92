#!/usr/bin/perl

# Copyright (C) oof authors

# Many at once on one consent: whatever comes first, one legal history with one
# event for each change.  Spec 1.5, 1.6, 1.7.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Client;
use Test::Oof::Journey;

my $o = journey(workers => 2, connections => 1024);
my $json = JSON::PP->new->utf8;
my $bank = token(scope => 'oof_journey', claims => { cnf => undef });
my $tpp = token(scope => 'consents');
my $api = "$Test::Oof::Api/consents";

sub short { $_[0] =~ s/^urn:bank://r }


# requests, each on a connection of its own, all written before one is read

sub at_once {
    my @made;

    for (@_) {
        my ($via, @request) = @$_;
        my $c = Test::Oof::Client->new($o->port($via)) or die 'refused';
        push @made, [ $c, @request ];
    }

    for (@made) {
        my ($c, $method, $path, $headers, $body) = @$_;
        my $text = "$method $path HTTP/1.1\r\n"
                   . join('', map { "$_->[0]: $_->[1]\r\n" } @$headers)
                   . (defined $body ? 'Content-Length: ' . length($body)
                                      . "\r\n" : '');
        $c->write("$text\r\n" . ($body // ''));
    }

    return map { $_->[0]->response($_->[1]) } @made;
}

sub decision {
    my ($id, $decision, $cpf, @resources) = @_;

    return [ management => 'POST', "$Authorise/$id",
             [ [ Host => 'bank' ], [ Authorization => "Bearer $bank" ],
               [ 'x-fapi-interaction-id' => new_uuid() ],
               [ 'Content-Type' => 'application/json' ] ],
             $json->encode({ data => { decision => $decision,
                 customer => { cpf => $cpf }, resources => \@resources } }) ];
}

sub third_party {
    my ($method, $path, $token, $body) = @_;

    return [ plain => $method, $path,
             [ [ Host => 'mtls-api.oof.test' ],
               [ 'X-SSL-Client-Cert' => header_pem('one') ],
               [ Authorization => "Bearer $token" ],
               [ 'x-fapi-interaction-id' => new_uuid() ],
               [ 'x-fapi-customer-ip-address' => '203.0.113.7' ],
               [ 'x-customer-user-agent' => 'Receiver/1.0' ],
               defined $body ? [ 'Content-Type' => 'application/json' ]
                             : () ], $body ];
}


# versions without a gap, times of decisions that never go back, an event for
# each, only changes that the regulation knows, and the row as the last one says

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
        my ($n, $status, $when, $event, $order) = @{ $rows[$i] };

        push @bad, "version $n" if $n != $i + 1 || ($event // 0) != $n;
        push @bad, "$before to $status" if !$legal{"$before $status"};
        push @bad, 'time' if $when lt $at && $rows[$i][8] ne 'client';
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

sub counted {
    my %n;
    $n{$_->{status}}++ for @_;
    return \%n;
}


# --- 64 at once

my %seen;

for my $round (1 .. 8) {
    my $id = new_consent($o);
    my @offered = account_ids($o, $id);
    my $code = token(scope => "openid consent:$id");

    # first too few rows to go round: decisions among themselves

    my @requests = map {
        my $n = $_;
        $n % 4 == 0 ? third_party(DELETE => "$api/$id", $tpp)
        : $n % 4 == 1 ? decision($id, 'REJECT', $Ana)
        : $n % 4 == 2 && $round > 4
            ? third_party(POST => "$api/$id/extends", $code,
                  $json->encode({ data => {
                      loggedUser => { document => { identification => $Ana,
                                                    rel => 'CPF' } } } }))
        : decision($id, 'AUTHORISE', $Ana, @offered)
    } map { $_ + $round } 0 .. 63;

    my @answers = at_once(@requests);
    my $n = counted(@answers);
    my @odd = grep { !/^(?:200|201|204|401|403|409|422)$/ } keys %$n;
    is("@odd", '', "round $round: each is answered by its rule")
        or diag(explain($n));

    my $history = history_ok($id, "round $round");
    $seen{$history}++;

    is((psql("SELECT count(*) FROM oof_consent_resource WHERE consent_id = '"
             . short($id) . "'"))[0][0],
       $history =~ /AUTHORISED/ && $history =~ /^\S+ AUTHORISED/ ? 2 : 0,
       "round $round: resources belong to a decision that was taken");

    # exactly as many successes as changes

    my $changes = () = $history =~ / (?:AUTHORISED|REJECTED)/g;
    my $done = ($n->{200} // 0) + ($n->{204} // 0) + ($n->{201} // 0);
    is($done, $changes, "round $round: each change was told to one caller");
}

note(join "\n", map { "$seen{$_} x $_" } sort keys %seen);


# --- 64 decisions alone: exactly one is taken

for my $decision (qw/ AUTHORISE REJECT /) {
    my $id = new_consent($o);
    my @offered = account_ids($o, $id);
    my $n = counted(at_once(map { decision($id, $decision, $Ana,
                                $decision eq 'REJECT' ? () : @offered) }
                            1 .. 64));
    is_deeply($n, { 200 => 1, 409 => 63 }, "$decision: one of 64");
    history_ok($id, $decision);
}


# --- all who must agree, at the same instant

my @people = map { sprintf '%011d', 10000000000 + $_ } 1 .. 16;

for my $round (1 .. 6) {
    my $id = new_consent($o);
    my @offered = account_ids($o, $id);

    decide($o, $id, 'AUTHORISE', cpf => $Ana, resources => [
        map { { %$_, authorisers => [ map { { cpf => $_ } } $Ana, @people ] } }
        @offered ]);

    my @says = map { 'AUTHORISE' } @people;
    $says[7] = 'REJECT' if $round > 4;

    my $n = counted(at_once(map { decision($id, $says[$_ % 16],
                                           $people[$_ % 16]) } 0 .. 63));
    is_deeply($n, { 200 => 16, 409 => 48 },
              "16 people, four times each: each has one say ($round)");
    history_ok($id, "16 people ($round)");

    is(join(' ', map { $_->{status} }
                 @{ resources($o, $id)->{json}{data} }),
       join(' ', ($round > 4 ? 'UNAVAILABLE' : 'AVAILABLE') x 2),
       "16 people: and no word is lost ($round)");
}

done_testing();
