#!/usr/bin/perl

# Copyright (C) oof authors

# Renewals, revocations and time itself, 64 at once on one consent: whatever
# comes first, one legal history (spec 1.5, 1.6, 1.7, 1.8; 7, 17).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents;
use Time::HiRes qw/ sleep time /;

my $o = Test::Oof->start(workers => 2, connections => 1024, leases => 1);
my $first = at(86400);
my %seen;


# 64 renewals: who asked for the latest end, and came first, has made it; each
# that was made is later than the one before

for my $round (1 .. 3) {
    my $uuid = authorised($o, expirationDateTime => $first);
    my @ends = map { at(86400 * (1 + int rand 300)) } 1 .. 64;
    my @r = at_once(map { extend($uuid, $_) } @ends);

    judged("renewals $round", $uuid, @r);
    is((sort @ends)[-1], row($uuid)->{expiration},
       "renewals $round: the latest end is there");
}


# one of them without an end: nothing is after that

{
    my $uuid = authorised($o, expirationDateTime => $first);
    my @r = at_once(map { extend($uuid, $_ % 8 ? at(86400 * (2 + $_))
                                               : undef) } 1 .. 64);

    judged('some without an end', $uuid, @r);
    is(row($uuid)->{expiration}, undef, 'some without an end: it has none');
}


# with revocations among them: one of these is done, and nothing after it

for my $round (1 .. 4) {
    my $uuid = authorised($o, expirationDateTime => $first);
    my @r = at_once(map { $_ == 20 || $_ == 40
                          ? [ 'DELETE', "$Consents/urn:bank:$uuid",
                              'consents' ]
                          : extend($uuid, at(86400 * (1 + $_))) } 1 .. 64);

    judged("revocations $round", $uuid, @r);
    is((grep { $_->{status} == 204 } @r), 1,
       "revocations $round: one has revoked it");
    is(row($uuid)->{reason_code}, 'CUSTOMER_MANUALLY_REVOKED',
       "revocations $round: it is revoked");
}


# and with time: those that come before its end keep it alive, or time has it

for my $round (1 .. 4) {
    my $end = int(time) + 2;
    my $uuid = authorised($o, expirationDateTime => at($end - int time));

    my @ready = map { [ connected(extend($uuid, at(86400 * $_))) ] } 1 .. 64;

    sleep 0.001 while time < $end - 0.01 + rand 0.02;
    my @r = answers(@ready);

    wait_for(sub { (psql('SELECT due > now() OR due IS NULL FROM oof_consent'
                         . " WHERE consent_id = '$uuid'"))[0][0] eq 't' }, 3,
             'time to have it, or not');
    judged("time $round", $uuid, @r);
}

diag(join ', ', map { "$_: $seen{$_}" } sort keys %seen);

done_testing();


sub extend {
    my ($uuid, $end) = @_;

    return [ 'POST', "$Consents/urn:bank:$uuid/extends",
             "openid consent:urn:bank:$uuid",
             json(renewal(expirationDateTime => $end)) ];
}


my %tokens;

sub connected {
    my ($request) = @_;

    my ($method, $path, $scope, $body) = @$request;
    my $c = $o->connect('plain') or die 'refused';

    $tokens{$scope} //= token(scope => $scope);

    my ($headers) = $o->request_parts('plain', token => $tokens{$scope},
        body => $body,
        headers => { 'x-fapi-customer-ip-address' => '203.0.113.7',
                     'x-customer-user-agent' => 'Receiver/1.0' });

    return ($c, $method, "$method $path HTTP/1.1\r\n"
            . join('', map { "$_->[0]: $_->[1]\r\n" } @$headers)
            . (defined $body ? 'Content-Length: ' . length($body) . "\r\n"
                             : '') . "\r\n" . ($body // ''));
}


# all are written before one is read

sub answers {
    my (@ready) = @_;

    $_->[0]->write($_->[2]) for @ready;

    return map { $_->[0]->response($_->[1]) } @ready;
}


sub at_once { answers(map { [ connected($_) ] } @_) }


# the answers are legal ones, and rows, history, events, the list and the
# answers are of one story

sub judged {
    my ($name, $uuid, @r) = @_;

    my %n;
    $n{ $_->{status} . ($_->{json}{errors} ? " $_->{json}{errors}[0]{code}"
                                           : '') }++ for @r;
    $seen{$_} += $n{$_} for keys %n;

    my @odd = grep { !/^(?:201|204|422\ (?:DATA_EXPIRACAO_INVALIDA
                       |ESTADO_CONSENTIMENTO_INVALIDO
                       |CONSENTIMENTO_EM_STATUS_REJEITADO))$/x } keys %n;
    is_deeply(\@odd, [], "$name: answers");

    my $row = row($uuid);
    my $over = $row->{status} eq 'REJECTED' ? 1 : 0;
    my @story = history($uuid);
    my $made = $n{201} // 0;

    is(scalar @story, 1 + $made + $over, "$name: a version for each change");
    is_deeply([ map { $_->[0] } @story ], [ 1, 3 .. $row->{version} ],
              "$name: versions");
    is_deeply([ map { $_->[2] } @story ],
              [ 'AWAITING_AUTHORISATION', ('AUTHORISED') x $made,
                ('REJECTED') x $over ], "$name: states");

    my @events = psql('SELECT version, type FROM oof_event WHERE key ='
                      . " '$uuid' ORDER BY stamp");
    is_deeply(\@events,
              [ [ 1, 'oof.consent.created' ],
                map({ [ $_, 'oof.consent.extended' ] } 3 .. $made + 2),
                $over ? [ $made + 3, 'oof.consent.rejected' ] : () ],
              "$name: events in order");

    # each renewal goes on from the one before, to a later end

    my @list = psql('SELECT ' . iso('previous') . ', ' . iso('expiration')
                    . ' FROM oof_consent_extension WHERE consent_id ='
                    . " '$uuid' ORDER BY version");
    my @wrong = grep { ($list[$_][0] // '') ne ($list[$_ - 1][1] // '') }
                     1 .. $#list;

    push @wrong, grep { my ($from, $to) = @{ $list[$_] };
                        defined $to && (!defined $from || $to le $from) }
                      0 .. $#list;

    is(scalar @list, $made, "$name: a renewal for each 201");
    is_deeply(\@wrong, [], "$name: each from where the last one ended");
    is($row->{expiration}, $list[-1][1], "$name: the last one holds") if @list;

    # what the callers were told is what was made

    is_deeply([ sort map { $_->{json}{data}{expirationDateTime} // '' }
                     grep { $_->{status} == 201 } @r ],
              [ sort map { $_->[1] // '' } @list ], "$name: as was answered");

    # and time has it at its due instant only

    return if ($row->{rejected_by} // '') ne 'ASPSP';

    is($row->{status_update}, $row->{expiration}, "$name: ended when due");
    $seen{swept}++;
}


sub iso { Test::Oof::Consents::iso($_[0]) }
